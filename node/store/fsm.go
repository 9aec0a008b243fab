package store

import (
	"io"

	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/node/store/state"
)

// fsm is a state as raft sees it.
type fsm struct {
	state     *state.State
	snapshots *snapshots
	damaged   func(error)
	applied   uint64 // the last entry that raft had applied here; the state may be further, as what is sent to a follower is
}

var _ raft.BatchingFSM = (*fsm)(nil)

// Apply applies one entry.
func (f *fsm) Apply(log *raft.Log) any { return f.ApplyBatch([]*raft.Log{log})[0] }

// ApplyBatch applies entries with one write and returns a state.Outcome for each. A state that cannot
// apply an entry ends the process: it would not be what the others agree on.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	entries := make([]state.Entry, len(logs))
	for i, log := range logs {
		entries[i] = state.Entry{Index: log.Index, Term: log.Term}
		if log.Type == raft.LogCommand {
			entries[i].Data = log.Data
		}
	}
	outcomes, err := f.state.Apply(entries)
	if tellDamage(err, f.damaged) != nil {
		panic(err)
	}
	f.applied = logs[len(logs)-1].Index
	host.Reached(f.snapshots.fs, points.StateApplied)
	all := make([]any, len(logs))
	for i := range outcomes {
		all[i] = outcomes[i]
	}
	return all
}

// Snapshot refers to the state.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) { return &reference{store: f.snapshots}, nil }

// Restore puts the snapshot that came in in place of the state.
func (f *fsm) Restore(from io.ReadCloser) error {
	index, err := f.snapshots.restore(from, f.applied)
	if err == nil {
		f.applied = index
	}
	return err
}
