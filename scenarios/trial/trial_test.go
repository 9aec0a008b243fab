package trial

import (
	"strings"
	"testing"
	"time"

	"picloud/reports"
)

// seconds makes a timeline of words: how many requests went well in a second, and after a slash how many did not.
func seconds(t *testing.T, words string) reports.Timeline {
	t.Helper()
	var line reports.Timeline
	for word := range strings.FieldsSeq(words) {
		good, bad, _ := strings.Cut(word, "/")
		s := reports.Second{OK: len(good), Failed: len(bad)}
		if s.OK > 0 {
			s.P99US = int64(1000 * s.OK)
		}
		if good == "-" {
			s = reports.Second{}
		}
		line = append(line, s)
	}
	return line
}

func TestWhatUsersFeel(t *testing.T) {
	lost := []reports.Check{{Name: "kept", Status: reports.Fail}, {Name: "live", Status: reports.Fail}, {Name: "durable", Status: reports.Pass}}
	fault := []reports.Fault{{From: reports.Seconds(2500 * time.Millisecond)}, {From: reports.Seconds(4 * time.Second)}}
	for _, c := range []struct {
		name, line string
		faults     []reports.Fault
		want       Impact
	}{
		{"nothing happens", "oo oo oo oo", nil, Impact{}},
		{"before the fault nothing counts", "/xx /xx oo oo", fault, Impact{Requests: 4, P99: 2 * time.Millisecond}},
		{"bad, and well again", "oo oo o/x oo /x oo", fault, Impact{Requests: 7, Failed: 2, Bad: 2 * time.Second, Recovery: 3 * time.Second, P99: 2 * time.Millisecond}},
		{"silence is bad where there was none", "oo oo - - oo", fault, Impact{Requests: 2, Bad: 2 * time.Second, Recovery: 2 * time.Second, P99: 2 * time.Millisecond}},
		{"silence is not bad where it is usual", "oo - - - oo", fault, Impact{Requests: 2, P99: 2 * time.Millisecond}},
	} {
		got := Of(&reports.Result{Faults: c.faults}, seconds(t, c.line))
		if got.Requests != c.want.Requests || got.Failed != c.want.Failed || got.Bad != c.want.Bad || got.Recovery != c.want.Recovery || got.P99 != c.want.P99 {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := Of(&reports.Result{Checks: lost}, nil); got.Lost != 1 || strings.Join(got.Broken, " ") != "kept live" {
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
	for _, c := range []struct {
		name          string
		with, without Impact
		why           string
	}{
		{"much better", run(20, 10, 2), run(60, 50, 2), ""},
		{"fewer failures, though as long", run(60, 10, 2), run(60, 50, 2), ""},
		{"a little better", run(50, 40, 2), run(60, 50, 2), "recovery time and failed requests are 17 and 20 % less"},
		{"slower", run(20, 10, 4), run(60, 50, 2), "p99 of bad times, s is 100 % worse"},
		{"it loses something", lost, run(60, 50, 2), "1 runs with it lost something, and 0 without"},
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
