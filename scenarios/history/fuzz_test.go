package history

import (
	"bytes"
	"testing"
)

// FuzzRead: a history that is taken is written and read again, and then written as it was.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"client":1,"kind":"write","key":"k","value":"v","call":1,"return":2,"outcome":"ok"}` + "\n" +
		`{"client":1,"kind":"read","key":"k","result":"v","call":3,"return":4,"outcome":"ok"}`))
	f.Add([]byte(`{"client":1,"kind":"txn","key":"p","steps":[{"key":"p/1","append":"x"},{"key":"p/1","read":["x"]}],"call":1,"return":2,"outcome":"ok"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadFrom("file", bytes.NewReader(data))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := h.Write(&once); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFrom("file", bytes.NewReader(once.Bytes()))
		if err == nil {
			err = again.Write(&twice)
		}
		if err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("%q became %q, and then %q: %v", data, once.Bytes(), twice.Bytes(), err)
		}
	})
}
