package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
)

// peers answer questions after a while, with the terms that they know when the question arrives.
type peers struct {
	mu    sync.Mutex
	terms map[string]map[uint32]uint64 // by node and group
	delay map[string]time.Duration     // there and back; a node without one does not answer
	asked []string                     // node and groups
}

func (p *peers) ask(ctx context.Context, node string, groups []uint32) ([]uint64, error) {
	p.mu.Lock()
	delay, there := p.delay[node]
	p.asked = append(p.asked, fmt.Sprint(node, groups))
	p.mu.Unlock()
	if !there {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(delay / 2)
	p.mu.Lock()
	var terms []uint64
	for _, g := range groups {
		terms = append(terms, p.terms[node][g])
	}
	p.mu.Unlock()
	time.Sleep(delay / 2)
	return terms, nil
}

var three = []string{"pi-1", "pi-2", "pi-3"}

// inTerm returns peers who know the term 5 of groups 1 and 2 and answer after 10 ms.
func inTerm() *peers {
	p := &peers{terms: map[string]map[uint32]uint64{}, delay: map[string]time.Duration{}}
	for _, node := range []string{"pi-2", "pi-3", "pi-4", "pi-5"} {
		p.terms[node] = map[uint32]uint64{1: 5, 2: 5}
		p.delay[node] = 10 * time.Millisecond
	}
	return p
}

func TestReadsAreConfirmedByAMajority(t *testing.T) {
	five := []string{"pi-1", "pi-2", "pi-3", "pi-4", "pi-5"}
	for _, story := range []struct {
		name   string
		voters []string
		change func(p *peers)
		kind   api.Kind
		after  time.Duration
	}{
		{"all answer", three, func(*peers) {}, "", 10 * time.Millisecond},
		{"a group of one asks nobody", []string{"pi-1"}, func(*peers) {}, "", 0},
		{"one of two others is silent", three, func(p *peers) { delete(p.delay, "pi-2") }, "", 10 * time.Millisecond},
		{"both are silent", three, func(p *peers) { clear(p.delay) }, api.Unavailable, time.Second},
		{"one knows a later term", three, func(p *peers) { p.terms["pi-2"][1] = 6; p.delay["pi-3"] = 50 * time.Millisecond }, api.NotLeader, 10 * time.Millisecond},
		{"a later term of another group is nothing to it", three, func(p *peers) { p.terms["pi-2"][2], p.terms["pi-3"][2] = 9, 9 }, "", 10 * time.Millisecond},
		{"an earlier term confirms", three, func(p *peers) { p.terms["pi-2"][1], p.terms["pi-3"][1] = 3, 4 }, "", 10 * time.Millisecond},
		{"who has no member does not confirm", three, func(p *peers) { p.terms["pi-2"][1], p.terms["pi-3"][1] = 0, 0 }, api.Unavailable, 10 * time.Millisecond},
		{"of five two others are needed", five, func(p *peers) {
			p.delay["pi-4"], p.delay["pi-5"] = time.Minute, time.Minute
			p.delay["pi-3"] = 30 * time.Millisecond
		}, "", 30 * time.Millisecond},
		{"a node that does not vote is not asked", []string{"pi-2", "pi-3"}, func(p *peers) { delete(p.delay, "pi-3") }, api.Unavailable, time.Second},
	} {
		t.Run(story.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inTerm()
				story.change(p)
				c := &confirmer{node: "pi-1", ask: p.ask, limit: time.Second}
				began := time.Now()
				err := c.confirm(t.Context(), 1, 5, story.voters)
				if took := time.Since(began); api.KindOf(err) != story.kind || took != story.after {
					t.Errorf("after %v: %v", took, err)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestAnAnswerToAnEarlierQuestionDoesNotCount begins a read while a round is under way, in which the nodes
// have said the old term and learn of a new one afterwards.
func TestAnAnswerToAnEarlierQuestionDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inTerm()
		c := &confirmer{node: "pi-1", ask: p.ask, limit: time.Second}
		first := make(chan error, 1)
		go func() { first <- c.confirm(t.Context(), 1, 5, three) }()
		time.Sleep(7 * time.Millisecond) // the nodes have answered, and their answers are under way
		p.mu.Lock()
		p.terms["pi-2"][1], p.terms["pi-3"][1] = 6, 6
		p.mu.Unlock()
		if err := c.confirm(t.Context(), 1, 5, three); api.KindOf(err) != api.NotLeader {
			t.Errorf("the read that began after the new leader: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the read that began before: %v", err)
		}
	})
}

func TestReadsShareQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inTerm()
		c := &confirmer{node: "pi-1", ask: p.ask, limit: time.Second}
		var all sync.WaitGroup
		one := func(group uint32) {
			all.Go(func() {
				if err := c.confirm(t.Context(), group, 5, three); err != nil {
					t.Error(err)
				}
			})
		}
		one(1)
		time.Sleep(time.Millisecond)
		for range 100 { // these wait for the next round
			one(1)
			synctest.Wait()
			one(2)
			synctest.Wait()
		}
		all.Wait()
		slices.Sort(p.asked)
		if got, want := fmt.Sprint(p.asked), "[pi-2[1 2] pi-2[1] pi-3[1 2] pi-3[1]]"; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	})
}

func TestWhoGivesUpIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inTerm()
		clear(p.delay)
		c := &confirmer{node: "pi-1", ask: p.ask, limit: time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := c.confirm(ctx, 1, 5, three); api.KindOf(err) != api.Unavailable || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Hour)
	})
}
