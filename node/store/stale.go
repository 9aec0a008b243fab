package store

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// What a log holds up to where a snapshot came in, only the log's own node may ever have had: it led once, was cut off, and the others agreed on
// something else. Hashicorp/raft (1.8.0) leaves those of the last TrailingLogs, and would send them to a follower who has nothing, as if they had been
// agreed to. It can also clear the whole log (MonotonicLogStore), but then what stands behind the snapshot is gone too, which this node may have
// acknowledged. So it is done here.

// beginLog lets the log begin behind a snapshot that is in the state's place, unless it has the snapshot's last entry: then it is the log of those who
// made the snapshot, up to there. It tells whether the log has another entry in that place. All from there on was never agreed to, and is left as it
// is: a raft that runs would go on with the end of its log, refuse what its leader sends, and vote for those who have less than the snapshot.
func (s *snapshots) beginLog(meta *raft.SnapshotMeta) (forks bool, err error) {
	var at raft.Log
	switch err := s.log.GetLog(meta.Index, &at); {
	case err == nil:
		return at.Term != meta.Term, nil
	case !errors.Is(err, raft.ErrLogNotFound):
		return false, err
	}
	first, err := s.log.FirstIndex()
	if err != nil || first == 0 || first > meta.Index {
		return false, err
	}
	return false, s.log.DeleteRange(first, meta.Index)
}

// recover does so when the member starts: a crash may have come in between. It returns up to which entry the last snapshot goes, 0 if there is none.
func (s *snapshots) recover() (index uint64, err error) {
	meta, err := s.last()
	if err != nil || meta == nil {
		return 0, err
	}
	forks, err := s.beginLog(meta)
	if forks {
		var first, last uint64
		if first, err = s.log.FirstIndex(); err == nil {
			last, err = s.log.LastIndex()
		}
		if err == nil {
			err = s.log.DeleteRange(first, last)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("store: let the log begin behind the last snapshot: %w", err)
	}
	return meta.Index, nil
}
