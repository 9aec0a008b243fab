package presence

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Servers are the addresses of a service's instances that take something new, as a client knows them, and which of them have
// not answered lately. The zero value knows none. It may be used by many goroutines.
type Servers struct {
	mu    sync.Mutex
	known []string
	out   map[string]time.Time // until when
}

// Know takes who serves now, and returns how many that are.
func (s *Servers) Know(list []Instance) int {
	var known []string
	for i := range list {
		if !list[i].Draining {
			known = append(known, list[i].Address)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known) // one that has begun again is there twice for a while
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = known
	return len(known)
}

// Any tells whether there are any.
func (s *Servers) Any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known) > 0
}

// LeaveOut notes that a server has not answered, for some time, and tells whether that is new.
func (s *Servers) LeaveOut(server string, d time.Duration) (isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	isNew = now.After(s.out[server])
	for other, until := range s.out { // some may be gone for ever
		if now.After(until) {
			delete(s.out, other)
		}
	}
	if s.out == nil {
		s.out = map[string]time.Time{}
	}
	s.out[server] = now.Add(d)
	return isNew
}

// Rank returns the servers that answer, and those that have not done so lately, each in an order that is the key's own. So all
// clients begin with the same server, and only what a server had moves when it goes (rendezvous hashing).
func (s *Servers) Rank(key string) (well, out []string) {
	s.mu.Lock()
	now := time.Now()
	for _, server := range s.known {
		if now.Before(s.out[server]) {
			out = append(out, server)
		} else {
			well = append(well, server)
		}
	}
	s.mu.Unlock()
	places := map[string]uint64{}
	for _, servers := range [][]string{well, out} {
		for _, server := range servers {
			places[server] = xxhash.Sum64String(server + "\x00" + key)
		}
		slices.SortFunc(servers, func(a, b string) int { return cmp.Or(cmp.Compare(places[b], places[a]), cmp.Compare(a, b)) })
	}
	return well, out
}
