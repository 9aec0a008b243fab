// Package monkey plays a schedule of faults on live processes: the text that the simulator plays.
//
// It breaks nothing itself. It orders faults of the layers over the processes' disks and networks, and of who keeps the
// processes (see package orders), and says again and again which of them are to stand.
//
// Invariants: nothing is broken before the cluster was seen in its steady state, nor by a schedule of which a part cannot be
// played, or that takes out more members than are allowed. When Run returns, all has healed or heals within a lease, however it
// ended; if the process of the monkey vanishes, all heals within a lease too.
package monkey

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"picloud/chaos"
	"picloud/node/host/orders"
)

// Probe is something that works while the cluster is in its steady state.
type Probe struct {
	Name string
	Try  func(context.Context) error
}

// Abort says when a run is given up.
type Abort struct {
	SharePPM int64         // when more of the probes fail
	For      time.Duration // for this long without a break
}

// Config says what is broken, and where.
type Config struct {
	Schedule chaos.Schedule
	Topology chaos.Topology
	Members  []string          // the machines of which a majority must live: those of the store
	MostOut  int               // of them, at one time
	Layers   map[string]string // the sockets of the layers, by machine
	Kept     []string          // the machines whose processes are kept
	Keeper   string            // the socket of who keeps them

	Steady []Probe // each must succeed before anything is broken
	Probes []Probe // are tried again and again while faults stand
	Alive  []Probe // one for each member, by its name; a majority must succeed
	Abort  Abort

	Now   func() time.Duration // of the run
	Began func()               // is told when the cluster was seen to be well; nil if nobody wants to know
	Note  func(Event)          // is told what happens, by one caller at a time; nil if nobody wants to know

	run string // tells the orders of this run from those of others
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	switch {
	case c.Now == nil:
		return errors.New("monkey: nobody says what time it is")
	case c.MostOut < 0 || c.MostOut > len(c.Members):
		return fmt.Errorf("monkey: at most %d of %d members out", c.MostOut, len(c.Members))
	case len(c.Probes)+len(c.Alive) > 0 && (c.Abort.SharePPM < 0 || c.Abort.SharePPM > 1_000_000 || c.Abort.For <= 0):
		return fmt.Errorf("monkey: the rule for giving up is %d ppm for %s", c.Abort.SharePPM, c.Abort.For)
	}
	return c.Check()
}

// Minority returns how many of n members may be out so that a majority is left.
func Minority(n int) int { return chaos.Minority.Of(n) }

// Result is what was played.
type Result struct {
	Schedule chaos.Schedule // the faults that began, each for as long as it stood
	Felt     []int64        // how many calls, packets, processes, … each of them changed
	Aborted  string         // why the run was given up, if it was
}

// ErrNotSteady says that nothing was broken, as the cluster was not well before.
var ErrNotSteady = errors.New("the cluster is not in its steady state, and nothing was broken")

// Run plays the schedule from now on, but from no earlier than time zero, and heals. A run that is given up is no error.
func Run(ctx context.Context, c Config) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	c.run = rand.Text()
	r := newRun(&c)
	if err := r.steady(ctx); err != nil {
		return Result{}, err
	}
	if c.Began != nil {
		c.Began()
	}
	r.begin()
	why := r.play(ctx)
	r.end(why)
	result := r.result()
	if result.Aborted = why; ctx.Err() != nil {
		return result, ctx.Err()
	}
	return result, nil
}

// run is a run under way.
type run struct {
	*Config
	faults []*played
	hands  map[string]*hand // by socket
	late   time.Duration    // by how much the schedule is played later than it says
	noting sync.Mutex
}

// played is a fault with what became of it.
type played struct {
	chaos.Fault // with the times at which it is played
	steps       []step
	began       bool
	ended       bool
}

func newRun(c *Config) *run { return &run{Config: c, hands: map[string]*hand{}} }

// note tells what happens.
func (r *run) note(e Event) {
	r.noting.Lock()
	defer r.noting.Unlock()
	if e.At = r.Now(); r.Note != nil {
		r.Note(e)
	}
}

