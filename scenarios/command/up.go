package command

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/app"
	"picloud/node/host"
	"picloud/node/pinboard"
	"picloud/node/wait"
)

// Up runs a cloud on this machine.
func Up(ctx context.Context, args []string) error {
	f := flags("up", `up [-nodes N] [-dir FOLDER] [-database] [-chaos] [-web PORT] [-tls PORT] [...]

Runs a cloud on this machine, and on it Pinboard, which you open in a browser: people register, post texts and
pictures, and follow one another. Each node is a process of its own with an address of its own (127.0.0.1,
127.0.0.2, ...) and a folder of its own, has all tiers but health and proof (store, database, cache, load balancer, Pinboard,
queues, functions, abuse protection; the first one is the monitor too), and is started again when it ends. The mails that Pinboard sends
are shown, and kept in FOLDER/mail.txt; none leaves the machine. Ctrl-C stops all; the data stays in the folder,
which one up at a time uses, and the next up goes on with it.

Examples:
  picloud up                                  then open http://127.0.0.1:8000/
  picloud up -nodes 5 -dir cloud -web 8888
  picloud up -database                        the replicated database, and nothing on it
  picloud up -chaos                           and in another terminal: picloud chaos run SCHEDULE
  curl --cacert .picloud/certificate.pem https://127.0.0.1:8443/api/users/ann
  curl -H "Authorization: Bearer $(cat .picloud/token)" -X PUT -d '{"n":1}' 127.0.0.1:8080/v1/shop/carts/1
  redis-cli -a "$(cat .picloud/token)" set greeting hello`)
	count := f.Int("nodes", 3, "nodes, 1 to 9")
	s := &home{addrs: map[string]string{}}
	f.StringVar(&s.Folder, "dir", ".picloud", "the folder for configurations, logs, mails and data")
	f.BoolVar(&s.bare, "database", false, "run store and database only")
	f.BoolVar(&s.Chaos, "chaos", false, "let picloud chaos run break the nodes, through sockets in the folder")
	for _, p := range s.ports.flags() {
		f.StringVar(p.at, p.name, p.number, p.what)
	}
	f.StringVar(&s.moderators, "moderators", "moderator", "the accounts, separated by commas, that decide what is shown on Pinboard")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *count < 1 || *count > 9 {
		return fmt.Errorf("up: %d nodes, it must be 1 to 9", *count)
	}
	var err error
	if s.Program, err = os.Executable(); err != nil {
		return err
	}
	for i := range *count {
		name := fmt.Sprint("pi-", i+1)
		s.names = append(s.names, name)
		s.addrs[name] = fmt.Sprint("127.0.0.", i+1)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	if err := s.alone(ctx); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	return nil
}

// port is a port of the cloud, with the flag that says it.
type port struct {
	at           *string
	name, number string // of the flag, and what it is without it
	what         string
	bare         bool // the database alone has it too
}

// flags returns the ports with their flags.
func (p *ports) flags() []port {
	return []port{
		{&p.web, "web", "8000", "the port for browsers on each node, of its load balancer", false},
		{&p.tls, "tls", "8443", "the port for browsers that speak TLS", false},
		{&p.http, "http", "8080", "the port on each node for the database by HTTP, metrics and alerts", true},
		{&p.redis, "redis", "6379", "the port for Redis' protocol on each node", true},
		{&p.store, "store", "7000", "the port where the nodes' stores listen for one another", true},
		{&p.pinboard, "pinboard", "9000", "the port where load balancers find Pinboard", false},
		{&p.cache, "cache", "7300", "the port of the cache servers", false},
		{&p.queue, "queue", "9100", "the port of the queues", false},
		{&p.abuse, "abuse", "9200", "the port of the abuse servers", false},
		{&p.mail, "mail", "2525", "the port on 127.0.0.1 to which Pinboard sends mails", false},
	}
}

// check says what is wrong with the ports and the moderators.
func (s *home) check() error {
	used := map[uint64]string{}
	for _, p := range s.ports.flags() {
		if s.bare && !p.bare {
			continue
		}
		n, err := strconv.ParseUint(*p.at, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("-%s: %q is not a port", p.name, *p.at)
		}
		if used[n] != "" {
			return fmt.Errorf("-%s and -%s are both %d, and each port is used once", used[n], p.name, n)
		}
		used[n] = p.name
	}
	if s.bare {
		return nil
	}
	_, err := pinboard.New(app.Kit{ // it says what is wrong with its options when it is made, as it is in a node
		Options: map[string]string{"moderators": s.moderators}, Network: &host.RealNetwork{}, Metrics: prometheus.NewRegistry(),
	})
	return err
}

// alone runs the cloud, which no other up does at the same time: each would write and remove the other's files.
func (s *home) alone(ctx context.Context) error {
	if err := os.MkdirAll(s.Folder, 0o755); err != nil {
		return err
	}
	lock, err := only(s.File("up", ".lock"), "another up uses "+s.Folder)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := s.prepare(); err != nil {
		return err
	}
	return s.run(ctx)
}

// run keeps the nodes running until the context ends, and tells a person about it.
func (s *home) run(ctx context.Context) error {
	if !s.bare {
		shut, err := s.takeMail()
		if err != nil {
			return err
		}
		defer shut()
	}
	shut, err := s.takeOrders()
	if err != nil {
		return err
	}
	all := s.begin(ctx)
	fmt.Printf("starting %d nodes, with their data in %s\n", len(s.names), s.Folder)
	s.welcome(ctx)
	<-ctx.Done()
	fmt.Println("stopping the nodes")
	shut() // who stands still for a fault would not hear that it is to stop
	all.Wait()
	return nil
}

// welcome greets once the nodes serve. As long as they do not, it says that now and then, and asks again.
func (s *home) welcome(ctx context.Context) {
	for err := s.ready(ctx); ctx.Err() == nil; err = s.ready(ctx) {
		if err == nil {
			s.greet()
			return
		}
		fmt.Fprintf(os.Stderr, "up: the nodes do not serve yet: %v; their logs are %s\n", err, s.File("pi-*", ".log"))
		wait.For(ctx, time.Second)
	}
}

// takeMail opens the postbox, until it is shut.
func (s *home) takeMail() (shut func(), err error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, s.ports.mail))
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler:     &postbox{file: s.File("mail", ".txt"), say: os.Stdout, seen: map[string]bool{}},
		ReadTimeout: 10 * time.Second,
	}
	go server.Serve(l) // it ends when it is shut
	return func() { server.Close() }, nil
}

