package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// Operation is what is tested, as it stands in findings and metrics. There is one until others are.
const Operation = "sha256"

// vectors are published answers: FIPS 180-2, appendix B, and NIST's example algorithms for SHA-256.
var vectors = []struct{ message, hash string }{
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
}

// The parts of an exam, which is some 64 KiB.
const (
	longest    = 10_000 // bytes of a message; all lengths from 1 on have their turn, in a thousand exams
	lengths    = 10     // in an exam
	stride     = 3571   // between them: it shares no factor with longest, so that all come
	chainSteps = 16     // of the chain
)

// mismatch is a hash that the two implementations do not agree on, or that is not as it was published.
type mismatch struct {
	message   []byte
	got, want [Size]byte
}

// exam compares what crypto/sha256 says with the published answers and with what the second implementation says: messages that
// begin with every byte there is, as a fault may show for some data only; messages of many lengths, another few in each exam; and
// a chain in which each message is made of the hashes before it (as in the Monte Carlo test of NIST's SHAVS, 6.4). Number tells exams
// apart: each has data of its own. It returns the first mismatch, nil if there is none.
//
// What it hashes it hashes where it is called, so the caller says on which core.
func exam(number uint64, sum func([]byte) [Size]byte) *mismatch {
	for _, v := range vectors {
		var want [Size]byte
		hex.Decode(want[:], []byte(v.hash)) // it is hexadecimal, as a test knows
		if got := sum([]byte(v.message)); got != want {
			return &mismatch{[]byte(v.message), got, want}
		}
	}
	random := rand.NewPCG(number, 0x70726f6f66)
	data := make([]byte, longest)
	for i := 0; i < len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], random.Uint64())
	}
	compare := func(message []byte) *mismatch {
		if got, want := sum(message), Sum2(message); got != want {
			return &mismatch{append([]byte(nil), message...), got, want}
		}
		return nil
	}
	message := make([]byte, blockSize-9) // with its padding one block
	for first := range 256 {
		copy(message, data[first:])
		message[0] = byte(first)
		if m := compare(message); m != nil {
			return m
		}
	}
	if m := chain(data, sum); m != nil {
		return m
	}
	for i := range uint64(lengths) {
		if m := compare(data[:(lengths*number+i)*stride%longest+1]); m != nil {
			return m
		}
	}
	return nil
}

// chain hashes hashes, and compares each: what was wrong first is what can be hashed again.
func chain(seed []byte, sum func([]byte) [Size]byte) *mismatch {
	three := [3 * Size]byte(seed)
	for range chainSteps {
		got, want := sum(three[:]), Sum2(three[:])
		if got != want {
			return &mismatch{append([]byte(nil), three[:]...), got, want}
		}
		three = step(three, got)
	}
	return nil
}

// step drops the oldest of three hashes.
func step(three [3 * Size]byte, next [Size]byte) [3 * Size]byte {
	copy(three[:], three[Size:])
	copy(three[2*Size:], next[:])
	return three
}

// retests is how often a message is hashed again that was hashed wrongly once.
const retests = 1000

// again counts how often the hash of a message is wrong.
func again(m *mismatch, times int, sum func([]byte) [Size]byte) (wrong int) {
	for range times {
		if sum(m.message) != m.want {
			wrong++
		}
	}
	return wrong
}

func first(message []byte) [Size]byte { return sha256.Sum256(message) }
