package live

import (
	"reflect"
	"testing"
	"time"

	"picloud/scenarios/checks"
	"picloud/scenarios/history"
)

func TestAPlanKillsAsManyAsIsWanted(t *testing.T) {
	nodes := []string{"pi-1", "pi-2", "pi-3"}
	for seed := range uint64(200) {
		wanted := 3 + int(seed)
		rounds := plan(seed, nodes, wanted)
		killed, all, waits := 0, 0, 0
		for _, r := range rounds {
			killed += len(r.down)
			if len(r.down) == len(nodes) {
				all++
			}
			if r.operations > 0 {
				waits++
			}
			for name, down := range r.down {
				if down < 0 || down >= longestDown {
					t.Fatalf("seed %d: %s is down for %s", seed, name, down)
				}
			}
		}
		if killed != wanted || all == 0 {
			t.Fatalf("seed %d: %d of %d kills, %d times all", seed, killed, wanted, all)
		}
		if wanted > 50 && (waits == 0 || waits == len(rounds) || all < 2) {
			t.Fatalf("seed %d: %d of %d rounds wait, %d kill all", seed, waits, len(rounds), all)
		}
		if !reflect.DeepEqual(rounds, plan(seed, nodes, wanted)) {
			t.Fatalf("seed %d: another plan", seed)
		}
	}
}

func TestEverythingThatStandsInTheHistoryIsReadAtTheEnd(t *testing.T) {
	h := history.History{
		{Kind: history.Write, Key: "k2", Value: "1"},
		{Kind: history.Txn, Key: "lists", Steps: []history.Step{{Key: "lists/b"}, {Key: "lists/a", Append: "1"}}},
		{Kind: history.Read, Key: "k1"},
		{Kind: history.CAS, Key: "k2", Value: "2"},
	}
	want := []history.Operation{
		{Kind: history.Read, Key: "k1"},
		{Kind: history.Read, Key: "k2"},
		{Kind: history.Txn, Key: "lists", Steps: []history.Step{{Key: "lists/a"}}},
		{Kind: history.Txn, Key: "lists", Steps: []history.Step{{Key: "lists/b"}}},
	}
	if got := reads(h); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestTheLogIsWhatChecksRead(t *testing.T) {
	l := &labelled{now: func() time.Duration { return 1500 * time.Millisecond }}
	w := l.of("pi-1#3")
	for _, piece := range []string{`{"msg":"sta`, "te\",\"index\":7,\"hash\":\"x\"}\nand a li", "ne that", " was cut"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.end()
	w.end()
	l.of("pi-1#30").Write([]byte("of another\n"))
	want := "1.500s pi-1#3 {\"msg\":\"state\",\"index\":7,\"hash\":\"x\"}\n1.500s pi-1#3 and a line that was cut\n1.500s pi-1#30 of another\n"
	if got := string(l.bytes()); got != want {
		t.Errorf("the log is %q", got)
	}
	if d := checks.Digests(l.bytes()); len(d) != 1 || d[0] != (checks.Digest{Node: "pi-1", Index: 7, Hash: "x"}) {
		t.Errorf("digests: %+v", d)
	}
	if got := l.lastOf("pi-1#3"); got != "{\"msg\":\"state\",\"index\":7,\"hash\":\"x\"}\nand a line that was cut\n" {
		t.Errorf("the last lines are %q", got)
	}
}

func TestTooFewKillsProveNothing(t *testing.T) {
	var l lives
	l.killed("pi-1", time.Second, 2*time.Second)
	for wanted, status := range map[int]string{1: "pass", 2: "inconclusive"} {
		if c := l.enough(wanted); string(c.Status) != status || c.Count != 1 {
			t.Errorf("%d wanted: %+v", wanted, c)
		}
	}
}

// TestTwoLiveRunsAreNotTakenForOne, although the seed and the schedule of both may be the same.
func TestTwoLiveRunsAreNotTakenForOne(t *testing.T) {
	known := func(returned time.Duration) string {
		return fingerprint(history.History{{Kind: history.Read, Key: "k", Call: 1, Return: returned, Outcome: history.OK}})
	}
	if one, same, other := known(2), known(2), known(3); one != same || one == other {
		t.Errorf("they are %s, %s and %s", one, same, other)
	}
}
