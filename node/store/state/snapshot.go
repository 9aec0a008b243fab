package state

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/sealed"
)

// NoteSnapshot writes down, durably, what raft knows of a snapshot, which is the state itself: everything
// that was applied before is durable then.
func (s *State) NoteSnapshot(meta []byte) error {
	key := s.key(tableSnapshot)
	if err := s.db.Set(key, sealed.Seal(key, meta), pebble.Sync); err != nil {
		return fmt.Errorf("state: group %d: note a snapshot: %w", s.group, err)
	}
	return nil
}

// Snapshot returns what was written down last, nil if nothing was.
func (s *State) Snapshot() ([]byte, error) {
	meta, err := s.get(s.db, s.key(tableSnapshot))
	if err != nil {
		return nil, fmt.Errorf("state: group %d: read the last snapshot: %w", s.group, err)
	}
	return meta, nil
}

// Clear takes a group's state away, as if nothing had ever been applied. It must not be open.
func Clear(db *pebble.DB, group uint32) error {
	if err := db.DeleteRange(tablesOf(group), tablesOf(group+1), pebble.NoSync); err != nil {
		return fmt.Errorf("state: clear group %d: %w", group, err)
	}
	return nil
}
