package monkey

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"picloud/node/host/orders"
)

const (
	// repeat is how often is said which faults are to stand: some times in a lease.
	repeat = orders.Lease / 5
	// answerLimit is how long a socket has to answer. A process that stands still answers late, and all that it has heard
	// by then is told again.
	answerLimit = time.Second
	// instant is how long what happens at an instant is ordered: it happens once.
	instant = 500 * time.Millisecond
)

// hand says to one socket, again and again, which faults are to stand.
type hand struct {
	to   *orders.Client
	now  func() time.Duration
	halt chan struct{}
	over chan struct{}

	steps []step

	mu   sync.Mutex
	done map[string]map[string]int64 // by fault and life, what it did
	bad  map[string]string           // why a fault was refused
}

func newHand(socket string, now func() time.Duration) *hand {
	return &hand{to: orders.To(socket), now: now, halt: make(chan struct{}), over: make(chan struct{}),
		done: map[string]map[string]int64{}, bad: map[string]string{}}
}

func (h *hand) add(s step) { h.steps = append(h.steps, s) }

func (h *hand) start() { go h.run() }

// run says what is to stand until it is stopped.
func (h *hand) run() {
	defer close(h.over)
	for {
		_, _ = h.say(h.standing()) // who does not hear it hears it next time
		t := time.NewTimer(h.wait())
		select {
		case <-t.C:
		case <-h.halt:
			t.Stop()
			return
		}
	}
}

// standing returns the orders for now.
func (h *hand) standing() []orders.Order {
	var all []orders.Order
	now := h.now()
	for _, s := range h.steps {
		o, end := s.order, s.to
		if o.Left = end - now; s.to == s.from {
			o.Left, end = 0, s.from+instant
		}
		if s.from <= now && now < end && h.leave(&o) {
			all = append(all, o)
		}
	}
	return all
}

// count is the parameter of faults that spoil so many calls in all.
const count = "count"

// leave takes from such an order what it has done in earlier lives of the process, which may have ended of it, and says whether anything is left.
func (h *hand) leave(o *orders.Order) bool {
	most, counts := o.Params[count]
	if !counts {
		return true
	}
	h.learn()
	o.Params = maps.Clone(o.Params)
	o.Params[count] = most - h.felt(o.Name)
	return o.Params[count] > 0
}

// wait returns how long it is until something changes, or is to be repeated.
func (h *hand) wait() time.Duration {
	now, next := h.now(), repeat
	for _, s := range h.steps {
		for _, at := range []time.Duration{s.from, s.to} {
			if at > now {
				next = min(next, at-now)
			}
		}
	}
	return next
}

// say says what is to stand, and keeps what is answered.
func (h *hand) say(all []orders.Order) (orders.Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	reply, err := h.to.Set(ctx, all)
	if err != nil {
		return reply, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, times := range reply.Felt {
		h.count(name, reply.Life, times)
	}
	maps.Copy(h.bad, reply.Refused)
	return reply, nil
}

// count notes what a fault has done in a life of the process. The lock is held.
func (h *hand) count(name, life string, times int64) {
	if h.done[name] == nil {
		h.done[name] = map[string]int64{}
	}
	h.done[name][life] = max(h.done[name][life], times)
}

// learn counts, once each, what processes have felt that ended before they were asked.
func (h *hand) learn() {
	felt := h.to.FirstFelt()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range felt {
		h.count(f.Name, f.Life, 1)
	}
}

// stop heals all, and says why it does not know that. A process that does not answer has had a lease's time then.
func (h *hand) stop() error {
	close(h.halt)
	<-h.over
	began := time.Now()
	for {
		_, err := h.say(nil)
		if err == nil || time.Since(began) > orders.Lease {
			h.learn()
			return err
		}
		time.Sleep(repeat / 4)
	}
}

// felt returns what a fault did, in all lives of the process.
func (h *hand) felt(name string) (sum int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, times := range h.done[name] {
		sum += times
	}
	return sum
}

func (h *hand) refused(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bad[name]
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
