// Package orders is how faults are ordered of a process that runs, and how they end without the one who ordered them.
//
// Whoever breaks a live cloud says again and again, a few times each second, which faults are to stand. What is said for
// the first time begins, what is not said any more is healed, and when nothing is said for as long as a lease, all is
// healed: the one who ordered may be killed, or cut off, and nothing stays broken.
//
// Invariants: a fault that stands has an end of its own too, and does not begin again after it; one that happens at an
// instant happens once in the life of a process; what a fault has done is counted over that life, and is told after it was healed.
package orders

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// Lease is how long faults stand of whose controller nothing is heard.
const Lease = 2 * time.Second

// Order is a fault that is to stand.
type Order struct {
	Name   string           `json:"name"`             // tells it from the others
	Kind   string           `json:"kind"`             // what is broken, in the words of the one who carries it out
	From   string           `json:"from,omitempty"`   // a machine, or that from which the way leads
	To     string           `json:"to,omitempty"`     // to which the way leads
	Params map[string]int64 `json:"params,omitempty"` // by the names that the catalogue of faults has for them, in its units
	Left   time.Duration    `json:"left_ns"`          // until it is healed by itself; zero for one that happens at an instant

	// First is told when the fault has changed the first call, before that call returns, as the process may end of it. It may be nil.
	First func() `json:"-"`
}

// Reply says what became of orders.
type Reply struct {
	Life    string            `json:"life"`              // of the process: counts begin at zero in each
	Felt    map[string]int64  `json:"felt"`              // what each fault did in this life, by name
	Refused map[string]string `json:"refused,omitempty"` // why a fault could not begin
}

// Effect is a fault at work.
type Effect struct {
	Heal func()       // nil for one that happens at an instant
	Felt func() int64 // how many calls, packets, processes, … it has changed
}

// Apply begins a fault.
type Apply func(Order) (Effect, error)

// Standing is the faults that stand in a process.
type Standing struct {
	apply Apply
	lease time.Duration
	life  string
	first func(name string) // is told of what was felt for the first time

	mu      sync.Mutex
	known   map[string]*fault
	expires *time.Timer
	heard   int // how many times something was ordered
}

// fault is one that has begun in this life.
type fault struct {
	effect Effect
	stands bool
	over   bool  // it came to its own end, or was refused
	before int64 // what it had done when it last began
	why    string
	ends   *time.Timer
}

// New returns the faults of a process, of which none stands. The lease is Lease but for tests.
func New(apply Apply, lease time.Duration) *Standing {
	return &Standing{apply: apply, lease: lease, life: rand.Text(), first: func(string) {}, known: map[string]*fault{}}
}

// Set has these faults stand, and no others.
func (s *Standing) Set(all []Order) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]bool{}
	for i := range all {
		wanted[all[i].Name] = true
	}
	for name, f := range s.known {
		if !wanted[name] {
			f.heal()
		}
	}
	for i := range all {
		s.begin(&all[i])
	}
	s.extend(len(all) > 0)
	return s.reply()
}

// begin begins a fault that does not stand.
func (s *Standing) begin(o *Order) {
	f := s.known[o.Name]
	if f == nil {
		f = &fault{}
		s.known[o.Name] = f
	}
	if f.stands || f.over {
		return
	}
	before := f.felt()
	apply := *o
	apply.First = func() { s.first(o.Name) }
	effect, err := s.apply(apply)
	if err != nil {
		f.over, f.why = true, err.Error()
		return
	}
	f.effect, f.before = effect, before
	if effect.Heal == nil {
		f.over = true
		return
	}
	f.stands = true
	f.ends = time.AfterFunc(o.Left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.heal()
		f.over = true
	})
}

// heal ends a fault that stands.
func (f *fault) heal() {
	if f.stands {
		f.stands = false
		f.ends.Stop()
		f.effect.Heal()
	}
}

// felt returns what a fault has done.
func (f *fault) felt() int64 {
	if f.effect.Felt == nil {
		return f.before
	}
	return f.before + f.effect.Felt()
}

// extend begins the lease anew.
func (s *Standing) extend(needed bool) {
	s.heard++
	if s.expires != nil {
		s.expires.Stop()
	}
	if heard := s.heard; needed {
		s.expires = time.AfterFunc(s.lease, func() { s.expire(heard) })
	}
}

// expire heals all if nothing was heard since.
func (s *Standing) expire(heard int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == heard {
		s.healAll()
	}
}

func (s *Standing) healAll() {
	for _, f := range s.known {
		f.heal()
	}
}

func (s *Standing) reply() Reply {
	r := Reply{Life: s.life, Felt: map[string]int64{}, Refused: map[string]string{}}
	for name, f := range s.known {
		r.Felt[name] = f.felt()
		if f.why != "" {
			r.Refused[name] = f.why
		}
	}
	return r
}

// Close heals all.
func (s *Standing) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extend(false)
	s.healAll()
}

// Unknown returns the error for a kind of fault that a process does not know.
func Unknown(kind string) error { return fmt.Errorf("the fault %.80q cannot be played here", kind) }
