package presence

import (
	"context"
	"sync"
)

// Full is the whole of a weight or a share, in millionths.
const Full = 1_000_000

// Stance is how much all instances of a node want. The zero value wants all that it is given. It may be used by many goroutines.
type Stance struct {
	mu      sync.Mutex
	less    Wants
	changed chan struct{} // is closed at the next change; nil while nobody waits
}

// Wants is how much an instance wants. The zero value is all.
type Wants struct {
	Weight   int  `json:"weight,omitempty"`   // of what others are given it is to be given so much, in millionths; 0 for as much
	Share    int  `json:"share,omitempty"`    // it takes so much of what it can take, in millionths; 0 for all
	Draining bool `json:"draining,omitempty"` // it ends what it has begun and wants nothing new
}

// Weighs returns the weight in millionths.
func (w Wants) Weighs() int { return full(w.Weight) }

// Of returns the share of a number that is wanted: at least one, so that something is seen of how it does.
func (w Wants) Of(n int) int { return max(min(n, 1), n*full(w.Share)/Full) }

func full(n int) int {
	if n <= 0 || n > Full {
		return Full
	}
	return n
}

// Set changes how much is wanted.
func (s *Stance) Set(w Wants) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w == s.less {
		return
	}
	s.less = w
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Get returns how much is wanted, and what is closed when that changes.
func (s *Stance) Get() (Wants, <-chan struct{}) {
	if s == nil {
		return Wants{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.less, s.changed
}

type stanceKey struct{}

// With returns a context in which instances are announced with a stance: that of the node whose roles all run in it.
func With(ctx context.Context, s *Stance) context.Context {
	return context.WithValue(ctx, stanceKey{}, s)
}

// stanceOf returns the stance of a context, nil if it has none.
func stanceOf(ctx context.Context) *Stance {
	s, _ := ctx.Value(stanceKey{}).(*Stance)
	return s
}
