package trial

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// requests makes a history of a word for each second: a letter for each request, o for one that goes well, l for one that is late, x for one that
// fails, and - for none.
func requests(words string) history.History {
	var h history.History
	for second, word := range strings.Fields(words) {
		for n, letter := range strings.ReplaceAll(word, "-", "") {
			call := time.Duration(second)*time.Second + time.Duration(n)*time.Millisecond
			o := history.Operation{Client: n, Kind: history.Read, Key: "k", Call: call, Return: call + 20*time.Millisecond, Outcome: history.OK}
			switch letter {
			case 'l':
				o.Return = call + 3*time.Second
			case 'x':
				o.Outcome = history.Unknown
			}
			h = append(h, o)
		}
	}
	return h
}

func TestWhatUsersFeel(t *testing.T) {
	lost := []reports.Check{{Name: "kept", Status: reports.Fail}, {Name: "live", Status: reports.Fail}, {Name: "durable", Status: reports.Pass}}
	fault := []reports.Fault{{From: reports.Seconds(4 * time.Second)}, {From: reports.Seconds(2 * time.Second)}}
	for _, c := range []struct {
		name, line string
		faults     []reports.Fault
		want       Impact
	}{
		{"no fault: from the beginning", "oo xx oo oo", nil, Impact{Requests: 8, Failed: 2, Bad: time.Second, Recovery: 2 * time.Second, P99: 20 * time.Millisecond}},
		{"before the fault nothing counts", "xx xx oo oo", fault, Impact{Requests: 4, P99: 20 * time.Millisecond}},
		{"bad, and well again", "oo oo ox oo x oo", fault, Impact{Requests: 7, Failed: 2, Bad: 2 * time.Second, Recovery: 3 * time.Second, P99: 20 * time.Millisecond}},
		{"who comes too late has failed", "oo oo ol -", fault, Impact{Requests: 2, Failed: 1, Bad: time.Second, Recovery: time.Second, P99: 3 * time.Second}},
		{"one in thirty is not bad", "o o ooooooooooooooooooooooooooooox", fault, Impact{Requests: 30, Failed: 1, P99: 20 * time.Millisecond}},
	} {
		if got := Of(&reports.Result{SimulatedSeconds: 60e9, Faults: c.faults}, requests(c.line), time.Second); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := Of(&reports.Result{Checks: lost}, nil, time.Second); got.Lost != 1 || strings.Join(got.Broken, " ") != "kept live" {
		t.Errorf("lost: %+v", got)
	}
}

func TestVerdicts(t *testing.T) {
	run := func(recovery, failed, p99 int) Impact {
		return Impact{Requests: 1000, Failed: failed, Bad: time.Duration(recovery) * time.Second, Recovery: time.Duration(recovery) * time.Second,
			P99: time.Duration(p99) * time.Second}
	}
	lost := run(1, 1, 1)
	lost.Lost = 2
	seldom := func(failed int) Impact { // of very many requests
		i := run(0, failed, 1)
		i.Requests = 100_000
		return i
	}
	for _, c := range []struct {
		name          string
		with, without Impact
		why           string
	}{
		{"much better", run(20, 10, 2), run(60, 50, 2), ""},
		{"fewer failures, though as long", run(60, 10, 2), run(60, 50, 2), ""},
		{"a little better", run(50, 40, 2), run(60, 50, 2), "recovery time and failed requests are 17 and 20 % less"},
		{"slower", run(20, 10, 4), run(60, 50, 2), "p99, s is 100 % worse"},
		{"it loses something", lost, run(60, 50, 2), "1 runs with it lost something, and 0 without"},
		{"half of what is too seldom to count", seldom(20), seldom(40), "recovery time and failed requests are 0 and 0 % less"},
		{"nothing happens", run(0, 0, 0), run(0, 0, 0), "recovery time and failed requests are 0 and 0 % less"},
	} {
		tr := Trial{Scenario: "s", Defence: "health", Pairs: []Pair{{1, c.with, c.without}}}
		if helps, why := tr.Verdict(); helps != (c.why == "") || why != c.why {
			t.Errorf("%s: %v %q, want %q", c.name, helps, why, c.why)
		}
	}
	tr := Trial{Scenario: "hung-pi", Defence: "health", Pairs: []Pair{{1, run(20, 10, 2), run(60, 50, 2)}, {2, run(30, 10, 2), run(80, 50, 2)}}}
	if text := tr.String(); !strings.Contains(text, "recovery time, s                 25.0       70.0  -64 %") || !strings.Contains(text, "health helps") {
		t.Error(text)
	}
}
