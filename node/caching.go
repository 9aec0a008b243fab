package node

import (
	"cmp"
	"context"

	"picloud/node/cache"
	"picloud/node/wire"
)

// Cache is the role that keeps what was read of the store. Nodes with applications find those that have it by themselves.
type Cache struct {
	Port        string   `yaml:"port"`                   // 7300 if it is left out
	MemoryBytes int64    `yaml:"memory-bytes,omitempty"` // 64 MiB if it is left out
	Bound       Duration `yaml:"bound,omitempty"`        // how old an answer may be; 2s if it is left out
	HotReads    int      `yaml:"hot-reads,omitempty"`    // in a second, from which on an item is on several servers; 200 if it is left out
	Drain       Duration `yaml:"drain,omitempty"`        // 500ms if it is left out
}

func (c *Cache) config() cache.Config {
	return cache.Config{Port: c.Port, MemoryBytes: c.MemoryBytes, Bound: c.Bound.Duration, HotReads: c.HotReads, Drain: c.Drain.Duration}
}

// validate puts defaults where nothing stands, and says what is wrong.
func (c *Cache) validate() error {
	c.Port = cmp.Or(c.Port, "7300")
	config := c.config()
	return config.Validate()
}

// beginCache starts the cache server, which others find through the store.
func (n *node) beginCache(run func(string, func(context.Context) error)) error {
	s, err := n.client()
	if err != nil {
		return err
	}
	server, err := cache.New(n.config.Cache.config(), n.host.Name, s, n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	l, err := n.listen(n.config.Cache.Port)
	if err != nil {
		server.Close()
		return err
	}
	run("cache", func(ctx context.Context) error { return server.Run(ctx, wire.Checked(l), s) })
	return nil
}

// reader returns how all applications of the node read what may be a little old.
func (n *node) reader(run func(string, func(context.Context) error)) (cache.Reader, error) {
	if n.cache == nil {
		s, err := n.client()
		if err != nil {
			return nil, err
		}
		c, err := cache.NewClient(n.host.Network, s, n.metrics, n.host.Log)
		if err != nil {
			return nil, err
		}
		n.cache = c
		n.closers = append(n.closers, func() error { c.Close(); return nil })
		run("cache client", func(ctx context.Context) error { c.Run(ctx); return nil })
	}
	return n.cache, nil
}
