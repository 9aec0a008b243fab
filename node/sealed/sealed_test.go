package sealed

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestOnlyWhatWasSealedIsOpened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.SliceOfN(rapid.Byte(), 0, 20)
		key, value := bytesOf.Draw(t, "key"), bytesOf.Draw(t, "value")
		s := Seal(key, value)
		if got, good := Open(key, s); !good || !bytes.Equal(got, value) {
			t.Fatalf("%x came back as %x, %t", value, got, good)
		}
		if _, good := Open(append(key, 0), s); good {
			t.Fatal("it opens with another key")
		}
		if _, good := Open(key, s[:rapid.IntRange(0, len(s)-1).Draw(t, "cut")]); good {
			t.Fatal("it opens when it is cut short")
		}
		bit := rapid.IntRange(0, 8*len(s)-1).Draw(t, "bit")
		s[bit/8] ^= 1 << (bit % 8)
		if _, good := Open(key, s); good {
			t.Fatalf("it opens with bit %d flipped", bit)
		}
	})
}
