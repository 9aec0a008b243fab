package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/reports"
	"picloud/scenarios/history"
)

// script reads a history on one key, one operation a line: the times of call and return in
// milliseconds, what was done, and an outcome if it is not ok. "-" is an absent key.
//
//	0 10 write a
//	5 20 read a
//	30 40 cas a b -> a
//	30 60 delete unknown
func script(t testing.TB, text string) history.History {
	t.Helper()
	var h history.History
	value := func(s string) string { return strings.TrimPrefix(s, "-") }
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		f := strings.Fields(line)
		o := history.Operation{Client: i, Key: "k", Outcome: history.OK, Kind: history.Kind(f[2])}
		fmt.Sscan(f[0], (*int64)(&o.Call))
		fmt.Sscan(f[1], (*int64)(&o.Return))
		o.Call, o.Return = o.Call*time.Millisecond, o.Return*time.Millisecond
		if last := f[len(f)-1]; last == "unknown" || last == "failed" {
			o.Outcome, f = history.Outcome(last), f[:len(f)-1]
		}
		switch o.Kind {
		case history.Write:
			o.Value = f[3]
		case history.Read:
			if len(f) > 3 {
				o.Result = value(f[3])
			}
		case history.CAS:
			o.Expect, o.Value = value(f[3]), f[4]
			if len(f) > 6 {
				o.Result = value(f[6])
			}
		}
		h = append(h, o)
	}
	h.Sort()
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	return h
}

var stories = []struct {
	name  string
	text  string
	legal bool
}{
	{"a read sees the write before it", "0 10 write a\n20 30 read a", true},
	{"a key starts absent", "0 10 read -\n20 30 write a", true},
	{"a read beside a write sees either", "0 10 write a\n20 50 write b\n30 40 read a\n35 45 read b", true},
	{"a stale read", "0 10 write a\n20 30 write b\n40 50 read a", false},
	{"a lost write", "0 10 write a\n20 30 read -", false},
	{"a value that nobody wrote", "0 10 write a\n20 30 read b", false},
	{"a value from the future", "0 10 read a\n20 30 write a", false},
	{"reads that go back", "0 10 write a\n20 90 write b\n30 40 read b\n50 60 read a", false},
	{"a delete is seen", "0 10 write a\n20 30 delete\n40 50 read -", true},
	{"a resurrected value", "0 10 write a\n20 30 delete\n40 50 read -\n60 70 read a", false},
	{"an unknown write that shows later", "0 10 write a\n20 30 write b unknown\n40 50 read a\n60 70 read b", true},
	{"an unknown write that never shows", "0 10 write a\n20 30 write b unknown\n40 50 read a", true},
	{"an unknown write that shows and vanishes", "0 10 write a\n20 30 write b unknown\n40 50 read b\n60 70 read a", false},
	{"an unknown write of what another wrote too",
		"0 10 write a\n12 14 write a unknown\n20 30 read a\n40 50 write b\n60 70 read a", true},
	{"a failed write that shows", "0 10 write a\n20 30 write b failed\n40 50 read b", false},
	{"an unknown delete that shows", "0 10 write a\n20 30 delete unknown\n40 50 read a\n60 70 read -", true},
	{"a delete cannot show before it is called", "0 10 write a\n20 30 read -\n40 50 delete unknown", false},
	{"an unknown delete overtaken by a write", "0 10 write a\n20 30 delete unknown\n40 50 write b\n60 70 read -\n80 90 read a", false},
	{"a swap", "0 10 write a\n20 30 cas a b -> a\n40 50 read b", true},
	{"a swap that found another value", "0 10 write a\n20 30 cas x b -> a\n40 50 read a", true},
	{"a swap of a value that is gone", "0 10 write a\n20 30 write b\n40 50 cas a c -> a", false},
	{"a swap that found a stale value", "0 10 write a\n20 30 write b\n40 50 cas x c -> a", false},
	{"two swaps of one value", "0 10 write a\n20 50 cas a b -> a\n20 50 cas a c -> a", false},
	{"an unknown swap that needs an unknown write",
		"0 10 write x unknown\n20 30 cas x y unknown\n40 50 read y", true},
	{"an unknown swap whose ground is gone",
		"0 10 write a\n20 30 write b\n40 50 cas a c unknown\n60 70 read c", false},
	{"a swap that makes a key", "0 10 cas - a -> -\n20 30 read a", true},
}

func TestLinearizableJudgesStories(t *testing.T) {
	for _, s := range stories {
		want := reports.Pass
		if !s.legal {
			want = reports.Fail
		}
		if c := Linearizable(script(t, s.text), 1, 10_000); c.Status != want {
			t.Errorf("%s: %s, want %s: %s", s.name, c.Status, want, c.Detail)
		}
		if legal := bruteForce(script(t, s.text)); legal != s.legal {
			t.Errorf("%s: the dumb judge says legal is %t", s.name, legal)
		}
	}
}

