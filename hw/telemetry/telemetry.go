// Package telemetry looks at a board every so often, keeps what it read last, and says it as Prometheus metrics.
//
// Invariants: what is not known has no figure, as a zero would be taken for one; that something has happened is counted here, when it begins,
// as the firmware's own memory of it is taken away by whoever asks; whoever wants to know how a board is does not wait for it.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"picloud/hw"
)

// Config says how often a board is looked at.
type Config struct {
	Every time.Duration // 1s if it is 0
}

// Validate puts defaults where nothing stands, and says what is wrong with the configuration.
func (c *Config) Validate() error {
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Every < 100*time.Millisecond {
		return errors.New("every: a board is looked at ten times a second at most")
	}
	return nil
}

// Sampler looks at a board.
type Sampler struct {
	board  hw.Board
	config Config
	log    *slog.Logger
	info   hw.Info
	descs  descs

	mu     sync.Mutex
	began  time.Time // since when it looks
	last   hw.Reading
	at     time.Time
	events map[string]int64 // how often each began
	stands map[string]bool  // whether each did at the last reading that knew it
	failed map[string]int   // in how many readings in a row what the board has was not known
}

// New returns a sampler of a board, which stays the caller's.
func New(board hw.Board, c Config, log *slog.Logger) (*Sampler, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Sampler{board: board, config: c, log: log, info: board.Info(), descs: newDescs(), began: time.Now(),
		events: map[string]int64{}, stands: map[string]bool{}, failed: map[string]int{}}, nil
}

// Run looks at the board until the context ends.
func (s *Sampler) Run(ctx context.Context) error {
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	for {
		s.sample()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Last returns what was read last and when; the time is zero if nothing has been read yet.
func (s *Sampler) Last() (hw.Reading, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.at
}

// sample reads the board, which may take long.
func (s *Sampler) sample() {
	r := s.board.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.at = r, time.Now()
	if t, err := r.Throttling.Get(); err == nil {
		for _, w := range states() {
			s.state(w.name, t&w.bit != 0)
		}
	}
	if sagged, err := r.UnderVoltage.Get(); err == nil {
		s.state(underVoltage, sagged)
	}
	if up, err := r.Link.Up.Get(); err == nil {
		s.state(linkDown, !up)
	}
	s.tell(&r)
}

// What happens to a board, as labels have it.
const (
	underVoltage = "under-voltage"
	linkDown     = "link-down"
)

// state is something that the firmware does to a board, and its bit. Under-voltage is not among them, as there are other ways to know it.
type state struct {
	name string
	bit  hw.Throttling
}

func states() []state {
	return []state{{"capped", hw.CappedNow}, {"throttled", hw.ThrottledNow}, {"soft-limit", hw.SoftLimitNow}}
}

// happenings are all that is counted.
func happenings() []string {
	return []string{"capped", linkDown, "soft-limit", "throttled", underVoltage}
}

// state counts something when it begins.
func (s *Sampler) state(what string, is bool) {
	if is && !s.stands[what] {
		s.events[what]++
		s.log.Warn("the board is not well", "what", what)
	}
	if !is && s.stands[what] {
		s.log.Info("the board is well again", "what", what)
	}
	s.stands[what] = is
}

// tellAfter is after how many readings in a row the log is told that something is not known: a meter that is new, or was without power, says nothing once.
const tellAfter = 2

// tell logs when something is no longer known, and when it is again.
func (s *Sampler) tell(r *hw.Reading) {
	for _, q := range r.Quantities() {
		if !q.Expected(s.info) {
			continue
		}
		name := q.Label()
		if q.Err == nil {
			if s.failed[name] >= tellAfter {
				s.log.Info("the board says again", "quantity", name)
			}
			s.failed[name] = 0
			continue
		}
		if s.failed[name]++; s.failed[name] == tellAfter {
			s.log.Warn("the board does not say", "quantity", name, "error", q.Err.Error())
		}
	}
}
