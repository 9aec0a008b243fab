package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzFrames: whatever comes, what is handed on stood in whole frames, and no more memory is taken than a frame's.
func FuzzFrames(f *testing.F) {
	s := &stream{}
	if _, err := Wrap(s).Write([]byte("hello")); err != nil {
		f.Fatal(err)
	}
	f.Add(s.Bytes())
	f.Add(append(bytes.Clone(s.Bytes()), s.Bytes()[:9]...))
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &stream{}
		in.Buffer.Write(data)
		c, read := Wrap(in), 0
		for {
			var b [7]byte
			n, err := c.Read(b[:])
			if read += n; read > len(data) || cap(c.in) > MaxPayload {
				t.Fatalf("%d bytes of %d, with %d bytes of memory", read, len(data), cap(c.in))
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ErrCorrupt) {
					t.Error(err)
				}
				return
			}
		}
	})
}
