package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// stream is a connection whose bytes are in memory.
type stream struct {
	net.Conn
	bytes.Buffer
}

func (s *stream) Read(b []byte) (int, error)  { return s.Buffer.Read(b) }
func (s *stream) Write(b []byte) (int, error) { return s.Buffer.Write(b) }
func (s *stream) Close() error                { return nil }

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &stream{}
		c := Wrap(s)
		var want []byte
		for _, part := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3*MaxPayload), 0, 4).Draw(t, "writes") {
			c.Write(part)
			want = append(want, part...)
		}
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(want))
		}
	})
}

func TestAFlippedBitNeverPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &stream{}
		want := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload")
		Wrap(s).Write(want)
		bit := rapid.IntRange(0, s.Len()*8-1).Draw(t, "bit")
		s.Bytes()[bit/8] ^= 1 << (bit % 8)
		got, err := io.ReadAll(Wrap(s))
		if len(got) > 0 || !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("bit %d: read %q, %v", bit, got, err)
		}
	})
}

// TestADeadlineInAFramesMiddleLosesNothing at whatever byte it comes.
func TestADeadlineInAFramesMiddleLosesNothing(t *testing.T) {
	s := &stream{}
	Wrap(s).Write([]byte("hello"))
	frame := s.Bytes()
	for at := range frame {
		near, far := net.Pipe()
		c := Wrap(near)
		deadline := make(chan struct{})
		go func() {
			far.Write(frame[:at])
			near.SetReadDeadline(time.Unix(1, 0))
			<-deadline
			far.Write(frame[at:])
			far.Close()
		}()
		if n, err := c.Read(make([]byte, 9)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("byte %d: %d bytes, %v", at, n, err)
		}
		near.SetReadDeadline(time.Time{})
		close(deadline)
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("byte %d: read %q, %v", at, got, err)
		}
	}
}
