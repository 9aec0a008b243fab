package scenarios

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios/history"
)

// perfectStore gives the history of clients of a store that answers every operation at one
// instant between its call and its return, and that leaves some without an answer. In the last
// part of the run it always answers, and the clients read every key there is.
func perfectStore(s *Scenario, r *rand.Rand) history.History {
	const second = time.Second
	state := map[string]string{}
	type pending struct {
		at time.Duration // the instant at which it happens
		o  history.Operation
	}
	key, uses := 0, 0
	var todo []pending
	for client := range s.Clients.Count {
		for at := time.Duration(client) * time.Millisecond; ; {
			at += time.Duration(r.Int64N(int64(100 * time.Millisecond)))
			o := history.Operation{Client: client, Call: at, Return: at + time.Millisecond + time.Duration(r.Int64N(int64(second/10)))}
			if o.Return >= time.Duration(s.Duration) {
				break
			}
			if at < s.HealedAt() && r.IntN(20) == 0 {
				o.Outcome, o.Return = history.Unknown, at+time.Duration(s.Clients.Timeout)
			}
			happens := o.Call + time.Duration(r.Int64N(int64(o.Return-o.Call)))
			at = o.Return
			todo = append(todo, pending{happens, o})
		}
	}
	slices.SortStableFunc(todo, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
	final := 0
	var h history.History
	for i, p := range todo {
		o := p.o
		if uses++; uses%s.Clients.Keys.RetireAfter == 0 && o.Call < s.HealedAt() {
			key++
		}
		o.Key = fmt.Sprintf("k%04d", key+r.IntN(s.Clients.Keys.InUse))
		o.Kind = history.Read
		if o.Call >= s.HealedAt() {
			o.Key, final = fmt.Sprintf("k%04d", final%(key+s.Clients.Keys.InUse)), final+1
		} else if r.IntN(2) == 0 {
			o.Kind = []history.Kind{history.Write, history.Write, history.CAS, history.Delete}[r.IntN(4)]
		}
		now := state[o.Key]
		lost := o.Outcome == history.Unknown
		next := now
		switch o.Kind {
		case history.Write:
			o.Value = fmt.Sprint("v", i)
			next = o.Value
		case history.Delete:
			next = ""
		case history.CAS:
			o.Value, o.Expect = fmt.Sprint("v", i), now
			next = o.Value
		}
		if !lost {
			o.Outcome = history.OK
		}
		if !lost && (o.Kind == history.Read || o.Kind == history.CAS) {
			o.Result = now
		}
		if !lost || r.IntN(2) == 0 { // half of those without an answer have happened
			state[o.Key] = next
		}
		h = append(h, o)
	}
	h.Sort()
	return h
}

// perfectLog is what the replicas of the perfect store say of their state.
func perfectLog() []byte {
	var log []byte
	for i := range 30 {
		for _, node := range []string{"pi-1#1", "pi-2#1"} {
			log = fmt.Appendf(log, "%d.5 %s {\"msg\":\"state\",\"index\":%d,\"hash\":\"%x\"}\n", i, node, i*64, i)
		}
	}
	return log
}

// perfectRun is a run of first-cloud on the perfect store, in which all faults were felt.
func perfectRun(t testing.TB, seed uint64) (*Scenario, Run) {
	t.Helper()
	s, err := Load("first-cloud")
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := s.Schedule(streams(seed))
	if err != nil {
		t.Fatal(err)
	}
	r := Run{Seed: seed, TraceHash: "0", Ended: time.Duration(s.Duration), Schedule: schedule,
		Felt: make([]int64, len(schedule)), History: perfectStore(s, streams(seed)("store")), Log: perfectLog()}
	for i := range r.Felt {
		r.Felt[i] = 1
	}
	if err := r.History.Validate(); err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestARunOfAPerfectStorePasses(t *testing.T) {
	for seed := range uint64(5) {
		s, r := perfectRun(t, seed)
		result := s.Judge(r)
		if result.Verdict != reports.Pass {
			t.Errorf("seed %d: %s: %s", seed, result.Verdict, result.Cause())
		}
		if n := len(TimelineOf(r.History, r.Ended)); n != 150 {
			t.Errorf("the timeline has %d seconds", n)
		}
	}
}

// TestEveryPlantedFailureIsFound spoils a perfect run in one way each, as a broken store would.
func TestEveryPlantedFailureIsFound(t *testing.T) {
	// find returns the first operation from a time on that fits.
	find := func(h history.History, after time.Duration, fits func(*history.Operation) bool) *history.Operation {
		for i := range h {
			if h[i].Call >= after && h[i].Outcome == history.OK && fits(&h[i]) {
				return &h[i]
			}
		}
		t.Fatal("no such operation")
		return nil
	}
	seesValue := func(o *history.Operation) bool { return o.Kind == history.Read && o.Result != "" }
	tests := []struct {
		name  string
		spoil func(*Scenario, *Run)
		want  reports.Status
		cause string
	}{
		{"a read of what nobody wrote", func(s *Scenario, r *Run) {
			find(r.History, 30*time.Second, seesValue).Result = "phantom"
		}, reports.Fail, "linearizable: 1 of "},
		{"an acknowledged value is gone at the end", func(s *Scenario, r *Run) {
			s.Checks.Linearizable = nil
			find(r.History, s.HealedAt(), seesValue).Result = ""
		}, reports.Fail, "durable: 1 reads miss an acknowledged change"},
		{"everything stops after healing", func(s *Scenario, r *Run) {
			s.Checks.Durable = nil
			for i := range r.History {
				if o := &r.History[i]; o.Call > s.HealedAt() {
					o.Outcome, o.Result = history.Unknown, ""
				}
			}
		}, reports.Fail, "live: 0 of "},
		{"a replica holds something else", func(s *Scenario, r *Run) {
			r.Log = bytes.Replace(r.Log, []byte("pi-2#1 {\"msg\":\"state\",\"index\":640,"), []byte("pi-2#1 {\"msg\":\"state\",\"index\":704,"), 1)
		}, reports.Fail, "agreement: after entry 704 pi-2 holds a, and pi-1 holds b"},
		{"a node panics without a reason", func(s *Scenario, r *Run) {
			r.Deaths = []reports.Death{{Machine: "pi-1", At: 1e9, Reason: "panic: index out of range"}}
		}, reports.Fail, "no-unexpected-death: 1 processes ended"},
		{"a required fault did nothing", func(s *Scenario, r *Run) {
			for i := range r.Schedule {
				if r.Schedule[i].Kind == chaos.Kill {
					r.Felt[i] = 0
				}
			}
		}, reports.Inconclusive, "faults-felt: required and not felt: kill"},
		{"the clients did next to nothing", func(s *Scenario, r *Run) {
			r.History = r.History[:20]
		}, reports.Inconclusive, "linearizable: saw"},
	}
	for _, test := range tests {
		s, r := perfectRun(t, 3)
		test.spoil(s, &r)
		result := s.Judge(r)
		if result.Verdict != test.want || !strings.HasPrefix(result.Cause(), test.cause) {
			t.Errorf("%s: got %s: %s", test.name, result.Verdict, result.Cause())
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	s, r := perfectRun(b, 3)
	b.ReportMetric(float64(len(r.History)), "operations")
	for b.Loop() {
		if result := s.Judge(r); result.Verdict != reports.Pass {
			b.Fatal(result.Cause())
		}
	}
}
