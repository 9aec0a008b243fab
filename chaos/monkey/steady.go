package monkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// tryLimit is how long a probe may take.
	tryLimit = 5 * time.Second
	// tryEvery is how often the probes are tried while faults stand.
	tryEvery = 500 * time.Millisecond
)

// try tries probes at once, and returns what each says.
func try(ctx context.Context, probes []Probe) []error {
	said := make([]error, len(probes))
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() { said[i] = p.Try(ctx) })
	}
	all.Wait()
	return said
}

// steady sees that the cluster is well.
func (r *run) steady(ctx context.Context) error {
	var bad []error
	for i, err := range try(ctx, r.Steady) {
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", r.Steady[i].Name, err))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(bad) > 0 {
		return errors.Join(append([]error{ErrNotSteady}, bad...)...)
	}
	r.note(Event{What: Steady, Times: int64(len(r.Steady))})
	return nil
}

// watch tries the probes until the context ends, and says why the run is to be given up, if it is.
func (r *run) watch(ctx context.Context) (why string) {
	if len(r.Probes)+len(r.Alive) == 0 {
		return ""
	}
	ticks := time.NewTicker(tryEvery)
	defer ticks.Stop()
	var failing, lost spell
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-ticks.C:
		}
		asked := r.Now()
		said := try(ctx, slices.Concat(r.Probes, r.Alive)) // at once, so that a round takes no longer than one try
		bad, dead := failures(said[:len(r.Probes)]), failures(said[len(r.Probes):])
		if ctx.Err() != nil {
			return ""
		}
		if len(bad) > 0 || len(dead) > 0 {
			r.note(Event{What: Probed, Times: int64(len(bad) + len(dead)), Why: first(r.Probes, bad, r.Alive, dead)})
		}
		if failing.lasts(int64(len(bad))*1_000_000 > r.Abort.SharePPM*int64(len(r.Probes)), asked, r.Now()) >= r.Abort.For {
			return fmt.Sprintf("%d of %d probes fail, for %s or more", len(bad), len(r.Probes), r.Abort.For)
		}
		if lost.lasts(len(dead) > Minority(len(r.Alive)), asked, r.Now()) >= r.Abort.For {
			return fmt.Sprintf("%d of %d members do not answer, for %s or more", len(dead), len(r.Alive), r.Abort.For)
		}
	}
}

// spell is the time for which something is so without a break.
type spell struct {
	is    bool
	since time.Duration
}

// lasts notes whether it is so, as it was asked at a time, and returns for how long it has been.
func (s *spell) lasts(is bool, asked, now time.Duration) time.Duration {
	if is && !s.is {
		s.since = asked
	}
	if s.is = is; !is {
		return 0
	}
	return now - s.since
}

// failure is a probe that failed, by its number.
type failure struct {
	probe int
	err   error
}

func failures(said []error) (all []failure) {
	for i, err := range said {
		if err != nil {
			all = append(all, failure{i, err})
		}
	}
	return all
}

// first says of the first probe that failed why it did.
func first(probes []Probe, bad []failure, alive []Probe, dead []failure) string {
	if len(dead) > 0 {
		return alive[dead[0].probe].Name + ": " + dead[0].err.Error()
	}
	return probes[bad[0].probe].Name + ": " + bad[0].err.Error()
}
