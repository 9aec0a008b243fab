// Package storecloud loads the store as a scenario does: nodes, and machines whose clients read and write
// registers, run transactions on lists, watch those lists, and move members of groups from node to node.
// Clients write down what they saw; watchers say it in the log.
package storecloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// port is where the store's nodes listen, if nothing else is said.
const port = "7000"

// ClientConfig says what the clients of one machine do.
type ClientConfig struct {
	kv.ClientConfig
	Port       string `json:",omitempty"` // where the store's nodes listen; 7000 if it is empty
	Appenders  int    // clients that run transactions on lists
	Watchers   int    // that watch the lists
	Partitions int    // that have lists
	Moves      bool
	Groups     int
	Ballast    int // bytes that are put into the store first, by the one who moves members if anybody does

	OwnDatabase bool       // a database runs on the clients' machine, and they use it
	Databases   []Database `json:",omitempty"` // that the clients use beside the store
}

// Validate says what is wrong with the configuration.
func (c *ClientConfig) Validate() error {
	if c.Appenders < 0 || c.Watchers < 0 || c.Partitions < 1 || c.Groups < 1 {
		return errors.New("storecloud: clients need partitions and groups")
	}
	return c.ClientConfig.Validate()
}

// Node runs a node until the context ends or it cannot go on.
func Node(ctx context.Context, h *host.Host, config []byte) error {
	c := &node.Config{}
	if err := node.Parse("the program's configuration", config, c); err != nil {
		return err
	}
	return node.Run(ctx, h, c)
}

// NodeConfig returns the configuration of a node of a store with these groups.
func NodeConfig(nodes []string, groups [][]string) *node.Config {
	return &node.Config{Nodes: nodes, StorePort: port, Store: &node.Store{
		Groups:        groups,
		SnapshotEvery: 200, TrailingLogs: 100, // so that followers that were away need snapshots
		DigestEvery: 64,
		ScrubEvery:  node.Duration{Duration: 15 * time.Second},
		MemTable:    256 << 10, Cache: 256 << 10,
	}}
}

// MonitorConfig returns the configuration of a machine that looks at the nodes and is none.
func MonitorConfig(nodes []string) *node.Config {
	return &node.Config{Nodes: nodes, StorePort: port, Monitor: &node.Monitor{Every: node.Duration{Duration: 2 * time.Second}}}
}

// Clients loads the cloud until its time is over.
func Clients(ctx context.Context, h *host.Host, c ClientConfig, record func(history.Operation)) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	c.Port = cmp.Or(c.Port, port)
	s, err := client.New(h.Network, client.Config{Nodes: c.Nodes, Port: c.Port})
	if err != nil {
		return err
	}
	defer s.Close()
	var mu sync.Mutex
	one := func(o history.Operation) {
		mu.Lock()
		defer mu.Unlock()
		record(o)
	}
	if c.OwnDatabase {
		var end func() error
		ctx, end = beginDatabase(ctx, h, &c)
		defer func() { err = errors.Join(err, end()) }()
	}
	var all sync.WaitGroup
	for n := range c.Appenders {
		all.Go(func() { newAppender(s, &c, c.First+c.Count+n, n, one).run(ctx) })
	}
	for n := range c.Watchers {
		all.Go(func() { newWatcher(s, h, &c, n).run(ctx) })
	}
	if c.Moves || c.Ballast > 0 {
		all.Go(func() { (&mover{s, h.Log, &c}).run(ctx) })
	}
	err = kv.Clients(ctx, c.ClientConfig, func() kv.Cloud { return Registers(h, s, c.Databases) }, one)
	all.Wait()
	return err
}

// register carries out commands on keys of the store, each in a partition of its own.
type register struct{ store api.Store }

// Do runs one command as one transaction.
func (r register) Do(ctx context.Context, c kv.Command) (outcome history.Outcome, result, why string) {
	reply, err := r.store.Txn(ctx, transaction(&c))
	if err != nil {
		return outcomeOf(err), "", err.Error()
	}
	if c.Kind == history.CAS && reply.Succeeded {
		return history.OK, c.Expect, ""
	}
	for _, rec := range reply.Results[0].Records {
		result = string(rec.Value)
	}
	return history.OK, result, ""
}

// Scan reads records in one transaction.
func (r register) Scan(ctx context.Context, from string, most int) (found map[string]string, outcome history.Outcome, why string) {
	reply, err := r.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: from, Limit: most}}})
	if err != nil {
		return nil, outcomeOf(err), err.Error()
	}
	found = map[string]string{}
	for _, rec := range reply.Results[0].Records {
		found[rec.Key] = string(rec.Value)
	}
	return found, history.OK, ""
}

// outcomeOf returns what is known of a transaction that ended with an error, or with none.
func outcomeOf(err error) history.Outcome {
	switch api.KindOf(err) {
	case "":
		return history.OK
	case api.Unknown:
		return history.Unknown
	}
	return history.Failed
}

// transaction returns the transaction that is a command.
func transaction(c *kv.Command) *api.Txn {
	get := []api.Op{{Kind: api.Get, Key: c.Key}}
	put := []api.Op{{Kind: api.Put, Key: c.Key, Value: []byte(c.Value)}}
	switch c.Kind {
	case history.Read:
		return &api.Txn{Then: get}
	case history.Write:
		return &api.Txn{Then: put}
	case history.Delete:
		return &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: c.Key}}}
	}
	// What is absent has the empty value.
	return &api.Txn{If: []api.Compare{{Key: c.Key, What: api.Value, Is: "=", Value: []byte(c.Expect)}}, Then: put, Else: get}
}

// partition returns the name of a partition of lists.
func partition(n int) string { return fmt.Sprint("lists-", n) }

// others returns the nodes that are not among some.
func others(nodes, some []string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return slices.Contains(some, n) })
}
