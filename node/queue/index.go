package queue

import (
	"container/heap"
	"maps"
	"slices"
	"time"
)

// index is what a server knows of the jobs of a queue in a partition that are ready: a window of them, by priority and
// tenant. What is not in it is found by reading the store when there is room. The server's lock guards it.
//
// Invariants: what a row is known to be carries the revision as of which it was so, and an older word does not change it;
// a job that is ready is in the window, or a cursor leads to it.
type index struct {
	queue     *line
	care      *caretaker
	partition string
	paused    bool
	dropped   bool // another server looks after the partition

	entries map[string]*entry // by ID: ready, or being reserved
	lanes   map[string]*lane  // with an entry, or more in the store
	bytes   int
	cursor  // over lanes that are not known

	behind map[string]uint64 // jobs that this server changed at revisions that it has not followed to yet
	wake   map[string]bool   // jobs that may be ready: to be read
	used   map[string]*entry // ready, and without attempts left: to be buried
}

// entry is a job that is ready.
type entry struct {
	id       string
	lane     *lane
	record   *record
	bytes    int
	modified uint64
	created  uint64
	seen     uint64 // the revision as of which it was ready
	since    time.Time
	taken    bool   // it is being reserved
	touched  uint64 // while it is: the last revision that said something of it
}

// lane is the jobs of a priority and a tenant.
type lane struct {
	index    *index
	name     string // what their IDs begin with
	priority int
	tenant   string
	ready    byAge
	taken    int
	listed   bool // it is in the queue's turn
	cursor
}

// cursor goes round over rows of the store that are not in memory.
type cursor struct {
	more  bool   // there may be some
	at    string // where it goes on; what is not before it will be seen
	whole bool   // all that is ready before it is in memory
}

// begin goes round once at least.
func (c *cursor) begin() { *c = cursor{more: true, whole: true} }

// missed says that something was left out.
func (c *cursor) missed(id string) {
	if !c.more {
		*c = cursor{more: true, at: id, whole: true}
	} else if id < c.at {
		c.whole = false
	}
}

// covers tells whether something will be seen.
func (c *cursor) covers(id string) bool { return c.more && id >= c.at }

// turn says that the end was reached.
func (c *cursor) turn() { *c = cursor{more: !c.whole, whole: true} }

// byAge has the oldest jobs first. Revisions tell, as clocks do not.
type byAge []*entry

func (b byAge) Len() int { return len(b) }
func (b byAge) Less(i, j int) bool {
	return b[i].created < b[j].created || b[i].created == b[j].created && b[i].id < b[j].id
}
func (b byAge) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b *byAge) Push(x any)   { *b = append(*b, x.(*entry)) }
func (b *byAge) Pop() any {
	last := len(*b) - 1
	x := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return x
}

func newIndex(q *line, c *caretaker) *index {
	x := &index{queue: q, care: c, partition: c.partition, entries: map[string]*entry{}, lanes: map[string]*lane{},
		behind: map[string]uint64{}, wake: map[string]bool{}, used: map[string]*entry{}}
	x.begin()
	return x
}

// mostLanes bounds how many priorities and tenants are known at one time, as each has its window.
const mostLanes = 512

// window returns how many jobs of a lane are known.
func (x *index) window() int { return x.queue.server.config.Window }

// room tells whether another job of a lane may be known. One always may.
func (l *lane) room() bool {
	x := l.index
	return len(l.ready) == 0 || len(l.ready) < x.window() && x.bytes < x.queue.server.config.WindowBytes
}

// lane returns the lane of an ID, which is made if there is room for it, and nil if there is none.
func (x *index) lane(id string) *lane {
	priority, tenant, _, ok := splitID(id)
	if !ok {
		return nil
	}
	name := laneOf(priority, tenant)
	if l := x.lanes[name]; l != nil {
		return l
	}
	if len(x.lanes) >= mostLanes {
		x.missed(name)
		return nil
	}
	l := &lane{index: x, name: name, priority: priority, tenant: tenant}
	if x.more {
		l.begin() // others of it may have been seen, and left out
	}
	x.lanes[name] = l
	return l
}

// admits tells whether a job that came up may be put into the window. Otherwise it is found later.
func (x *index) admits(id string) bool {
	l := x.lane(id)
	if l == nil || l.covers(id) {
		return false
	}
	if !l.room() {
		l.missed(id)
		return false
	}
	return true
}

