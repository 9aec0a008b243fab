package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
)

// A read without a write to the log is right if no other leader can have acknowledged a write before it
// began. That is so if a majority of the group's voters say, asked after it began, that they know of no
// later term: a later leader needs one of them. No clock is asked, and no answer to an earlier
// question counts (hashicorp/raft's VerifyLeader counts those).
//
// Source: Ongaro, "Consensus: Bridging Theory and Practice" (2014), section 6.4, with terms in place of
// heartbeats.

// ask asks a node for its present terms of some groups; 0 stands for a group that it has no member of.
type ask func(ctx context.Context, node string, groups []uint32) (terms []uint64, err error)

// confirmer asks on behalf of all reads that wait: one question a node, for all groups. Reads that come
// while a round is under way wait for the next.
type confirmer struct {
	node  string // this one, which answers for itself
	ask   ask
	limit time.Duration // for a round

	mu      sync.Mutex
	waiting []*waiter // for the next round
	running bool
}

// waiter is a read that wants to know whether a term is the last.
type waiter struct {
	group  uint32
	term   uint64
	voters []string
	answer chan error // has room for one
	left   int        // voters that must still confirm
}

// confirm returns nil if, at some instant after it was called, no later term than this one had a leader
// in the group. This node leads the group in the term, and knows its voters.
func (c *confirmer) confirm(ctx context.Context, group uint32, term uint64, voters []string) error {
	w := &waiter{group: group, term: term, voters: voters, answer: make(chan error, 1), left: len(voters)/2 + 1}
	if slices.Contains(voters, c.node) {
		w.left--
	}
	if w.left <= 0 {
		return nil
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, w)
	if !c.running {
		c.running = true
		go c.rounds()
	}
	c.mu.Unlock()
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		return api.Errorf(api.Unavailable, "read", "", "no majority said in time that this node still leads")
	}
}

// rounds goes on for as long as somebody waits.
func (c *confirmer) rounds() {
	for {
		c.mu.Lock()
		waiting := c.waiting
		c.waiting = nil
		c.running = len(waiting) > 0
		c.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		c.round(waiting)
	}
}

// said is a node's answer.
type said struct {
	node  string
	terms map[uint32]uint64
}

// round asks every node that has a voter of a group that is waited for, and ends when all who wait have
// their answer, or the time is over.
func (c *confirmer) round(waiting []*waiter) {
	ctx, cancel := context.WithTimeout(context.Background(), c.limit)
	defer cancel()
	questions := c.questions(waiting)
	answers := make(chan said, len(questions))
	for _, q := range questions {
		go func() {
			s := said{node: q.node, terms: map[uint32]uint64{}}
			if terms, err := c.ask(ctx, q.node, q.groups); err == nil && len(terms) == len(q.groups) {
				for i, group := range q.groups {
					s.terms[group] = terms[i]
				}
			}
			answers <- s
		}()
	}
	for range questions {
		if waiting = settle(waiting, <-answers); len(waiting) == 0 {
			return
		}
	}
	for _, w := range waiting {
		w.answer <- api.Errorf(api.Unavailable, "read", "", "no majority said that this node still leads")
	}
}

// settle counts an answer and returns who still waits.
func settle(waiting []*waiter, s said) []*waiter {
	var still []*waiter
	for _, w := range waiting {
		term := s.terms[w.group]
		switch {
		case term > w.term:
			w.answer <- api.Errorf(api.NotLeader, "read", "", "%s knows the term %d, and this node led in %d", s.node, term, w.term)
			continue
		case term > 0 && slices.Contains(w.voters, s.node):
			w.left--
		}
		if w.left == 0 {
			w.answer <- nil
			continue
		}
		still = append(still, w)
	}
	return still
}

// question is what one node is asked.
type question struct {
	node   string
	groups []uint32
}

// questions returns what whom is asked, in the order in which nodes and groups first come up.
func (c *confirmer) questions(waiting []*waiter) []*question {
	var all []*question
	of := map[string]*question{}
	for _, w := range waiting {
		for _, node := range w.voters {
			if node == c.node {
				continue
			}
			q := of[node]
			if q == nil {
				q = &question{node: node}
				of[node] = q
				all = append(all, q)
			}
			if !slices.Contains(q.groups, w.group) {
				q.groups = append(q.groups, w.group)
			}
		}
	}
	return all
}