// bruteForce tries every order and every choice of unknown operations that never happened. It
// shares nothing with the judge but the meaning of an operation on a known value.
func bruteForce(h history.History) bool {
	var search func(state string, left history.History) bool
	search = func(state string, left history.History) bool {
		done := true
		for i, o := range left {
			if o.Outcome == history.OK {
				done = false
			}
			first := true // nothing that is left is over before o is called
			for j, other := range left {
				if j != i && other.Outcome == history.OK && other.Return < o.Call {
					first = false
				}
			}
			if !first || o.Outcome == history.Failed {
				continue
			}
			rest := append(append(history.History(nil), left[:i]...), left[i+1:]...)
			next, legal := state, true
			switch {
			case o.Kind == history.Write:
				next = o.Value
			case o.Kind == history.Delete:
				next = ""
			case o.Outcome == history.OK && o.Result != state:
				legal = false
			case o.Kind == history.CAS && state == o.Expect:
				next = o.Value
			}
			if legal && search(next, rest) {
				return true
			}
		}
		return done
	}
	return search("", h)
}

// smallHistory draws a few operations whose results are often, but not always, possible.
func smallHistory(t *rapid.T) history.History {
	var h history.History
	values := rapid.SampledFrom([]string{"a", "b", "c"})
	states := rapid.SampledFrom([]string{"", "a", "b", "c"})
	unique := rapid.Bool().Draw(t, "unique")
	for i := range rapid.IntRange(1, 6).Draw(t, "operations") {
		o := history.Operation{Client: i, Key: "k",
			Kind:    rapid.SampledFrom([]history.Kind{history.Read, history.Write, history.Delete, history.CAS}).Draw(t, "kind"),
			Outcome: rapid.SampledFrom([]history.Outcome{history.OK, history.OK, history.Unknown, history.Failed}).Draw(t, "outcome"),
			Call:    time.Duration(rapid.IntRange(0, 12).Draw(t, "call")),
		}
		o.Return = o.Call + time.Duration(rapid.IntRange(0, 6).Draw(t, "latency"))
		if o.Kind == history.Write || o.Kind == history.CAS {
			o.Value = values.Draw(t, "value")
			if unique {
				o.Value = string(rune('a' + i))
			}
		}
		if o.Kind == history.CAS {
			o.Expect = states.Draw(t, "expect")
		}
		if o.Outcome == history.OK && (o.Kind == history.Read || o.Kind == history.CAS) {
			o.Result = states.Draw(t, "result")
		}
		h = append(h, o)
	}
	h.Sort()
	return h
}

func TestTheJudgeAgreesWithADumbOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := smallHistory(t)
		want := reports.Fail
		if bruteForce(h) {
			want = reports.Pass
		}
		if got := judge(simplify(h), 1_000_000); got != want {
			t.Fatalf("got %s, want %s for %v", got, want, h)
		}
	})
}

// TestBothJudgesOfRegistersAgree compares the decision by clusters with porcupine's search, and both
// with all orders, on keys that see only reads, and writes of values of their own.
func TestBothJudgesOfRegistersAgree(t *testing.T) {
	legal, illegal := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		h := registerHistory(t)
		ops := simplify(h)
		got, sure := decide(ops)
		if !sure {
			t.Fatalf("undecided: %v", h)
		}
		if want := search(ops, 1_000_000); got != want {
			t.Fatalf("clusters say %s, porcupine says %s, all orders say legal is %t: %v", got, want, bruteForce(h), h)
		}
		if got == reports.Pass {
			legal++
		} else {
			illegal++
		}
	})
	if legal == 0 || illegal == 0 {
		t.Errorf("%d legal histories and %d illegal ones prove little", legal, illegal)
	}
}

// registerHistory draws overlapping reads and writes, most of whose results are near the truth.
func registerHistory(t *rapid.T) history.History {
	var h history.History
	n := rapid.IntRange(1, 9).Draw(t, "operations")
	for i := range n {
		o := history.Operation{Client: i, Key: "k", Kind: history.Read, Outcome: history.OK,
			Call: time.Duration(3*i + rapid.IntRange(0, 4).Draw(t, "call"))}
		o.Return = o.Call + time.Duration(rapid.IntRange(0, 9).Draw(t, "latency"))
		if rapid.Bool().Draw(t, "write") {
			o.Kind, o.Value = history.Write, string(rune('a'+i))
			o.Outcome = rapid.SampledFrom([]history.Outcome{history.OK, history.OK, history.Unknown}).Draw(t, "outcome")
		}
		h = append(h, o)
	}
	states := []string{""}
	for i := range h {
		if h[i].Kind == history.Write {
			states = append(states, h[i].Value)
			continue
		}
		from := max(0, len(states)-3)
		h[i].Result = rapid.SampledFrom(states[from:]).Draw(t, "result")
	}
	h.Sort()
	return h
}

func TestWhatIsCalledStaleIsIllegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := smallHistory(t)
		if proof := stale(simplify(h)); proof != nil && bruteForce(h) {
			t.Fatalf("%v is called a proof against %v, which is legal", proof, h)
		}
	})
	for _, s := range stories {
		proof := stale(simplify(script(t, s.text)))
		if (s.name == "a stale read" || s.name == "a resurrected value") && len(proof) != 3 {
			t.Errorf("%s: %v", s.name, proof)
		}
		if s.legal && proof != nil {
			t.Errorf("%s is legal, against it stands %v", s.name, proof)
		}
	}
}

func TestAWitnessIsIllegalByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := smallHistory(t)
		if bruteForce(h) {
			t.Skip("legal")
		}
		if seen := witness(h, 1_000_000); bruteForce(seen) {
			t.Fatalf("%v was shown for %v, and is legal", seen, h)
		}
	})
}

// busy is a history of many clients on one key in which each write is seen, spoilt by one stale
// read in its middle if asked.
func busy(rounds, clients int, stale bool) history.History {
	var h history.History
	at, value := time.Duration(0), ""
	for round := range rounds {
		before := value
		value = fmt.Sprint("v", round)
		h = append(h, history.Operation{Client: 0, Kind: history.Write, Key: "k", Value: value,
			Call: at, Return: at + 5, Outcome: history.OK})
		for client := 1; client < clients; client++ {
			result := value
			if stale && round == rounds/2 && client == 1 {
				result = before
			}
			h = append(h, history.Operation{Client: client, Kind: history.Read, Key: "k", Result: result,
				Call: at + 6, Return: at + 9, Outcome: history.OK})
		}
		at += 10
	}
	h.Sort()
	return h
}

func TestAFailureIsShownWithFewOperations(t *testing.T) {
	c := Linearizable(busy(50, 10, true), 1, 1_000_000)
	want := `1 of 1 keys are not linearizable, k is one:
client 0 wrote "v24" at 0.000s..0.000s
client 0 wrote "v25" at 0.000s..0.000s
client 1 read "v24" at 0.000s..0.000s`
	if c.Status != reports.Fail || c.Detail != want {
		t.Errorf("got %s: %s", c.Status, c.Detail)
	}
	if p := c.Proof; p == nil || p.Key != "k" || len(p.Operations) != 3 || p.Operations[p.Impossible].Did != `read "v24"` {
		t.Errorf("it is drawn as %+v", c.Proof)
	}
}

func TestWhichOperationIsImpossible(t *testing.T) {
	for _, c := range []struct{ name, history, did string }{
		{"the last that returns", "0 10 write a\n20 30 write b\n40 50 read a", `read "a"`},
		{"not a later one that is called before", "0 10 write a\n20 30 write b\n35 90 read b\n40 50 read a", `read "a"`},
		{"two reads that cross", "0 100 write a\n10 20 read a\n30 40 read -", "read nothing"},
		{"what a swap that was refused has put all the same", "0 10 write a\n20 30 cas b c -> a\n40 50 read c", `read "c"`},
		{"a write that others saw before it returned", "0 10 write a\n20 90 write b\n30 40 read b\n50 60 read a", `read "a"`},
	} {
		h := script(t, c.history)
		p := proof(history.KeyHistory{Key: "k", Operations: h}, witness(h, 1_000_000), 1_000_000)
		if got := p.Operations[p.Impossible].Did; got != c.did {
			t.Errorf("%s: %s, want %s", c.name, got, c.did)
		}
	}
}

// TestTheBudgetIsASteadyNumber plants a history that is hard because nothing bounds its unknown
// deletes: it must end, undecided, and in the same way each time.
func TestTheBudgetIsASteadyNumber(t *testing.T) {
	h := busy(40, 3, false)
	h = append(h, script(t, "400 401 write x\n400 405 write y\n410 413 read x\n412 415 read y")...) // one of them is late
	for i := range 25 {
		h = append(h, history.Operation{Client: 10 + i, Kind: history.Delete, Key: "k",
			Call: time.Duration(i), Return: 400, Outcome: history.Unknown})
	}
	h = append(h, history.Operation{Client: 100, Kind: history.Read, Key: "k",
		Call: 500 * time.Millisecond, Return: 501 * time.Millisecond, Outcome: history.OK})
	h.Sort()
	first := Linearizable(h, 1, 200_000)
	if first.Status != reports.Inconclusive || !strings.Contains(first.Detail, "need more than 200000 steps") {
		t.Fatalf("got %s: %s", first.Status, first.Detail)
	}
	if again := Linearizable(h, 1, 200_000); again != first {
		t.Errorf("first %v, then %v", first, again)
	}
}

func TestTooFewOperationsProveNothing(t *testing.T) {
	c := Linearizable(script(t, "0 10 write a\n20 30 read a"), 3, 1000)
	if c.Status != reports.Inconclusive || c.Detail != "saw 2 operations, the minimum is 3" {
		t.Errorf("got %s: %s", c.Status, c.Detail)
	}
}

func TestKeysAreJudgedApart(t *testing.T) {
	h := script(t, "0 10 write a\n20 30 write b\n40 50 read a")
	h[2].Key = "other"
	h[2].Result = ""
	if c := Linearizable(h, 1, 1000); c.Status != reports.Pass {
		t.Errorf("got %s: %s", c.Status, c.Detail)
	}
}

func BenchmarkLinearizable(b *testing.B) {
	h := busy(200, 10, false)
	for b.Loop() {
		if c := Linearizable(h, 1, 10_000_000); c.Status != reports.Pass {
			b.Fatal(c.Detail)
		}
	}
}