// ready takes note of a job that was ready as of a revision, and has room.
func (x *index) ready(id string, r *record, bytes int, modified, created, seen uint64) {
	if x.behind[id] >= seen {
		return
	}
	if e := x.entries[id]; e != nil {
		switch {
		case e.taken:
			e.touched = max(e.touched, seen)
			return
		case e.modified == modified:
			e.seen = max(e.seen, seen)
			return
		case e.seen >= seen:
			return
		}
		x.forget(e)
	}
	l := x.lane(id)
	if l == nil {
		return
	}
	e := &entry{id: id, lane: l, record: r, bytes: bytes, modified: modified, created: created, seen: seen, since: time.Now()}
	if x.queue.usedUp(r) {
		x.used[id] = e
		x.tidy(l)
		return
	}
	x.entries[id] = e
	x.bytes += bytes
	heap.Push(&l.ready, e)
	x.queue.list(l)
}

// unready takes note of a job that was not ready as of a revision.
func (x *index) unready(id string, seen uint64) {
	delete(x.wake, id)
	if e := x.used[id]; e != nil && e.seen < seen {
		delete(x.used, id)
	}
	e := x.entries[id]
	if e == nil {
		return
	}
	if e.taken {
		e.touched = max(e.touched, seen)
	} else if e.seen < seen {
		x.forget(e)
	}
}

// mayBeReady has a job read, unless it is known to be ready or will be seen.
func (x *index) mayBeReady(id string, seen uint64) {
	if e := x.entries[id]; e != nil {
		if e.taken {
			e.touched = max(e.touched, seen)
		} else if e.seen < seen {
			x.forget(e)
			x.wake[id] = true
		}
		return
	}
	if x.behind[id] < seen && x.admits(id) {
		x.wake[id] = true
	}
}

// forget takes a job out of the window.
func (x *index) forget(e *entry) {
	delete(x.entries, e.id)
	x.bytes -= e.bytes
	l := e.lane
	for i := range l.ready {
		if l.ready[i] == e {
			heap.Remove(&l.ready, i)
			break
		}
	}
	x.tidy(l)
}

// take has a lane's oldest job reserved.
func (l *lane) take() *entry {
	e := heap.Pop(&l.ready).(*entry)
	e.taken = true
	l.taken++
	return e
}

// resolved ends what take began: the job was reserved by this server at a revision, or, with none, it is not known what it is.
func (x *index) resolved(e *entry, at uint64) {
	delete(x.entries, e.id)
	x.bytes -= e.bytes
	e.lane.taken--
	if at > 0 && e.touched < at {
		x.behind[e.id] = at
	}
	if at == 0 || e.touched > at {
		x.wake[e.id] = true
		x.care.kick()
	} else if e.lane.more {
		x.care.kick()
	}
	x.tidy(e.lane)
}

// enqueued takes note of a new job that is ready, before its event says so.
func (x *index) enqueued(id string, r *record, bytes int, at uint64) {
	if x.entries[id] == nil && !isUnique(id) && x.admits(id) {
		x.ready(id, r, bytes, at, at, at)
		x.queue.server.dispatch(x.queue)
	}
}

// pause stops and begins that jobs are handed out.
func (x *index) pause(paused bool) {
	x.paused = paused
	if paused {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(x.lanes)) {
		x.queue.list(x.lanes[name])
	}
}

// followed says up to which revision the rows were followed.
func (x *index) followed(to uint64) {
	for id, at := range x.behind {
		if at <= to {
			delete(x.behind, id)
		}
	}
}

// tidy forgets a lane of which nothing is known. Where there are more lanes than are known, others have their turn then.
func (x *index) tidy(l *lane) {
	if len(l.ready) > 0 || l.taken > 0 || l.more && (l.at == "" || !x.more) {
		return
	}
	if l.more {
		x.missed(l.name)
	}
	delete(x.lanes, l.name)
}

// hungry returns a lane that wants to be filled from the store, the first one by name, or nil.
func (x *index) hungry() *lane {
	var first *lane
	for _, l := range x.lanes {
		if l.more && len(l.ready) <= x.window()/2 && l.room() && (l.at == "" || !x.more) && (first == nil || l.name < first.name) {
			first = l
		}
	}
	return first
}

// wantsLanes tells whether lanes are to be looked for in the store.
func (x *index) wantsLanes() bool { return x.more && len(x.lanes) <= mostLanes/2 }
