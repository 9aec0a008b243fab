package kv

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"picloud/scenarios/history"
)

func TestMixesAreOfAHundredOperations(t *testing.T) {
	if got := MixNames(); len(got) != 6 {
		t.Errorf("there are the mixes %q", got)
	}
	for name, m := range mixes() {
		if sum := m.Read + m.Update + m.Insert + m.Scan + m.Modify; sum != 100 {
			t.Errorf("%s is of %d operations", name, sum)
		}
	}
}

// TestPopularityIsZipfian: the sums say how often each rank is asked for.
func TestPopularityIsZipfian(t *testing.T) {
	r := newRecords(ClientConfig{KeysInUse: 1000})
	all := r.sums[len(r.sums)-1]
	for rank, want := range map[int]float64{0: 1, 1: 0.503478, 9: 0.102329, 99: 0.010471, 999: 0.0010715} { // n^-0.99
		before := int64(0)
		if rank > 0 {
			before = r.sums[rank-1]
		}
		if got := float64(r.sums[rank]-before) / weightOfTop; math.Abs(got-want) > 1e-6 {
			t.Errorf("rank %d has the weight %g, want %g", rank, got, want)
		}
		if first, last := r.rank(before), r.rank(r.sums[rank]-1); first != rank || last != rank {
			t.Errorf("the numbers of rank %d are those of %d to %d", rank, first, last)
		}
	}
	if last := r.rank(all - 1); last != 999 {
		t.Errorf("the last number is of rank %d", last)
	}
}

// TestTheLatestIsTheNewestRecord: of those that there are when it is asked for.
func TestTheLatestIsTheNewestRecord(t *testing.T) {
	r := newRecords(ClientConfig{KeysInUse: 1, RetireAfter: 1})
	if r.insert() != recordName(1, 0) {
		t.Error("what is inserted is not a record of its own")
	}
	r.sums = []int64{weightOfTop, weightOfTop} // nobody asks for the second rank
	if got := r.read(true); got != recordName(1, 0) {
		t.Errorf("the latest is %s", got)
	}
}

// TestAKeyRetiresWhenItsRecordIsUpdated, and not before: nobody would find what a read looks for.
func TestAKeyRetiresWhenItsRecordIsUpdated(t *testing.T) {
	r := newRecords(ClientConfig{KeysInUse: 1, RetireAfter: 3})
	var asked []string
	for range 5 {
		asked = append(asked, r.read(false))
	}
	asked = append(asked, r.update(), r.read(false))
	old, renewed := recordName(0, 0), recordName(0, 1)
	if want := []string{old, old, old, old, old, renewed, renewed}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if got := r.every(); !slices.Equal(got, []string{old, renewed}) {
		t.Errorf("all keys are %q", got)
	}
	for range 10 {
		if got := []string{r.update(), r.insert()}; !slices.Equal(got, []string{renewed, renewed}) {
			t.Fatalf("once all are read there are the new keys %q", got)
		}
	}
}

// shelf is a cloud in memory.
type shelf map[string]string

func (s shelf) Do(_ context.Context, c Command) (history.Outcome, string, string) {
	time.Sleep(time.Millisecond)
	before := s[c.Key]
	if c.Kind == history.Write || c.Kind == history.CAS && before == c.Expect {
		s[c.Key] = c.Value
	}
	return history.OK, before, ""
}

func (s shelf) Scan(_ context.Context, from string, most int) (map[string]string, history.Outcome, string) {
	time.Sleep(time.Millisecond)
	found := map[string]string{}
	for key, value := range s {
		if key >= from && key[:len("records-0")] == from[:len("records-0")] {
			found[key] = value
		}
	}
	return found, history.OK, ""
}

// TestMixesArePlayedInTheirOrder, each for its part of the time, and then all is read once more.
func TestMixesArePlayedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const part = 10 * time.Second
		c := ClientConfig{Nodes: []string{"pi-1"}, Count: 1, Mixes: MixNames(), KeysInUse: 20, RetireAfter: 50, Pause: 10 * time.Millisecond,
			Timeout: time.Second, FinalReads: 6 * part, Until: 7 * part, Epoch: time.Now().UnixNano()}
		kinds := make([]map[history.Kind]int, 7)
		for i := range kinds {
			kinds[i] = map[history.Kind]int{}
		}
		scans, looked := 0, map[string]bool{}
		err := Clients(t.Context(), c, func() Cloud { return shelf{} }, func(o history.Operation) {
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			turn := int(o.Call / part)
			kinds[turn][o.Kind]++
			if turn == 4 && o.Kind == history.Read {
				scans++
			}
			if turn == 6 {
				looked[o.Key] = true
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for turn, want := range [][]history.Kind{{"read", "write"}, {"read", "write"}, {"read"}, {"read", "write"}, {"read", "write"}, {"cas", "read"}} {
			var got []history.Kind
			for kind := range kinds[turn] {
				got = append(got, kind)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("turn %d has %v, want %v", turn, got, want)
			}
		}
		if one := kinds[1][history.Read]; scans < 2*one {
			t.Errorf("%d records were found by scans, and %d by reads", scans, one)
		}
		if len(looked) < 20 {
			t.Errorf("%d keys were read once more", len(looked))
		}
	})
}
