package museum

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"picloud/node/host"
	"picloud/node/wire"
	"picloud/scenarios/kv"
)

// store is a map on one machine: values in memory, changes in a journal. Many changes share one
// sync.
//
// Invariants: an answer leaves when all that it tells is on the disk; changes reach the journal
// in the order in which they were made.
type store struct {
	parts   *parts
	journal *journal

	mu      sync.Mutex
	changed *sync.Cond // there is something to commit, or something was committed
	values  map[string]string
	pending [][]byte
	last    uint64 // number of the last change
	durable uint64 // number of the last one on the disk
}

// change is what the journal holds.
type change struct {
	Key   string    `json:"key"`
	Value string    `json:"value"` // empty for a key that is gone
	At    time.Time `json:"at"`    // for people
}

// compactBytes is how long the journal may grow before it is written anew from the values.
const compactBytes = 32 << 10

// single runs a map on one machine.
func single(ctx context.Context, h *host.Host, c kv.NodeConfig, p parts) error {
	if err := c.Validate(h.Name); err != nil {
		return err
	}
	s, err := open(h, &p)
	if err != nil {
		return err
	}
	go s.commit()
	return kv.Serve(ctx, wire.Network{Network: h.Network}, h.Log, func(c kv.Command) (string, error) {
		before, seen := p.update(s, c)
		s.wait(seen)
		return before, nil
	})
}

func open(h *host.Host, p *parts) (*store, error) {
	j, payloads, err := recoverJournal(p, h.Disk)
	if err != nil {
		return nil, err
	}
	s := &store{parts: p, journal: j, values: map[string]string{}}
	s.changed = sync.NewCond(&s.mu)
	for _, b := range payloads {
		var c change
		if err := json.Unmarshal(b, &c); err != nil {
			return nil, fmt.Errorf("museum: %w", errDamaged)
		}
		s.values[c.Key] = c.Value
	}
	return s, j.rewrite(s.snapshot())
}

// get returns what stands under a key.
func (s *store) get(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key]
}

// set puts a value under a key; record is the same for the journal.
func (s *store) set(key, value string, record []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, value, record)
}

func (s *store) put(key, value string, record []byte) {
	s.values[key] = value
	s.pending = append(s.pending, record)
	s.last++
	s.changed.Broadcast()
}

// seen returns the number of the last change.
func (s *store) seen() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// wait waits until a change is on the disk.
func (s *store) wait(change uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.durable < change {
		s.changed.Wait()
	}
}

// commit puts changes on the disk for as long as that works. A store that cannot ends.
func (s *store) commit() {
	for {
		s.mu.Lock()
		for len(s.pending) == 0 {
			s.changed.Wait()
		}
		batch, last := s.pending, s.last
		s.pending = nil
		compact := s.journal.size > compactBytes
		if compact {
			batch = s.snapshot()
		}
		s.mu.Unlock()
		err := error(nil)
		if compact {
			err = s.journal.rewrite(batch)
		} else {
			err = s.journal.add(batch...)
		}
		if err != nil {
			panic(err)
		}
		s.mu.Lock()
		s.durable = last
		s.changed.Broadcast()
		s.mu.Unlock()
	}
}

// snapshot returns the values as changes, in the order of keys.
func (s *store) snapshot() [][]byte {
	var all [][]byte
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if value := s.values[key]; value != "" {
			all = append(all, record(key, value))
		}
	}
	return all
}

func record(key, value string) []byte {
	b, err := json.Marshal(change{key, value, time.Now()})
	if err != nil {
		panic(err)
	}
	return b
}
