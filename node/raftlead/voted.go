package raftlead

import (
	"errors"

	"github.com/hashicorp/raft"
)

// Voted notes in the stable store of a member that is not started yet that it has voted for a leader in a term, and knows of none that is
// later. Hashicorp/raft reads these keys when it starts (1.8.0, raft.go).
func Voted(store raft.StableStore, term uint64, leader string) error {
	return errors.Join(
		store.SetUint64([]byte("CurrentTerm"), term),
		store.SetUint64([]byte("LastVoteTerm"), term),
		store.Set([]byte("LastVoteCand"), []byte(leader)))
}
