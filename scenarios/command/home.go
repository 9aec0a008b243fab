package command

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/scenarios/certificate"
	"picloud/scenarios/shelf"
)

// mailHost is the machine, by its name, on which the postbox is.
const mailHost = "postbox"

// loopback is the postbox's address, and that of the first node of a cloud that up runs.
const loopback = "127.0.0.1"

// ports are where a cloud listens: all but mail on each node.
type ports struct {
	store, http, redis                            string // of the database
	web, tls, pinboard, cache, queue, mail, abuse string // of what Pinboard is served with
}

// home is a cloud of processes on this machine's loopback.
type home struct {
	shelf.Shelf
	keeper shelf.Keeper
	bare   bool               // the database only
	also   func(*node.Config) // what each node has besides; nil for nothing
	ports  ports

	moderators string // of Pinboard, separated by commas

	names []string
	addrs map[string]string

	// what is made once and remembered
	cloud    string // its name, which no other has
	token    string
	identity string // the load balancers' certificate and its key, in PEM
}

// cacheBytes is what each node keeps in memory of what was read of the store.
const cacheBytes = 16 << 20

// prepare writes the configurations, or finds those of an earlier run.
func (s *home) prepare() error {
	p := &s.ports
	err := shelf.Free(s.addrs, p.store, p.http, p.redis)
	if err == nil && !s.bare {
		err = errors.Join(shelf.Free(s.addrs, p.web, p.tls, p.pinboard, p.cache, p.queue, p.abuse), shelf.Free(map[string]string{mailHost: loopback}, p.mail))
	}
	if err != nil {
		return err
	}
	if old, err := filepath.Glob(filepath.Join(s.Folder, "pi-*.yaml")); err != nil || len(old) > 0 && len(old) != len(s.names) {
		return errors.Join(err, fmt.Errorf("%s holds a cloud of %d nodes; give -nodes %d, or another -dir", s.Folder, len(old), len(old)))
	}
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return err
	}
	if err := s.remember(); err != nil {
		return err
	}
	var machines []shelf.Machine
	for _, name := range s.names {
		machines = append(machines, s.machine(name))
	}
	return s.Write(machines)
}

// remember makes what is made once, or finds it.
func (s *home) remember() (err error) {
	nobodyGuesses := func() (string, error) { return strings.ToLower(rand.Text()), nil }
	if s.token, err = remembered(s.File("token", ""), nobodyGuesses); err != nil {
		return err
	}
	if s.cloud, err = remembered(s.File("cloud", ""), nobodyGuesses); err != nil || s.bare {
		return err
	}
	s.identity, err = remembered(s.File("certificate", ".pem"), s.identify)
	return err
}

// remembered returns what stands in a file, and makes it where it does not exist.
func remembered(file string, create func() (string, error)) (string, error) {
	old, err := os.ReadFile(file)
	if !errors.Is(err, os.ErrNotExist) {
		return strings.TrimSpace(string(old)), err
	}
	text, err := create()
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	return text, os.WriteFile(file, []byte(text+"\n"), 0o600)
}

// identify makes a certificate for the loopback, with a key that browsers take, behind which the key stands.
func (s *home) identify() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	about := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Pi Cloud on " + loopback}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
	}
	for _, name := range s.names {
		about.IPAddresses = append(about.IPAddresses, net.ParseIP(s.addrs[name]))
	}
	signed, secret, err := certificate.SelfSigned(key, about)
	return signed + secret, err
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
	machines := maps.Clone(s.addrs)
	machines[mailHost] = loopback
	m := shelf.Machine{
		Name: name, Machines: machines, Data: name,
		Node: node.Config{
			Cloud: s.cloud, Nodes: s.names, StorePort: s.ports.store, HTTP: s.ports.http,
			Board: &node.Board{Kind: "none"}, // three nodes have one machine: none of them may do something to it
			Store: &node.Store{Groups: groups},
			DB:    &node.DB{RESP: s.ports.redis, Tokens: []node.Token{{Token: s.token, Role: "admin", Namespaces: []string{"*"}}}},
		},
	}
	if name == s.names[0] {
		m.Node.Monitor = &node.Monitor{Every: node.Duration{Duration: 5 * time.Second}}
	}
	if !s.bare {
		s.serve(&m.Node)
	}
	if s.also != nil {
		s.also(&m.Node)
	}
	return m
}

