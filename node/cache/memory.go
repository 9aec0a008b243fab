package cache

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"picloud/node/api"
)

// slot is the place of an item that has an entry or a lease. It is in the index under the item's prefix.
type slot struct {
	*item
	partition *partition
	entry     *entry // what is kept, nil if nothing is
	lease     *lease // the one that stands, nil if none does
}

// entry is an answer that was read of the store.
type entry struct {
	slot     *slot
	reply    []byte
	revision uint64    // the answer is right as of it, and until a later change of the item
	read     time.Time // it was current at some instant after this
	cost     int64     // bytes that it takes here
	in       bool      // it is counted in the memory's bytes
	old      bool      // the item has changed since
}

// lease lets one client offer what it reads of the store.
type lease struct {
	slot    *slot
	token   uint64
	granted time.Time
	next    uint64        // of the feed, when it was granted: the client sees all changes below
	floor   uint64        // the last change of the item since
	over    chan struct{} // closed when the lease does not stand any more
	entry   *entry        // then: what came of it, if anything did
}

// cost is how many bytes an entry takes at most, as a test measures it: its answer, for which a somewhat larger piece of memory
// is taken, its item's ID and prefix, and its places in the maps, in the index and in ristretto's own.
func cost(id string, reply []byte) int64 {
	const places = 1000
	return int64(len(reply) + len(reply)/8 + 2*len(id) + places)
}

// memory is what a server keeps, and how it finds what a change makes old. What is kept for how long is ristretto's
// choice; what is there, and whether it is right, is not left to it: it takes and drops entries when it likes.
//
// The lock of the server is held, but where a method says otherwise.
type memory struct {
	most    int64 // bytes
	largest int64 // bytes of one entry
	choice  *ristretto.Cache[uint64, *entry]

	slots    map[string]*slot   // by the item's ID
	prefixes map[string][]*slot // by the item's prefix
	entries  int
	bytes    int64
	leases   int
	granted  []grantedLease // in their order; some are over
}

// grantedLease is a lease that may be over, and does not keep what came of it.
type grantedLease struct {
	slot  *slot
	token uint64
	at    time.Time
}

// newMemory returns a memory that takes about as many bytes at most. Dropped is called, without a lock, with each entry that
// ristretto drops.
func newMemory(most int64, dropped func(e *entry)) (*memory, error) {
	m := &memory{most: most, largest: most / 16, slots: map[string]*slot{}, prefixes: map[string][]*slot{}}
	var err error
	// A sixteenth is for the counters, which take up to six bytes each, and one for the entry that comes while another one
	// has not gone yet. The rest is ristretto's queue.
	const queue = 256 << 10
	m.choice, err = ristretto.NewCache(&ristretto.Config[uint64, *entry]{
		NumCounters: most / 128, MaxCost: most - most/8 - queue, BufferItems: 64, IgnoreInternalCost: true,
		OnExit: func(e *entry) {
			if e != nil {
				dropped(e)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return m, nil
}

// slot returns the slot of an item, a new one if it has none.
func (m *memory) slot(i *item, p *partition) *slot {
	s := m.slots[i.id]
	if s == nil {
		s = &slot{item: i, partition: p}
		m.slots[i.id] = s
		m.prefixes[i.prefix()] = append(m.prefixes[i.prefix()], s)
	}
	return s
}

// tidy takes a slot out of the index that has nothing.
func (m *memory) tidy(s *slot) {
	if s.entry != nil || s.lease != nil || m.slots[s.id] != s {
		return
	}
	delete(m.slots, s.id)
	prefix := s.prefix()
	rest := slices.DeleteFunc(m.prefixes[prefix], func(other *slot) bool { return other == s })
	if m.prefixes[prefix] = rest; len(rest) == 0 {
		delete(m.prefixes, prefix)
	}
}

// keep puts an entry in its slot.
func (m *memory) keep(e *entry) {
	e.in, e.slot.entry = true, e
	m.entries++
	m.bytes += e.cost
}

// drop takes an entry away, if it is there.
func (m *memory) drop(e *entry) {
	if !e.in {
		return
	}
	e.in = false
	m.entries--
	m.bytes -= e.cost
	if e.slot.entry == e {
		e.slot.entry = nil
	}
	m.tidy(e.slot)
}

// grant gives a lease on an item, in the place of one that has run out. It is nil if there are too many.
func (m *memory) grant(i *item, p *partition, token uint64, now time.Time) *lease {
	m.endLate(now)
	if m.leases >= mostLeases {
		return nil
	}
	s := m.slot(i, p)
	s.lease = &lease{slot: s, token: token, granted: now, next: p.feed.next, over: make(chan struct{})}
	m.leases++
	m.granted = append(m.granted, grantedLease{s, token, now})
	return s.lease
}

// endLate ends the leases that have run out.
func (m *memory) endLate(now time.Time) {
	n := 0
	for _, g := range m.granted {
		stands := g.slot.lease != nil && g.slot.lease.token == g.token
		if stands && now.Sub(g.at) <= leaseFor {
			break
		}
		if stands {
			m.end(g.slot.lease, nil)
		}
		n++
	}
	m.granted = slices.Delete(m.granted, 0, n)
}

// end ends a lease that stands.
func (m *memory) end(l *lease, e *entry) {
	l.slot.lease, l.entry = nil, e
	m.leases--
	close(l.over)
	m.tidy(l.slot)
}

// changed notes a change, and returns the entries that it makes old, which are out of the index.
func (m *memory) changed(ch api.Change) (old []*entry) {
	var found []*slot
	for n := len(api.Partition(ch.Key)); n <= len(ch.Key); n++ {
		for _, s := range m.prefixes[ch.Key[:n]] {
			if s.asksFor(ch.Key) {
				found = append(found, s)
			}
		}
	}
	for _, s := range found {
		if s.lease != nil {
			s.lease.floor = max(s.lease.floor, ch.Revision)
		}
		if e := s.entry; e != nil && ch.Revision > e.revision {
			e.old = true
			m.drop(e)
			old = append(old, e)
		}
	}
	return old
}

// forget takes away all that there is of some partitions, and returns the entries.
func (m *memory) forget(of func(*partition) bool) (gone []*entry) {
	var found []*slot
	for _, s := range m.slots {
		if of(s.partition) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *slot) int { return cmp.Compare(a.id, b.id) })
	for _, s := range found {
		if s.lease != nil {
			m.end(s.lease, nil)
		}
		if e := s.entry; e != nil {
			e.old = true
			m.drop(e)
			gone = append(gone, e)
		}
	}
	return gone
}

// release lets ristretto forget entries that are gone. No lock is held but that on changes of ristretto.
func (m *memory) release(gone []*entry) {
	for _, e := range gone {
		m.choice.Del(e.slot.hash)
	}
}

// offer lets ristretto choose whether an entry stays. No lock is held but that on changes of ristretto. It returns when
// what had to go for it is gone.
func (m *memory) offer(e *entry) (taken bool) {
	m.choice.Del(e.slot.hash) // an entry that is replaced is not asked whether there is room for a larger one
	taken = m.choice.Set(e.slot.hash, e, e.cost)
	m.choice.Wait()
	return taken
}
