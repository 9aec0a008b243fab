package command

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/db"
	"picloud/node/host"
	"picloud/node/wait"
	"picloud/reports"
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
	most   time.Duration      // for which the nodes are waited for until they are ready; a minute if zero
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

// prepare writes the configurations into the folder, which is there, or finds those of an earlier run.
func (s *home) prepare() error {
	p := &s.ports
	err := shelf.Free(s.addrs, p.store, p.http, p.redis)
	if err == nil && !s.bare {
		err = shelf.Free(s.addrs, p.web, p.tls, p.pinboard, p.cache, p.queue, p.abuse)
	}
	if err == nil && !s.bare {
		err = shelf.Free(map[string]string{mailHost: loopback}, p.mail)
	}
	if err != nil {
		return err
	}
	if old, err := filepath.Glob(filepath.Join(s.Folder, "pi-*.yaml")); err != nil || len(old) > 0 && len(old) != len(s.names) {
		return errors.Join(err, fmt.Errorf("%s holds a cloud of %d nodes; give -nodes %d, or another -dir", s.Folder, len(old), len(old)))
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
	if s.token, err = remembered(s.File("token", ""), nobodyGuesses, checkToken); err != nil {
		return err
	}
	if s.cloud, err = remembered(s.File("cloud", ""), nobodyGuesses, checkName); err != nil || s.bare {
		return err
	}
	s.identity, err = remembered(s.File("certificate", ".pem"), s.identify, checkIdentity)
	return err
}

// remembered returns what stands in a file, if it is as it should be, and makes it where it does not exist.
func remembered(file string, create func() (string, error), check func(string) error) (string, error) {
	old, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		text, err := create()
		if err != nil {
			return "", err
		}
		text = strings.TrimSpace(text)
		return text, reports.WriteSecret(file, []byte(text+"\n"))
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(old))
	if text == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	if err := check(text); err != nil {
		return "", fmt.Errorf("%s is damaged: %w", file, err)
	}
	return text, nil
}

// checkToken says what is wrong with a token, as a node does.
func checkToken(text string) error {
	c := db.Config{Tokens: []db.Token{{Token: text, Role: db.Admin, Namespaces: []string{db.Everywhere}}}}
	return c.Validate()
}

// checkName says what is wrong with a cloud's name.
func checkName(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("a cloud's name is printable characters without spaces")
	}
	return nil
}

// checkIdentity says what is wrong with a certificate behind which its key stands.
func checkIdentity(text string) error {
	_, err := tls.X509KeyPair([]byte(text), []byte(text))
	return err
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
	short := 0 // lives, one after another, that took less than a second
	for ctx.Err() == nil {
		began := time.Now()
		last, err := s.once(ctx, name)
		if ctx.Err() != nil {
			return
		}
		rest := time.Second - time.Since(began)
		if short++; rest <= 0 {
			short = 0
		}
		why := ""
		if last != "" && (short >= 3 || isBadInput(err)) {
			why = " and ends with: " + last
		}
		how := "exit status 0"
		if err != nil {
			how = err.Error()
		}
		fmt.Fprintf(os.Stderr, "%s ended (%s) and is started again; its log is %s%s\n", name, how, s.File(name, ".log"), why)
		wait.For(ctx, rest)
	}
}

// isBadInput says whether a process ended because of what it was given.
func isBadInput(err error) bool {
	exit, is := errors.AsType[*exec.ExitError](err)
	return is && exit.ExitCode() == int(BadInput)
}

// once runs one node until it ends, and returns the last line that it has logged, and how it ended.
func (s *home) once(ctx context.Context, name string) (last string, err error) {
	log, err := os.OpenFile(s.File(name, ".log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	life := s.keeper.Once(ctx, name, func(started func(*os.Process)) error { return s.Once(ctx, name, log, started) })
	return lastLine(log, from), life.Err
}

// mostOfLine is how many bytes of a line of a log are shown.
const mostOfLine = 2000

// lastLine returns the last line of a log that begins somewhere in a file, as a terminal may show it.
func lastLine(log *os.File, from int64) string {
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	from = max(from, end-mostOfLine)
	text := make([]byte, max(0, end-from))
	if _, err := log.ReadAt(text, from); err != nil {
		return ""
	}
	all := strings.TrimSpace(string(text))
	return printable(all[strings.LastIndexByte(all, '\n')+1:])
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
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.most, time.Minute))
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
