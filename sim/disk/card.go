// Package disk is the storage of a simulated machine: a file system with a card behind it. It
// stands on the event loop and on the channel's frames alone, and outlives the processes that use
// it.
//
// A file exists twice. The view is what processes read and write: names, lengths and the pages of
// the page cache. The medium is what the card holds. Between the two stand the pending operations,
// in the order of their numbers: writes and changes of length for each file, changes of names for
// the file system. Invariants:
//
//   - An operation leaves the pending ones in one way only: a write-back or a sync of its file (of
//     its directory, for names) completes on the device. A sync covers exactly the operations that
//     were pending when it was asked for.
//   - A power cut keeps of each sector, length and directory a state that it had since it was last
//     made durable, and nothing else. Names do not become durable with the file they lead to.
//   - A page is dirty as long as an operation on it is pending. Only clean pages are evicted, and
//     what a clean page says and the medium does not is lost then: failed syncs, lost and
//     misdirected writes and rot need no other mechanism.
//   - The card is written in pages. A page that differs from the medium, after one of those faults,
//     is carried whole by the next write to it: that heals what the fault did, or spreads it.
//   - Requests are served one at a time in the order in which they came.
package disk

import (
	"fmt"
	"math/rand/v2"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// Config says what card a machine has. Zero values stand for the defaults.
type Config struct {
	Profile    Profile       // the kind of card
	Capacity   int64         // bytes for content; default 16 GiB
	Inodes     int           // most files and directories; default 1<<20
	CacheBytes int64         // most clean pages kept in the page cache; default 64 MiB
	DirtyBytes int64         // pending bytes at which write-back begins at once; default 8 MiB
	Writeback  time.Duration // age at which pending writes go to the card unasked; default 30 s, negative: never

	// AnyOrder lets a power cut keep any subset of the pending changes of names, as on a file system
	// without a journal. Without it a directory keeps a prefix, as on ext4.
	AnyOrder bool

	Publish func(channel.DiskState) // told of every change of the state that processes see; may be nil
	Wall    func() int64            // the machine's wall clock, ns since 1970, for times of change; may be nil

	// Did is told of each operation that has ended, before the process is, and of each point that a process has come to; may be nil.
	Did func(op Op, point string)
}

// Validate reports the first bad value in one sentence.
func (cfg Config) Validate() error {
	switch {
	case int(cfg.Profile) >= len(profiles()):
		return fmt.Errorf("disk: unknown profile %d", cfg.Profile)
	case cfg.Capacity < 0:
		return fmt.Errorf("disk: capacity of %d bytes is negative", cfg.Capacity)
	case cfg.Inodes < 0:
		return fmt.Errorf("disk: limit of %d inodes is negative", cfg.Inodes)
	case cfg.CacheBytes < 0:
		return fmt.Errorf("disk: cache of %d bytes is negative", cfg.CacheBytes)
	case cfg.DirtyBytes < 0:
		return fmt.Errorf("disk: limit of %d dirty bytes is negative", cfg.DirtyBytes)
	}
	return nil
}

func (cfg *Config) setDefaults() {
	if cfg.Capacity == 0 {
		cfg.Capacity = 16 << 30
	}
	if cfg.Inodes == 0 {
		cfg.Inodes = 1 << 20
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 64 << 20
	}
	if cfg.DirtyBytes == 0 {
		cfg.DirtyBytes = 8 << 20
	}
	if cfg.Writeback == 0 {
		cfg.Writeback = 30 * time.Second
	}
	if cfg.Wall == nil {
		cfg.Wall = func() int64 { return 0 }
	}
}

// Card is a file system on a card. It belongs to the goroutine of its loop.
type Card struct {
	loop *event.Loop
	name string
	cfg  Config
	off  bool

	root       *inode
	lastInode  uint64
	inodes     int    // in the view
	used       int64  // blocks in the view
	dirty      int64  // pending bytes
	seq        uint64 // number of the last pending operation
	journal    []*entryOp
	handles    map[uint64]*handle
	lastHandle uint64

	last spot // the block that was written last

	cache     cache
	zero      *[blockSize]byte // stands for pages that were cut off; never written
	scratch   []byte           // a reply's data until it is posted
	dev       device
	timing    sampler
	crash     *rand.Rand
	faults    faults
	listening int // how many want to know which points processes come to
	state     channel.DiskState
	stats     Stats
}

// Stats counts what the card has done since it was made.
type Stats struct {
	Reads, Syncs, Writebacks int64         // requests that the device has completed
	BytesRead, BytesWritten  int64         // between the device and the medium
	CachedReads              int64         // reads that needed no device
	Errors                   int64         // requests that ended with EIO
	Busy                     time.Duration // in which the device served requests
}

// New returns an empty card that is switched on. The name tells its random streams from those of
// all other cards of the loop.
func New(loop *event.Loop, name string, cfg Config) (*Card, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	c := &Card{
		loop:    loop,
		name:    name,
		cfg:     cfg,
		handles: make(map[uint64]*handle),
		zero:    new([blockSize]byte),
		scratch: make([]byte, channel.MaxData),
		crash:   loop.Stream("disk/" + name + "/crash"),
		timing: sampler{
			profile: profiles()[cfg.Profile],
			rng:     loop.Stream("disk/" + name + "/timing"),
		},
	}
	c.cache.limit = int(cfg.CacheBytes / blockSize)
	c.dev.card = c
	c.root = c.newInode(true, "/")
	c.root.links = 1
	c.publish()
	return c, nil
}

// State returns what processes see of the card without asking.
func (c *Card) State() channel.DiskState { return c.state }

// Stats returns what the card has done so far, and counts the request that it serves up to now.
func (c *Card) Stats() Stats {
	s := c.stats
	s.Busy += c.dev.serving()
	return s
}

// free returns the bytes that files may still take.
func (c *Card) free() int64 {
	if c.faults.has(Full) {
		return 0
	}
	return max(0, c.cfg.Capacity-c.used*blockSize)
}

func (c *Card) publish() {
	s := channel.DiskState{Free: c.free()}
	if c.faults.has(ReadOnly) {
		s.Flags |= channel.DiskReadOnly
	}
	if c.faults.has(Gone) {
		s.Flags |= channel.DiskGone
	}
	if c.listening > 0 {
		s.Flags |= channel.DiskListens
	}
	if s != c.state {
		c.state = s
		if c.cfg.Publish != nil {
			c.cfg.Publish(s)
		}
	}
}
