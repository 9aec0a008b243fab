package proof

import (
	"bytes"
	"testing"
)

// liar hashes wrongly what a rule says, as a faulty core does.
func liar(wrong func(message []byte) bool) func([]byte) [Size]byte {
	return func(message []byte) [Size]byte {
		sum := first(message)
		if wrong(message) {
			sum[5] ^= 4
		}
		return sum
	}
}

// begins is a fault that shows for messages that begin with some bytes.
func begins(mask, match byte) func([]byte) bool {
	return func(message []byte) bool { return len(message) > 0 && message[0]&mask == match }
}

func TestAHealthyCorePasses(t *testing.T) {
	for number := range uint64(20) {
		if m := exam(number, first); m != nil {
			t.Fatalf("exam %d: %x", number, m)
		}
	}
}

func TestAFaultThatDependsOnTheFirstByteIsFoundInOneExam(t *testing.T) {
	for match := range 256 {
		for number := range uint64(3) {
			if exam(number, liar(begins(0xff, byte(match)))) == nil {
				t.Fatalf("exam %d passes a core that is wrong about what begins with %02x", number, match)
			}
		}
	}
}

func TestEveryLengthHasItsTurn(t *testing.T) {
	seen, hashed := map[int]bool{}, 0
	note := func(message []byte) [Size]byte {
		seen[len(message)] = true
		hashed += len(message)
		return first(message)
	}
	exams := 0
	for ; len(seen) < longest+1; exams++ { // and the empty message
		if exams > longest/lengths {
			t.Fatalf("after %d exams %d of %d lengths were tested", exams, len(seen), longest)
		}
		exam(uint64(exams), note)
	}
	if each := hashed / exams; each < 56<<10 || each > 72<<10 {
		t.Errorf("an exam hashes %d bytes, not about 64 KiB", each)
	}
	t.Logf("all lengths after %d exams", exams)
}

func TestAFaultOfOneLengthIsFoundInTime(t *testing.T) {
	for _, length := range []int{1, 777, 9999, longest} {
		number := uint64(0)
		for exam(number, liar(func(m []byte) bool { return len(m) == length })) == nil {
			if number++; number > longest/lengths {
				t.Fatalf("a core that is wrong about %d bytes passes", length)
			}
		}
	}
}

// TestAFaultInTheChainIsFound: the fault shows for one hash in a few hundred, as it does for random data.
func TestAFaultInTheChainIsFound(t *testing.T) {
	n := 0
	if chain(make([]byte, longest), liar(func([]byte) bool { n++; return n == 3 })) == nil {
		t.Error("the chain is right with a wrong link")
	}
}

// TestWhatWasWrongInTheChainIsWrongAgain: what is hashed again is the message that was hashed wrongly, and not what came of it.
func TestWhatWasWrongInTheChainIsWrongAgain(t *testing.T) {
	seed, hashed := make([]byte, longest), 0
	var third []byte
	chain(seed, func(message []byte) [Size]byte {
		if hashed++; hashed == 3 {
			third = append(third, message...)
		}
		return first(message)
	})
	faulty := liar(func(message []byte) bool { return bytes.Equal(message, third) })
	m := chain(seed, faulty)
	if m == nil {
		t.Fatal("the chain is right with a wrong link")
	}
	if wrong := again(m, retests, faulty); wrong != retests || m.got != faulty(m.message) || m.want != first(m.message) {
		t.Errorf("%d of %d are wrong; %x is said to have become %x in place of %x", wrong, retests, m.message, m.got, m.want)
	}
}

func TestARetestCountsWhatIsWrong(t *testing.T) {
	n := 0
	m := &mismatch{message: []byte("abc"), want: Sum2([]byte("abc"))}
	if got := again(m, retests, liar(func([]byte) bool { n++; return n%10 == 0 })); got != 100 {
		t.Errorf("%d of 1000", got)
	}
}

func BenchmarkExam(b *testing.B) {
	number := uint64(0)
	for b.Loop() {
		exam(number, first)
		number++
	}
}