// begin sets up the faults, later than the schedule says if the first was to begin before now.
func (r *run) begin() {
	if now := r.Now(); len(r.Schedule) > 0 {
		r.late = max(0, now-r.Schedule[0].At+time.Millisecond-1).Truncate(time.Millisecond)
	}
	for _, f := range r.Schedule {
		f.At += r.late
		p := &played{Fault: f, steps: r.steps(&f)}
		r.faults = append(r.faults, p)
		for _, s := range p.steps {
			if r.hands[s.socket] == nil {
				r.hands[s.socket] = newHand(s.socket, r.Now)
			}
		}
	}
	for _, p := range r.faults {
		for _, s := range p.steps {
			r.hands[s.socket].add(s)
		}
	}
	for _, h := range r.hands {
		h.start()
	}
}

// play waits until all faults have ended, or the run is given up: then it says why.
func (r *run) play(ctx context.Context) (why string) {
	watch, stop := context.WithCancel(ctx)
	failed := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if why := r.watch(watch); why != "" {
			failed <- why
		}
	}()
	defer func() { stop(); <-done }()
	for _, m := range r.moments() {
		for now := r.Now(); now < m.at; now = r.Now() {
			t := time.NewTimer(m.at - now)
			select {
			case <-t.C:
			case why := <-failed:
				t.Stop()
				return why
			case <-ctx.Done():
				t.Stop()
				return "it was interrupted"
			}
		}
		m.what()
	}
	return ""
}

// moment is a time at which a fault begins or ends, or is ordered no more.
type moment struct {
	at   time.Duration
	what func()
}

func (r *run) moments() []moment {
	var all []moment
	for _, p := range r.faults {
		all = append(all, moment{p.At, func() {
			p.began = true
			r.note(Event{What: Begin, Fault: &p.Fault})
		}})
		if p.For > 0 {
			all = append(all, moment{p.End(), func() {
				p.ended = true
				r.note(Event{What: End, Fault: &p.Fault})
			}})
		} else { // until then it is ordered
			all = append(all, moment{p.At + instant, func() {}})
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// end heals everything.
func (r *run) end(why string) {
	now := r.Now()
	for _, p := range r.faults {
		if p.began && !p.ended && p.For > 0 {
			p.For = max(time.Millisecond, now-p.At).Truncate(time.Millisecond)
			r.note(Event{What: End, Fault: &p.Fault})
		}
	}
	if why != "" {
		r.note(Event{What: Aborted, Why: why})
	}
	var healing []chan error
	sockets := sortedKeys(r.hands)
	for _, socket := range sockets {
		healed := make(chan error, 1)
		go func() { healed <- r.hands[socket].stop() }()
		healing = append(healing, healed)
	}
	for i, healed := range healing {
		if err := <-healed; err != nil {
			r.note(Event{What: Unheard, Why: fmt.Sprintf("%s: %v; its lease of %s has run out, or it is not there", sockets[i], err, orders.Lease)})
		}
	}
	r.refusals()
	for _, p := range r.faults {
		if p.began {
			r.note(Event{What: Felt, Fault: &p.Fault, Times: r.felt(p)})
		}
	}
}

// refusals notes the faults that a socket has refused.
func (r *run) refusals() {
	for _, p := range r.faults {
		for _, s := range p.steps {
			if why := r.hands[s.socket].refused(s.order.Name); why != "" && p.began {
				r.note(Event{What: Refused, Fault: &p.Fault, Why: why})
			}
		}
	}
}

// felt adds up what a fault did.
func (r *run) felt(p *played) (sum int64) {
	for _, s := range p.steps {
		sum += r.hands[s.socket].felt(s.order.Name)
	}
	return sum
}

func (r *run) result() (result Result) {
	for _, p := range r.faults {
		if p.began {
			result.Schedule = append(result.Schedule, p.Fault)
			result.Felt = append(result.Felt, r.felt(p))
		}
	}
	return result
}
