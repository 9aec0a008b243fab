package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// Cache is the comparison of the cache with memcached: one server of each, which has all that is asked for.
type Cache struct {
	Program     string // picloud
	Connections int    // clients
	Loops       int    // requests under way at one time
	ValueBytes  int
}

// cacheKeys is how many keys are read, each as often as the others.
const cacheKeys = 2000

// Contest returns the comparison. Memcached must be installed.
func (c *Cache) Contest() (*Contest, error) {
	path, err := installed("memcached")
	if err != nil {
		return nil, err
	}
	return &Contest{Name: "cache", About: map[string]string{
		"requests":    fmt.Sprintf("reads of %d keys, which the server has in memory; %d under way at one time, by %d clients", cacheKeys, c.Loops, c.Connections),
		"value_bytes": fmt.Sprint(c.ValueBytes),
		"ours":        "a node with the role cache, through the client that applications use, with one connection each; what it does not answer itself counts as failed",
		"memcached":   version(path, "-V") + "; its clients have as many connections as requests under way",
		"cpu":         "of the cache server alone, without the store behind ours",
	}, Contestants: []Contestant{{Ours, c.ours}, {"memcached", func(string) (*Entry, error) { return c.memcached(path) }}}}, nil
}

// ours is a node with the role cache, and one with the store, which is idle when all has been read.
func (c *Cache) ours(folder string) (*Entry, error) {
	p, err := shelf.FindPlace([]string{"cache", "store"}, 3)
	if err != nil {
		return nil, err
	}
	base := node.Config{Nodes: []string{"store"}, StorePort: p.Ports[0], HTTP: p.Ports[1]}
	behind, front := base, base
	behind.Store, front.Cache = &node.Store{Groups: [][]string{{"store"}}}, &node.Cache{Port: p.Ports[2]}
	servers, err := ourNodes(c.Program, folder, p, map[string]node.Config{"store": behind, "cache": front})
	for i := range servers {
		servers[i].Aside = servers[i].Name == "store"
	}
	return &Entry{servers, c.load(p, "cache")}, err
}

func (c *Cache) memcached(path string) (*Entry, error) {
	p, err := shelf.FindPlace([]string{"memcached"}, 1)
	if err != nil {
		return nil, err
	}
	server := Server{Name: "memcached", Serve: serve(path, "-l", p.Addresses["memcached"], "-p", p.Ports[0], "-U", "0", "-u", "root")} // it wants to be told whom root means
	return &Entry{[]Server{server}, c.load(p, "memcached")}, nil
}

// cacheLoad says what is loaded.
type cacheLoad struct {
	load.Span
	Addresses   map[string]string // of the servers, by name
	Port        string            // of our store, or of memcached
	Connections int               // clients
	Loops       int
	ValueBytes  int
}

func (c *Cache) load(p shelf.Place, drives string) func(load.Span) ([]string, any) {
	return func(s load.Span) ([]string, any) {
		return []string{c.Program, "bench", "-drive", drives}, cacheLoad{s, p.Addresses, p.Ports[0], c.Connections, c.Loops, c.ValueBytes}
	}
}

// cacheClient is a client of a cache. It may be used by many goroutines.
type cacheClient interface {
	// fill makes it possible to read values, by their keys.
	fill(ctx context.Context, values map[string][]byte) error
	// get returns what the cache has, and an error if it does not have it.
	get(ctx context.Context, key string) ([]byte, error)
	close()
}

var errNotKept = errors.New("the cache does not have it")

// driveCache returns what loads a cache: it is filled, and loops read.
func driveCache(open func(*cacheLoad) (cacheClient, error)) func(context.Context, cacheLoad) (*load.Result, error) {
	return func(ctx context.Context, c cacheLoad) (*load.Result, error) {
		keys, values := make([]string, cacheKeys), map[string][]byte{}
		bytes := rand.NewChaCha8([32]byte{})
		for i := range keys {
			keys[i] = fmt.Sprintf("bench/%06d", i)
			values[keys[i]] = make([]byte, c.ValueBytes)
			_, _ = bytes.Read(values[keys[i]]) // it never fails
		}
		works := make([]load.Work, c.Loops)
		for i := range c.Connections {
			client, err := open(&c)
			if err != nil {
				return nil, fmt.Errorf("load: open a connection: %w", err)
			}
			defer client.close()
			for n := i; n < c.Loops; n += c.Connections {
				works[n] = &cacheReader{client, keys, values, rand.New(rand.NewPCG(uint64(n), 1))}
			}
			if i == 0 {
				err = load.Ready(ctx, func(ctx context.Context) error { return client.fill(ctx, values) })
			}
			if err == nil {
				err = load.Ready(ctx, func(ctx context.Context) error { return readAll(ctx, client, keys) })
			}
			if err != nil {
				return nil, err
			}
		}
		return load.Measure(ctx, c.Span, works)
	}
}

func readAll(ctx context.Context, c cacheClient, keys []string) (err error) {
	for _, key := range keys {
		_, e := c.get(ctx, key)
		err = errors.Join(err, e)
	}
	return err
}

// cacheReader reads one key after another.
type cacheReader struct {
	client cacheClient
	keys   []string
	values map[string][]byte
	draw   *rand.Rand
}

// Next reads one.
func (r *cacheReader) Next(ctx context.Context) (read bool, acked int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	key := r.keys[r.draw.IntN(len(r.keys))]
	value, err := r.client.get(ctx, key)
	if err == nil && !bytes.Equal(value, r.values[key]) {
		err = fmt.Errorf("load: read %s: %w", key, load.ErrWrong)
	}
	return true, 0, err
}

// DriveCache loads our cache, as another process says on standard input.
func DriveCache(ctx context.Context) error { return load.Main(ctx, driveCache(openCache)) }

func openCache(c *cacheLoad) (cacheClient, error) {
	network := &host.RealNetwork{Names: c.Addresses}
	s, err := client.New(network, client.Config{Nodes: []string{"store"}, Port: c.Port})
	if err != nil {
		return nil, err
	}
	reader, err := cache.NewClient(network, s, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		s.Close()
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	o := &ourCache{store: s, reader: reader, end: end}
	o.all.Go(func() { reader.Run(ctx) })
	return o, nil
}

// ourCache is a client of our cache as the load sees it.
type ourCache struct {
	store  *client.Client
	reader *cache.Client
	end    func()
	all    sync.WaitGroup
}

func (o *ourCache) fill(ctx context.Context, values map[string][]byte) error {
	t := &api.Txn{}
	for key, value := range values {
		if t.Then = append(t.Then, api.Op{Kind: api.Put, Key: key, Value: value}); len(t.Then) == 16 {
			if _, err := o.store.Txn(ctx, t); err != nil {
				return err
			}
			t = &api.Txn{}
		}
	}
	if len(t.Then) == 0 {
		return nil
	}
	_, err := o.store.Txn(ctx, t)
	return err
}

func (o *ourCache) get(ctx context.Context, key string) ([]byte, error) {
	answers, err := o.reader.Read(ctx, api.Op{Kind: api.Get, Key: key})
	if err != nil {
		return nil, err
	}
	if a := &answers[0]; a.From != "" && len(a.Records) == 1 {
		return a.Records[0].Value, nil
	}
	return nil, errNotKept
}

func (o *ourCache) close() {
	o.end()
	o.all.Wait()
	o.reader.Close()
	o.store.Close()
}
