package store

import (
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/store/state"
)

// hasty answers a transaction from what it will do, before a majority has it. No product build does so.
func (g *Group) hasty(ctx context.Context, data []byte) (state.Outcome, bool) {
	if !g.Leads() {
		return state.Outcome{}, false
	}
	outcome, err := g.state.Foresee(data)
	if err != nil || outcome.Reply == nil {
		return outcome, false
	}
	g.raft.Apply(data, timeLeft(ctx))
	return outcome, true
}

// gap is what a leader that leaves out events remembers. No product build uses it.
type gap struct{ term, from uint64 }

// watchedFrom returns the revision from which on such a leader tells: the one after the first watch of its
// term came.
func (g *Group) watchedFrom() uint64 {
	if !g.Leads() {
		return 0
	}
	if term := g.Term(); g.gap.term != term {
		last, _ := g.state.Revision()
		g.gap = gap{term, last + 1}
	}
	return g.gap.from
}

// retriedDisk is a disk on which a sync that failed is done once more. The kernel has dropped what it could not
// write and called it clean, so the second sync succeeds. No product build uses it.
type retriedDisk struct{ vfs.FS }

// Create makes a file.
func (d retriedDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return retried(d.FS.Create(name, c))
}

// OpenReadWrite opens a file to be written.
func (d retriedDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	return retried(d.FS.OpenReadWrite(name, c, options...))
}

// ReuseForWrite gives a file another name, to be overwritten.
func (d retriedDisk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return retried(d.FS.ReuseForWrite(from, to, c))
}

func retried(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return retriedFile{f}, nil
}

type retriedFile struct{ vfs.File }

// Sync makes durable what was written.
func (f retriedFile) Sync() error {
	if f.File.Sync() == nil {
		return nil
	}
	return f.File.Sync()
}

// SyncData does the same for the content.
func (f retriedFile) SyncData() error {
	if f.File.SyncData() == nil {
		return nil
	}
	return f.File.SyncData()
}

// SyncTo does the same for the beginning of the content.
func (f retriedFile) SyncTo(length int64) (full bool, err error) {
	if full, err = f.File.SyncTo(length); err == nil {
		return full, nil
	}
	return f.File.SyncTo(length)
}

// forgetAll throws all away, and lets the node be a member of its first groups all the same. No product build does so.
func (s *Store) forgetAll(w *wound) error {
	if err := s.throwAway(w); err != nil {
		return err
	}
	for _, shard := range s.config.First.Shards {
		if !slices.Contains(shard.Members, s.config.Node) {
			continue
		}
		if err := set(s.db.Pebble(), hostedKey(shard.Group), joinedHere); err != nil {
			return err
		}
	}
	return set(s.db.Pebble(), begunKey, beganHere)
}
