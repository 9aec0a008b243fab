package firstcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// State is the map, as the log's entries make it. It is rebuilt from the log at every start.
type State struct {
	log    *slog.Logger
	mu     sync.Mutex
	values map[string]string
	hash   hash.Hash64 // of all that was applied
	told   uint64      // the entry after which the hash was logged last
}

// digestEvery is how many entries lie between two digests in the log.
const digestEvery = 64

// NewState returns an empty map. It logs a digest of its state now and then, to be compared with
// those of other replicas.
func NewState(log *slog.Logger) *State {
	return &State{log: log, values: map[string]string{}, hash: fnv.New64a()}
}

// Value returns what stands under a key, or the empty string.
func (s *State) Value(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key]
}

// Apply does one operation and returns what stood under its key before.
func (s *State) Apply(log *raft.Log) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell(log.Index)
	var c kv.Command
	if err := json.Unmarshal(log.Data, &c); err != nil {
		return fmt.Errorf("firstcloud: entry %d is not a command: %w", log.Index, err)
	}
	before := s.values[c.Key]
	after := c.After(before)
	if mutant.Planted == mutant.CarelessSwap && c.Kind == history.CAS {
		after = c.Value
	}
	if mutant.Planted == mutant.LocalClock && log.AppendedAt.After(time.Now().Add(time.Second)) {
		after = before
	}
	if after != before {
		s.values[c.Key] = after
	}
	fmt.Fprintf(s.hash, "%d %q %q\n", log.Index, c.Key, after)
	return before
}

// tell logs a digest when enough entries were applied since the last one.
func (s *State) tell(index uint64) {
	if index/digestEvery > s.told/digestEvery {
		s.told = index
		s.log.Info("state", "index", index, "hash", fmt.Sprintf("%016x", s.hash.Sum64()))
	}
}

var errNoSnapshots = errors.New("firstcloud: the log is the only copy of the state")

// Snapshot is not used: the log is never cut.
func (s *State) Snapshot() (raft.FSMSnapshot, error) { return nil, errNoSnapshots }

// Restore is not used: there are no snapshots.
func (s *State) Restore(io.ReadCloser) error { return errNoSnapshots }

const applyTimeout = 2 * time.Second

// Apply puts a command through raft's log and returns what stood under its key before.
func Apply(r *raft.Raft, c kv.Command) (before string, err error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	future := r.Apply(data, applyTimeout)
	err = future.Error()
	switch {
	case mutant.Planted == mutant.FalseFailure && errors.Is(err, raft.ErrLeadershipLost),
		errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return "", NotLeader(r)
	case err != nil:
		return "", err
	}
	before, ok := future.Response().(string)
	if !ok {
		return "", errors.New("the state machine refused the command")
	}
	return before, nil
}

// NotLeader returns the error of a node that does not lead, with who does as far as it knows.
func NotLeader(r *raft.Raft) error {
	_, id := r.LeaderWithID()
	return kv.NotLeader{Leader: string(id)}
}