// greet says what there is and how to use it.
func (s *home) greet() {
	for _, name := range s.names {
		fmt.Printf("  %s  http://%s:%s  redis %s:%s  log %s\n", name, s.addrs[name], s.ports.http, s.addrs[name], s.ports.redis, s.File(name, ".log"))
	}
	first, token := s.addrs[s.names[0]], s.File("token", "")
	fmt.Print("the cloud is up.")
	if !s.bare {
		fmt.Printf(" Open Pinboard in a browser; each node serves it:\n\n  http://%s:%s/\n\n"+
			"or https://%s:%s/, for which the cloud has made %s.\nPinboard's mails are shown here, and kept in %s.\n",
			first, s.ports.web, first, s.ports.tls, s.File("certificate", ".pem"), s.File("mail", ".txt"))
	}
	fmt.Printf(`
The database's token stands in %s. Try:
  curl -H "Authorization: Bearer $(cat %s)" -X PUT -d '{"n":1}' %s:%s/v1/shop/carts/1
  redis-cli -h %s -p %s -a "$(cat %s)" set greeting hello
  kill -9 "$(cat %s)", and see that nothing is lost
  picloud alerts -at %s:%s, and http://%s:%s/status in a browser
Ctrl-C stops it; the data stays.
`, token, token, first, s.ports.http, first, s.ports.redis, token, s.File(s.names[len(s.names)-1], ".pid"), first, s.ports.http, first, s.ports.http)
}
