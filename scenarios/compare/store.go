package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// Store is the comparison of the store with etcd: three nodes of each.
type Store struct {
	Program     string // picloud, which our nodes run
	Etcd        string // what Etcd().Build has built
	Connections int
	Loops       int // requests under way at one time
	ValueBytes  int
	ReadPercent int
	Groups      int // of our store
}

// Validate says what is wrong with the configuration.
func (c *Store) Validate() error {
	switch {
	case c.Program == "":
		return errors.New("compare: a comparison needs a program")
	case c.Connections < 1 || c.Loops < c.Connections:
		return fmt.Errorf("compare: %d requests under way on %d connections: each has at least one", c.Loops, c.Connections)
	case c.ValueBytes < 1 || c.ValueBytes > 1<<20:
		return fmt.Errorf("compare: values of %d bytes, it must be 1 to %d", c.ValueBytes, 1<<20)
	case c.ReadPercent < 0 || c.ReadPercent > 100:
		return fmt.Errorf("compare: %d percent reads, it must be 0 to 100", c.ReadPercent)
	case c.Groups < 1 || c.Groups > 64:
		return fmt.Errorf("compare: %d groups, it must be 1 to 64", c.Groups)
	}
	return nil
}

// Contest returns the comparison.
func (c *Store) Contest() *Contest {
	return &Contest{Name: "store", Durable: true, About: map[string]string{
		"connections": fmt.Sprint(c.Connections),
		"requests":    fmt.Sprintf("%d under way at one time", c.Loops),
		"value_bytes": fmt.Sprint(c.ValueBytes),
		"reads":       fmt.Sprintf("%d %%, linearizable", c.ReadPercent),
		"ours":        fmt.Sprintf("3 nodes, %d groups of all nodes", c.Groups),
		"etcd":        "3 nodes, " + Etcd().Version,
	}, Contestants: []Contestant{{Ours, c.ours}, {"etcd", c.etcd}}}
}

// nodes are the names of the servers of a store.
func nodes() []string { return []string{"pi-1", "pi-2", "pi-3"} }

// groups returns the members of so many groups of our store: all of the nodes, of which another one comes first in each.
func groups(n int, nodes []string) [][]string {
	var all [][]string
	for i := range n {
		turn := i % len(nodes)
		all = append(all, slices.Concat(nodes[turn:], nodes[:turn]))
	}
	return all
}

func (c *Store) load(p shelf.Place, command ...string) func(load.Span) ([]string, any) {
	return func(s load.Span) ([]string, any) {
		return command, load.Config{Span: s, Addresses: p.Addresses, Port: p.Ports[0], Connections: c.Connections, Loops: c.Loops,
			ValueBytes: c.ValueBytes, ReadPercent: c.ReadPercent}
	}
}

// ours is nodes with nothing but the role store.
func (c *Store) ours(folder string) (*Entry, error) {
	p, err := shelf.FindPlace(nodes(), 2)
	if err != nil {
		return nil, err
	}
	configs := map[string]node.Config{}
	for _, name := range nodes() {
		configs[name] = node.Config{Nodes: nodes(), StorePort: p.Ports[0], HTTP: p.Ports[1], Store: &node.Store{Groups: groups(c.Groups, nodes())}}
	}
	servers, err := ourNodes(c.Program, folder, p, configs)
	return &Entry{servers, c.load(p, c.Program, "bench", "-drive", "store")}, err
}

// ourNodes returns the servers that are nodes of ours, by name.
func ourNodes(program, folder string, p shelf.Place, configs map[string]node.Config) ([]Server, error) {
	s := shelf.Shelf{Folder: folder, Program: program}
	var machines []shelf.Machine
	var servers []Server
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		machines = append(machines, shelf.Machine{Name: name, Machines: p.Addresses, Data: name, Node: configs[name]})
		servers = append(servers, Server{Name: name, Serve: func(ctx context.Context, log io.Writer, started func(*os.Process)) error {
			return s.Once(ctx, name, log, started)
		}})
	}
	return servers, s.Write(machines)
}

// DriveStore loads our store, as another process says on standard input.
func DriveStore(ctx context.Context) error { return load.Main(ctx, load.Stores(open)) }

func open(c load.Config) (load.Store, error) {
	s, err := client.New(&host.RealNetwork{Names: c.Addresses}, client.Config{Nodes: nodes(), Port: c.Port})
	return store{s}, err
}

// store is our store as the load sees it.
type store struct{ client *client.Client }

func (s store) Put(ctx context.Context, key string, value []byte) error {
	_, err := s.client.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: value}}})
	return err
}

func (s store) Get(ctx context.Context, key string) ([]byte, error) {
	reply, err := s.client.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil || len(reply.Results[0].Records) == 0 {
		return nil, err
	}
	return reply.Results[0].Records[0].Value, nil
}

func (s store) Close() error {
	s.client.Close()
	return nil
}
