package state

import (
	"context"
	"fmt"
)

// counted tells whether the digest counts the rows of a table.
func counted(table byte) bool {
	switch table {
	case tableRecords, tableSessions, tableReplies, tableOwned:
		return true
	}
	return false
}

// Scrub reads the whole state as it is at one instant: every row must match its checksum, and all of
// them together what the marker counts. It returns ErrDamaged, or the error of a read that failed. Of a state that is replaced meanwhile it says
// nothing: the one that came in was read as a whole.
func (s *State) Scrub(ctx context.Context) error {
	now := s.instant()
	defer now.Close()
	m, err := s.readMarker(now)
	if err != nil {
		return fmt.Errorf("state: scrub group %d: %w", s.group, err)
	}
	v := &view{state: s, from: now}
	digest, records := uint64(0), uint64(0)
	err = v.rows(s.key(tableSnapshot), s.key(tableEnd), false, func(key, value []byte) (bool, error) {
		table := key[len(s.prefix)]
		if counted(table) {
			digest += rowHash(key, value)
		}
		if table == tableRecords {
			records++
		}
		return ctx.Err() == nil, ctx.Err()
	})
	if err == nil && (digest != m.Digest || records != m.Records) {
		err = fmt.Errorf("%d records with the digest %x, and the marker counts %d with %x: %w", records, digest, m.Records, m.Digest, ErrDamaged)
	}
	if err != nil && !now.gone() {
		return fmt.Errorf("state: scrub group %d: %w", s.group, err)
	}
	return nil
}
