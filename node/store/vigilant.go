package store

import (
	"github.com/hashicorp/raft"

	"picloud/node/raftlog"
)

// vigilant is a log whose damage is not left to raft, which would try the same read again and again.
type vigilant struct {
	raftlog.Keeper
	damaged func(error)
}

func (v vigilant) look(err error) error { return tellDamage(err, v.damaged) }

// GetLog reads one entry.
func (v vigilant) GetLog(index uint64, log *raft.Log) error {
	return v.look(v.Keeper.GetLog(index, log))
}

// Get reads a value of raft's own.
func (v vigilant) Get(key []byte) ([]byte, error) {
	value, err := v.Keeper.Get(key)
	return value, v.look(err)
}

// GetUint64 reads a number of raft's own.
func (v vigilant) GetUint64(key []byte) (uint64, error) {
	n, err := v.Keeper.GetUint64(key)
	return n, v.look(err)
}