// serve gives a node what Pinboard is served with: all tiers but health and proof, on each node.
func (s *home) serve(c *node.Config) {
	const name = "pinboard"
	options := map[string]string{"mail": "http://" + net.JoinHostPort(mailHost, s.ports.mail) + "/", "abuse": "on", "moderators": s.moderators}
	c.LB = &node.LB{
		Port: s.ports.web, TLS: &node.TLS{Port: s.ports.tls, Certificate: s.identity, Key: s.identity},
		Routes: []node.Route{{Service: name, Tenant: name}},
	}
	c.Apps = []node.App{{Name: name, Port: s.ports.pinboard, Options: options}}
	c.Queue = &node.Queue{Port: s.ports.queue, Queues: []node.WorkQueue{{Name: name, Namespace: name, Partitions: 16}}}
	c.Lambda = &node.Lambda{Apps: []node.AppFunctions{{Name: name, Options: options}}}
	c.Abuse = &node.Abuse{Port: s.ports.abuse, Tenants: []node.AbuseTenant{{Name: name}}}
	c.Cache = &node.Cache{Port: s.ports.cache, MemoryBytes: cacheBytes}
}

// begin keeps the nodes running until the context ends.
func (s *home) begin(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	for _, name := range s.names {
		all.Go(func() { s.keep(ctx, name) })
	}
	return &all
}

// keep runs one node, again and again, until the context ends.
func (s *home) keep(ctx context.Context, name string) {
	for ctx.Err() == nil {
		began := time.Now()
		life := s.once(ctx, name)
		if ctx.Err() != nil {
			return
		}
		fmt.Fprintf(os.Stderr, "%s ended (%v) and is started again; its log is %s\n", name, life.Err, s.File(name, ".log"))
		select {
		case <-time.After(max(0, time.Second-time.Since(began))):
		case <-ctx.Done():
		}
	}
}

// once runs one node until it ends.
func (s *home) once(ctx context.Context, name string) shelf.Life {
	log, err := os.OpenFile(s.File(name, ".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return shelf.Life{Err: err}
	}
	defer log.Close()
	return s.keeper.Once(ctx, name, func(started func(*os.Process)) error { return s.Once(ctx, name, log, started) })
}

// takeOrders lets the nodes be broken, until it is shut. What an earlier run left of it is removed otherwise.
func (s *home) takeOrders() (shut func(), err error) {
	socket := s.Socket(keeperName)
	if !s.Chaos {
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return func() {}, nil
	}
	old, err := filepath.Glob(s.Socket("*") + ".felt") // by earlier runs
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil {
		return nil, err
	}
	server, err := s.keeper.Serve(socket)
	if err != nil {
		return nil, err
	}
	return func() { _ = errors.Join(server.Close(), os.Remove(socket)) }, nil // closing removes the file too
}

// ready waits until the store answers, and each load balancer serves the page.
func (s *home) ready(ctx context.Context) error {
	c, err := client.New(&host.RealNetwork{Names: s.addrs}, client.Config{Nodes: s.names, Port: s.ports.store})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err = c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: api.ShardsKey}}}); err != nil || s.bare {
		return err
	}
	for _, name := range s.names {
		for err = s.open(ctx, name); err != nil; err = s.open(ctx, name) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return err
			}
		}
	}
	return nil
}

// open asks a node's load balancer for the page.
func (s *home) open(ctx context.Context, name string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(s.addrs[name], s.ports.web)+"/", nil)
	if err != nil {
		return err
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers with status %d", r.URL, answer.StatusCode)
	}
	return nil
}
