package proof

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"testing"

	"pgregory.net/rapid"
)

func TestBothImplementationsKnowThePublishedAnswers(t *testing.T) {
	for _, v := range vectors {
		if v.message == "" && v.hash != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			t.Errorf("the hash of nothing is %s", v.hash)
		}
		if got := Sum2([]byte(v.message)); hex.EncodeToString(got[:]) != v.hash {
			t.Errorf("%.20q: the second says %x, published is %s", v.message, got, v.hash)
		}
		if got := sha256.Sum256([]byte(v.message)); hex.EncodeToString(got[:]) != v.hash {
			t.Errorf("%.20q: the first says %x, published is %s", v.message, got, v.hash)
		}
	}
}

// TestAMillionLettersHashAsPublished is the long message of FIPS 180-2, appendix B.3.
func TestAMillionLettersHashAsPublished(t *testing.T) {
	if got := Sum2(bytes.Repeat([]byte("a"), 1_000_000)); hex.EncodeToString(got[:]) != "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" {
		t.Errorf("%x", got)
	}
}

func TestTheImplementationsAgreeOnEveryLength(t *testing.T) {
	data := make([]byte, 1100)
	for n := range data {
		data[n] = byte(n * 31)
		if got, want := Sum2(data[:n]), sha256.Sum256(data[:n]); got != want {
			t.Fatalf("%d bytes: %x and %x", n, got, want)
		}
	}
}

// TestWritesInAnyPiecesAreOneMessage compares with crypto/sha256, also in the middle of a message, and after a reset.
func TestWritesInAnyPiecesAreOneMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := New2(), sha256.New()
		for range rapid.IntRange(1, 8).Draw(t, "writes") {
			if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
				a.Reset()
				b.Reset()
			}
			piece := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "piece")
			a.Write(piece)
			b.Write(piece)
			if got, want := a.Sum([]byte("x")), b.Sum([]byte("x")); !bytes.Equal(got, want) {
				t.Fatalf("%x and %x", got, want)
			}
		}
	})
}

func TestItStandsInForTheOtherInWhatIsMadeOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret, salt := rapid.StringN(0, 100, 100).Draw(t, "secret"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "salt")
		rounds := rapid.IntRange(1, 5).Draw(t, "rounds")
		key := func(of func() hash.Hash) []byte {
			k, err := pbkdf2.Key(of, secret, salt, rounds, 40)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		if got, want := key(New2), key(sha256.New); !bytes.Equal(got, want) {
			t.Fatalf("PBKDF2: %x and %x", got, want)
		}
		one, other := hmac.New(New2, salt), hmac.New(sha256.New, salt)
		one.Write([]byte(secret))
		other.Write([]byte(secret))
		if got, want := one.Sum(nil), other.Sum(nil); !bytes.Equal(got, want) {
			t.Fatalf("HMAC: %x and %x", got, want)
		}
	})
}

func BenchmarkSecondImplementation(b *testing.B) {
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Sum2(data)
	}
}

func BenchmarkFirstImplementation(b *testing.B) {
	data := make([]byte, 64<<10)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		sha256.Sum256(data)
	}
}
