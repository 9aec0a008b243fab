package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/shelf"
)

// home is a cloud of processes on this machine's loopback.
type home struct {
	shelf.Shelf
	cloud string // its name, which no other has
	token string
	store string // a port, as the next two are
	http  string
	resp  string
	names []string
	addrs map[string]string
}

// Up runs a cloud on this machine.
func Up(ctx context.Context, args []string) error {
	f := flags("up", `up [-nodes N] [-dir FOLDER] [-http PORT] [-redis PORT] [-store PORT]

Runs a cloud on this machine: each node is a process of its own with an address of its own (127.0.0.1,
127.0.0.2, ...) and a folder of its own, and is started again when it ends. Ctrl-C stops them all; the
data stays in the folder, and the next up goes on with it.

Examples:
  picloud up
  picloud up -nodes 5 -dir /tmp/cloud
  curl -H "Authorization: Bearer $(cat .picloud/token)" -X PUT -d '{"n":1}' 127.0.0.1:8080/v1/shop/carts/1
  redis-cli -a "$(cat .picloud/token)" set greeting hello`)
	count := f.Int("nodes", 3, "nodes, 1 to 9")
	folder := f.String("dir", ".picloud", "the folder for configurations, logs and data")
	httpPort := f.String("http", "8080", "the port for HTTP on each node")
	resp := f.String("redis", "6379", "the port for Redis' protocol on each node")
	store := f.String("store", "7000", "the port where the nodes listen for one another")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *count < 1 || *count > 9 {
		return fmt.Errorf("up: %d nodes, it must be 1 to 9", *count)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s := &home{Shelf: shelf.Shelf{Folder: *folder, Program: self}, store: *store, http: *httpPort, resp: *resp, addrs: map[string]string{}}
	for i := range *count {
		name := fmt.Sprint("pi-", i+1)
		s.names = append(s.names, name)
		s.addrs[name] = fmt.Sprint("127.0.0.", i+1)
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	return s.run(ctx)
}

// prepare writes the configurations, or finds those of an earlier run.
func (s *home) prepare() error {
	if err := shelf.Free(s.addrs, s.store, s.http, s.resp); err != nil {
		return err
	}
	if old, err := filepath.Glob(filepath.Join(s.Folder, "pi-*.yaml")); err != nil || len(old) > 0 && len(old) != len(s.names) {
		return errors.Join(err, fmt.Errorf("%s holds a cloud of %d nodes; give -nodes %d, or another -dir", s.Folder, len(old), len(old)))
	}
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return err
	}
	var err error
	if s.token, err = remembered(s.File("token", "")); err != nil {
		return err
	}
	if s.cloud, err = remembered(s.File("cloud", "")); err != nil {
		return err
	}
	var machines []shelf.Machine
	for _, name := range s.names {
		machines = append(machines, s.machine(name))
	}
	return s.Write(machines)
}

// remembered returns what stands in a file, which nobody can guess, and writes it where it does not exist.
func remembered(file string) (string, error) {
	old, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return strings.TrimSpace(string(old)), err
	}
	text := strings.ToLower(rand.Text())
	return text, os.WriteFile(file, []byte(text+"\n"), 0o600)
}

// machine returns a node's configuration. The groups' members are spread over the nodes.
func (s *home) machine(name string) shelf.Machine {
	var groups [][]string
	for i := range s.names {
		var members []string
		for k := range min(3, len(s.names)) {
			members = append(members, s.names[(i+k)%len(s.names)])
		}
		groups = append(groups, members)
	}
	var monitor *node.Monitor
	if name == s.names[0] {
		monitor = &node.Monitor{Every: node.Duration{Duration: 5 * time.Second}}
	}
	return shelf.Machine{
		Name: name, Machines: s.addrs, Data: name,
		Node: node.Config{
			Monitor: monitor,
			Cloud:   s.cloud, Nodes: s.names, StorePort: s.store, HTTP: s.http,
			Store: &node.Store{Groups: groups},
			DB:    &node.DB{RESP: s.resp, Tokens: []node.Token{{Token: s.token, Role: "admin", Namespaces: []string{"*"}}}},
		},
	}
}

// begin keeps the nodes running until the context ends.
func (s *home) begin(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	for _, name := range s.names {
		all.Go(func() { s.keep(ctx, name) })
	}
	return &all
}

// run keeps the nodes running until the context ends, and tells a person about it.
func (s *home) run(ctx context.Context) error {
	all := s.begin(ctx)
	fmt.Printf("starting %d nodes, with their data in %s\n", len(s.names), s.Folder)
	if err := s.ready(ctx); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "up: the nodes do not serve yet: %v; their logs are %s\n", err, s.File("pi-*", ".log"))
		}
	} else {
		s.greet()
	}
	<-ctx.Done()
	fmt.Println("stopping the nodes")
	all.Wait()
	return nil
}

// greet says what there is and how to use it.
func (s *home) greet() {
	for _, name := range s.names {
		fmt.Printf("  %s  http://%s:%s  redis %s:%s  log %s\n", name, s.addrs[name], s.http, s.addrs[name], s.resp, s.File(name, ".log"))
	}
	fmt.Printf(`the cloud is up. Its token stands in %s. Try:
  curl -H "Authorization: Bearer $(cat %s)" -X PUT -d '{"n":1}' 127.0.0.1:%s/v1/shop/carts/1
  redis-cli -h 127.0.0.1 -p %s -a "$(cat %s)" set greeting hello
  kill -9 the process of a node, and see that nothing is lost
  curl %s:%s/alerts
Ctrl-C stops it; the data stays.
`, s.File("token", ""), s.File("token", ""), s.http, s.resp, s.File("token", ""), s.addrs[s.names[0]], s.http)
}

// ready waits until the store answers.
func (s *home) ready(ctx context.Context) error {
	c, err := client.New(&host.RealNetwork{Names: s.addrs}, client.Config{Nodes: s.names, Port: s.store})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err = c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: api.ShardsKey}}})
	return err
}

// keep runs one node, again and again, until the context ends.
func (s *home) keep(ctx context.Context, name string) {
	for ctx.Err() == nil {
		began := time.Now()
		err := s.once(ctx, name)
		if ctx.Err() != nil {
			return
		}
		fmt.Fprintf(os.Stderr, "%s ended (%v) and is started again; its log is %s\n", name, err, s.File(name, ".log"))
		select {
		case <-time.After(max(0, time.Second-time.Since(began))):
		case <-ctx.Done():
		}
	}
}

// once runs one node until it ends.
func (s *home) once(ctx context.Context, name string) error {
	log, err := os.OpenFile(s.File(name, ".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	return s.Once(ctx, name, log, nil)
}
