package lb

import (
	"slices"
	"time"
)

// queue is the requests that wait for a server, by their priorities. The pool's lock guards it.
//
// While it is emptied now and then it is a buffer, and who came first is served first. When it has not been empty
// for as long as one may wait in it, it only makes all of them late: then the newest is served first, which has the
// most time left, and nobody waits for long (CoDel, and Facebook's adaptive LIFO: Maurer, Fail at Scale, 2015).
type queue struct {
	most  int
	wait  time.Duration
	lines [len(priorities)][]*waiter
	empty time.Time // when it was empty for the last time, while it is not
}

// waiter is a request that waits. It is given a server, or nil when another one takes its place.
type waiter struct {
	rank  int
	given chan *server // has room for one
}

func (q *queue) length() (n int) {
	for _, line := range q.lines {
		n += len(line)
	}
	return n
}

// standing tells whether the queue has not been empty for long.
func (q *queue) standing(now time.Time) bool {
	return q.length() > 0 && now.Sub(q.empty) > q.wait
}

// patience returns how long a request that comes now may wait.
func (q *queue) patience(now time.Time) time.Duration {
	if q.standing(now) {
		return q.wait / 10
	}
	return q.wait
}

// add lets a request wait. If the queue is full, the newest of the least priority makes place for one of a higher
// priority; else it is not taken.
func (q *queue) add(w *waiter, now time.Time) bool {
	if q.length() == 0 {
		q.empty = now
	}
	if q.length() >= q.most && !q.displace(w.rank) {
		return false
	}
	q.lines[w.rank] = append(q.lines[w.rank], w)
	return true
}

func (q *queue) displace(rank int) bool {
	for least := len(q.lines) - 1; least > rank; least-- {
		if n := len(q.lines[least]); n > 0 {
			q.lines[least][n-1].given <- nil
			q.lines[least] = q.lines[least][:n-1]
			return true
		}
	}
	return false
}

// next takes out who is served next.
func (q *queue) next(now time.Time) *waiter {
	for rank, line := range q.lines {
		if len(line) == 0 {
			continue
		}
		i := 0
		if q.standing(now) {
			i = len(line) - 1
		}
		w := line[i]
		q.lines[rank] = slices.Delete(line, i, i+1)
		return w
	}
	return nil
}

// remove takes out who does not want to wait any more, and tells whether it was still waiting.
func (q *queue) remove(w *waiter) bool {
	line := q.lines[w.rank]
	i := slices.Index(line, w)
	if i < 0 {
		return false
	}
	q.lines[w.rank] = slices.Delete(line, i, i+1)
	return true
}
