package compare

import (
	"context"
	"io"
	"os"
	"slices"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// ours is our store: nodes with nothing but the role store.
type ours struct{ shelf.Shelf }

func newOurs(c *Config, folder string, p shelf.Place) (*ours, error) {
	var groups [][]string
	for i := range c.Groups {
		turn := i % len(nodes())
		groups = append(groups, slices.Concat(nodes()[turn:], nodes()[:turn]))
	}
	o := &ours{shelf.Shelf{Folder: folder, Program: c.Program}}
	var machines []shelf.Machine
	for _, name := range nodes() {
		machines = append(machines, shelf.Machine{
			Name: name, Machines: p.Addresses, Data: name,
			Node: node.Config{Nodes: nodes(), StorePort: p.Ports[0], HTTP: p.Ports[1], Store: &node.Store{Groups: groups}},
		})
	}
	return o, o.Write(machines)
}

func (o *ours) serve(ctx context.Context, name string, log io.Writer, started func(*os.Process)) error {
	return o.Once(ctx, name, log, started)
}

func (o *ours) drives() []string { return []string{o.Program, "bench", "-drive"} }

// Drive loads our store, as another process says on standard input.
func Drive(ctx context.Context) error { return load.Main(ctx, open) }

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
