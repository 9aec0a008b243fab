package raftlog

import (
	"sync"

	"github.com/hashicorp/raft"
)

// Cache returns a store that also keeps the last entries in memory, so that a leader need not read what it has just written to send it to its
// followers: so many, and at most so many bytes of them.
//
// Raft's own cache, 1.8.0, is bounded in entries only, and keeps of a leader's the replies, too.
func Cache(s Keeper, entries, bytes int) Keeper {
	return &cache{Keeper: s, entries: entries, bytes: bytes}
}

type cache struct {
	Keeper
	entries, bytes int // at most

	mu     sync.Mutex
	recent []raft.Log // without gaps
	size   int        // of their data
}

// GetLog returns one entry.
func (c *cache) GetLog(index uint64, log *raft.Log) error {
	c.mu.Lock()
	if n := len(c.recent); n > 0 && index-c.recent[0].Index < uint64(n) { // of what is before the first it is a large number
		*log = c.recent[index-c.recent[0].Index]
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	return c.Keeper.GetLog(index, log)
}

// StoreLog stores an entry.
func (c *cache) StoreLog(log *raft.Log) error { return c.StoreLogs([]*raft.Log{log}) }

// StoreLogs stores entries.
func (c *cache) StoreLogs(logs []*raft.Log) error {
	if err := c.Keeper.StoreLogs(logs); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, log := range logs {
		if n := len(c.recent); n > 0 && log.Index != c.recent[n-1].Index+1 {
			c.forget()
		}
		c.recent = append(c.recent, *log)
		c.size += len(log.Data)
		for len(c.recent) > c.entries || c.size > c.bytes && len(c.recent) > 1 {
			c.size -= len(c.recent[0].Data)
			c.recent[0] = raft.Log{} // lets go of its data
			c.recent = c.recent[1:]
		}
	}
	return nil
}

// DeleteRange deletes entries.
func (c *cache) DeleteRange(low, high uint64) error {
	c.mu.Lock()
	c.forget()
	c.mu.Unlock()
	return c.Keeper.DeleteRange(low, high)
}

// forget forgets all. The lock is held.
func (c *cache) forget() { c.recent, c.size = nil, 0 }
