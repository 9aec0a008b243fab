package abuse

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"picloud/node/mirror"
)

// Condemned knows the addresses from which tenants take nothing for a while, so that load balancers ask nobody. It hears of
// them within a second when all is well; of one that it has heard of it knows when that ends, whoever can be reached.
type Condemned struct {
	mirrors []*mirror.Mirror

	mu    sync.RWMutex
	until map[string]map[string]time.Time // by tenant and address
}

// condemnedBound is within which time load balancers hear of an address.
const condemnedBound = time.Second

// NewCondemned returns what is known of some tenants, once it runs.
func NewCondemned(source mirror.Source, tenants []string, log *slog.Logger) (*Condemned, error) {
	c := &Condemned{until: map[string]map[string]time.Time{}}
	for _, tenant := range tenants {
		rules, err := NewRules(source, tenant)
		if err != nil {
			return nil, err
		}
		m, err := mirror.New(mirror.Config{Prefixes: []string{rules.key(rowCondemned, "")}, Bound: condemnedBound}, source, log,
			func(n mirror.News) { c.told(tenant, n) })
		if err != nil {
			return nil, err
		}
		c.mirrors = append(c.mirrors, m)
	}
	return c, nil
}

// Run follows what is decided until the context ends.
func (c *Condemned) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, m := range c.mirrors {
		all.Go(func() { m.Run(ctx) })
	}
	all.Wait()
}

func (c *Condemned) told(tenant string, n mirror.News) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.Anew || c.until[tenant] == nil {
		c.until[tenant] = map[string]time.Time{}
	}
	of, now := c.until[tenant], time.Now()
	for i := range n.Rows {
		_, address := rowOf(n.Rows[i].Key)
		of[address] = now.Add(time.Duration(n.Rows[i].Left) * time.Millisecond)
	}
	for _, key := range n.Gone {
		_, address := rowOf(key)
		delete(of, address)
	}
}

// Left returns for how long nothing is taken from an address, 0 if it may come.
func (c *Condemned) Left(tenant, address string) time.Duration {
	c.mu.RLock()
	defer c.mu.RUnlock()
	until, is := c.until[tenant][address]
	if !is {
		return 0
	}
	return max(0, time.Until(until))
}
