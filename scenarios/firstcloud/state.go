package firstcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
	"picloud/scenarios/history"
)

// command is one entry of the log: an operation on a key.
type command struct {
	Kind   history.Kind `json:"kind"`
	Key    string       `json:"key"`
	Value  string       `json:"value,omitempty"`
	Expect string       `json:"expect,omitempty"`
}

// validate says what is wrong with a command that came from outside.
func (c command) validate() error {
	switch c.Kind {
	case history.Read, history.Delete:
	case history.Write, history.CAS:
		if c.Value == "" {
			return fmt.Errorf("a %s needs a value", c.Kind)
		}
	default:
		return fmt.Errorf("unknown kind of operation %q", c.Kind)
	}
	if c.Key == "" {
		return errors.New("the key is empty")
	}
	return nil
}

// state is the map, as the log's entries make it. It is rebuilt from the log at every start.
type state struct {
	mu     sync.Mutex
	values map[string]string
}

func newState() *state { return &state{values: map[string]string{}} }

// Apply does one operation and returns what stood under its key before.
func (s *state) Apply(log *raft.Log) any {
	var c command
	if err := json.Unmarshal(log.Data, &c); err != nil {
		return fmt.Errorf("firstcloud: entry %d is not a command: %w", log.Index, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.values[c.Key]
	switch {
	case mutant.Planted == mutant.LocalClock && log.AppendedAt.After(time.Now().Add(time.Second)):
	case c.Kind == history.Write,
		c.Kind == history.CAS && (before == c.Expect || mutant.Planted == mutant.CarelessSwap):
		s.values[c.Key] = c.Value
	case c.Kind == history.Delete:
		delete(s.values, c.Key)
	}
	return before
}

var errNoSnapshots = errors.New("firstcloud: the log is the only copy of the state")

// Snapshot is not used: the log is never cut.
func (s *state) Snapshot() (raft.FSMSnapshot, error) { return nil, errNoSnapshots }

// Restore is not used: there are no snapshots.
func (s *state) Restore(io.ReadCloser) error { return errNoSnapshots }
