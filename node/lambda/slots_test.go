package lambda

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"picloud/node/presence"
	"picloud/node/queue"
)

// TestOnlyWhatThereIsRoomForIsAskedFor: a queue while each of its functions has room, and no more jobs than the least of them.
func TestOnlyWhatThereIsRoomForIsAskedFor(t *testing.T) {
	ready := true
	s := newSlots(8)
	for _, f := range []function{
		{Function: Function{Queue: "a", Kind: "x", AtOnce: 3}},
		{Function: Function{Queue: "a", Kind: "y", AtOnce: 2}},
		{Function: Function{Queue: "b", Kind: "x", AtOnce: 5}},
		{Function: Function{Queue: "c", Kind: "x", AtOnce: 6}, ready: func() bool { return ready }},
	} {
		s.functions[name{f.Queue, f.Kind}] = &f
	}
	step := func(what string, do func(), want string) {
		t.Helper()
		do()
		queues, most := s.ask(func() {})
		s.answered()
		if got := fmt.Sprint(queues, most); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	take := func(queue, kind string, n int) func() {
		return func() {
			for range n {
				s.take(s.functions[name{queue, kind}])
			}
		}
	}
	free := func(queue, kind string) func() { return func() { s.free(s.functions[name{queue, kind}]) } }
	step("nothing runs", func() {}, "[a b c] 2")
	step("one of a", take("a", "x", 1), "[a b c] 2")
	step("one more of a", take("a", "y", 1), "[a b c] 1")
	step("y is full", take("a", "y", 1), "[b c] 5")
	step("nobody does c", func() { ready = false }, "[b] 5")
	step("a job that nobody does", take("d", "x", 1), "[b] 4")
	step("it has ended", free("d", "x"), "[b] 5")
	step("a half of the room", func() { s.want(presence.Wants{Share: presence.Full / 2}) }, "[b] 1")
	step("none", func() { s.want(presence.Wants{Draining: true}) }, "[] 0")
	step("all", func() { s.want(presence.Wants{}) }, "[b] 5")
	step("the node is nearly full", take("b", "x", 4), "[b] 1")
	step("somebody does c", func() { ready = true }, "[b c] 1")
	step("the node is full", take("c", "x", 1), "[] 0")
	step("one of y has ended", free("a", "y"), "[a b c] 1")
}

// TestAQueueWhoseJobsNobodyDoesAnyMoreIsNotAskedOn: what was asked before would come when they cannot be done.
func TestAQueueWhoseJobsNobodyDoesAnyMoreIsNotAskedOn(t *testing.T) {
	ready, interrupted := true, 0
	s := newSlots(8)
	s.functions[name{"c", "x"}] = &function{Function: Function{Queue: "c", Kind: "x", AtOnce: 6}, ready: func() bool { return ready }}
	if queues, _ := s.ask(func() { interrupted++ }); len(queues) != 1 {
		t.Fatalf("%v are asked", queues)
	}
	s.grown()
	if interrupted != 0 {
		t.Error("it was interrupted for nothing")
	}
	ready = false
	s.grown()
	if interrupted != 1 {
		t.Error("it is asked on")
	}
}

// TestAQueueThatHasRoomAgainIsAskedAtOnce, although another one is being asked and has nothing.
func TestAQueueThatHasRoomAgainIsAskedAtOnce(t *testing.T) {
	story(t, func(t *testing.T) {
		slow := of("a", after(10*time.Second))
		slow.AtOnce = 1
		var began []time.Duration
		start := time.Now()
		inner := slow.Do
		slow.Do = func(ctx context.Context, r *Run) (*Effect, error) {
			began = append(began, time.Since(start))
			return inner(ctx, r)
		}
		idle := of("a", after(0))
		idle.Queue = "idle"
		newLab(t, Config{Functions: []Function{slow, idle}}, job("a"), job("a"), job("a")).begin()
		pass(25 * time.Second)
		if want := []time.Duration{0, 10 * time.Second, 20 * time.Second}; !slices.Equal(began, want) {
			t.Errorf("jobs began after %v, want %v", began, want)
		}
	})
}

// TestNoJobIsHeldByANodeThatCannotRunIt: each begins when it was reserved, and no more run than may.
func TestNoJobIsHeldByANodeThatCannotRunIt(t *testing.T) {
	story(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := map[name]int{}, map[name]int{}
		all := 0
		count := func(n name, by int) {
			mu.Lock()
			defer mu.Unlock()
			running[n] += by
			most[n] = max(most[n], running[n])
			all += by
			if all > 6 {
				t.Errorf("%d runs at one time", all)
			}
		}
		var l *lab
		var functions []Function
		var jobs []queue.Job
		for i, n := range []name{{"q1", "a"}, {"q1", "b"}, {"q2", "c"}, {"q3", "d"}} {
			functions = append(functions, Function{Queue: n.queue, Kind: n.kind, AtOnce: 1 + i, Do: func(_ context.Context, r *Run) (*Effect, error) {
				if late := l.desk.heldFor(r.ID); late > 0 {
					t.Errorf("%s was held for %s before it ran", r.ID, late)
				}
				count(n, 1)
				defer count(n, -1)
				time.Sleep(rand.N(5 * time.Second))
				return wrote(1), nil
			}})
			for range 60 {
				jobs = append(jobs, queue.Job{Queue: n.queue, Kind: n.kind})
			}
		}
		rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
		l = newLab(t, Config{Functions: functions, AtOnce: 6}, jobs...)
		l.begin()
		pass(10 * time.Minute)
		if n := len(l.desk.ends()); n != len(jobs) {
			t.Errorf("%d of %d jobs were done", n, len(jobs))
		}
		for i, f := range functions {
			if got := most[name{f.Queue, f.Kind}]; got != i+1 {
				t.Errorf("%d runs of %s at one time, want %d", got, f.Kind, i+1)
			}
		}
	})
}

// heldFor returns for how long a job has been reserved.
func (d *desk) heldFor(id string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.jobs {
		if c.ID == id {
			return 15*time.Second - time.Until(c.until)
		}
	}
	return 0
}
