package cache

import (
	"cmp"
	"fmt"
	"time"

	"picloud/node/api"
)

// Config is a cache server's configuration. The zero value of a field but the first is its default.
type Config struct {
	Port        string
	MemoryBytes int64         // that it may take for what it keeps and the index of it; 64 MiB
	Bound       time.Duration // how old an answer may be; 2 s
	HotReads    int           // reads of an item in a second from which on clients spread them over several servers; 200
	Drain       time.Duration // between saying that it ends and serving no more; 500 ms
}

func (c Config) withDefaults() Config {
	c.MemoryBytes = cmp.Or(c.MemoryBytes, 64<<20)
	c.Bound = cmp.Or(c.Bound, 2*time.Second)
	c.HotReads = cmp.Or(c.HotReads, 200)
	c.Drain = cmp.Or(c.Drain, 500*time.Millisecond)
	return c
}

// The limits of a configuration.
const (
	leastMemory = 1 << 20
	mostMemory  = 1 << 40
	leastBound  = time.Second
	mostBound   = time.Hour
)

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	d := c.withDefaults()
	switch {
	case d.MemoryBytes < leastMemory || d.MemoryBytes > mostMemory:
		return fmt.Errorf("cache: the memory is %d to %d bytes, not %d", leastMemory, mostMemory, c.MemoryBytes)
	case d.Bound < leastBound || d.Bound > mostBound:
		return fmt.Errorf("cache: a bound is %s to %s, not %s", leastBound, mostBound, c.Bound)
	case d.HotReads < 1:
		return fmt.Errorf("cache: an item is hot from 1 read in a second on, not %d", c.HotReads)
	case d.Drain < 0 || d.Drain > time.Minute:
		return fmt.Errorf("cache: a drain is 0 to 1m, not %s", c.Drain)
	}
	return nil
}

// limit is how old an answer may be by the server's clock. One that runs too slow by an eighth shows that when the bound is
// over. The fault catalogue draws drifts of up to a tenth; a crystal has one of a ten-thousandth.
func (c *Config) limit() time.Duration { return c.Bound - c.Bound/8 }

// pollFor is how long the store may wait for the first change before it answers.
func (c *Config) pollFor() time.Duration { return min(c.Bound/8, api.MaxFollowWait) }

// The store is asked for changes at most once in pace, so that they come together where there are many.
const pace = 20 * time.Millisecond

const (
	leaseFor = 600 * time.Millisecond // for a client to read the store and to offer what it has read
	waitFor  = 300 * time.Millisecond // for what another client reads
	askFor   = 400 * time.Millisecond // for a server to answer a client
	outFor   = 2 * time.Second        // no client asks a server that has not answered
	idleFor  = 5 * time.Minute        // after which partitions that nobody asks for are not followed

	mostLeases     = 1024
	mostPartitions = 1024 // as many as one call may follow
	copies         = 3    // servers that have an item that is hot
)
