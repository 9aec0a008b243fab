package codec

import (
	"bytes"
	"testing"
)

// FuzzReader reads data as a plan says. What could be read is written again as it was.
func FuzzReader(f *testing.F) {
	var w Writer
	w.Number(300)
	w.Flag(true)
	w.Text("text")
	w.Bytes(nil)
	f.Add([]byte(w), []byte{0, 1, 2, 2})
	f.Add([]byte{0x80, 0}, []byte{0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte{2})
	names := []string{"a", "b", "c"}
	f.Fuzz(func(t *testing.T, data, plan []byte) {
		r := NewReader(data)
		var again Writer
		for _, what := range plan {
			switch what % 4 {
			case 0:
				again.Number(r.Number())
			case 1:
				again.Flag(r.Flag())
			case 2:
				again.Bytes(r.Bytes())
			case 3:
				if name := One(r, names); !r.Bad() {
					if err := Place(&again, names, name); err != nil {
						t.Fatal(err)
					}
				}
			}
			if r.Bad() {
				return
			}
		}
		if again = append(again, r.Rest()...); r.Done() != nil || !bytes.Equal(again, data) {
			t.Errorf("%x was read as %x", data, again)
		}
	})
}
