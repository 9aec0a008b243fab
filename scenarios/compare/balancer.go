package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"picloud/node"
	"picloud/node/host"
	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// Balancer is the comparison of the load balancer with HAProxy and nginx, and with the standard library's reverse proxy alone, on
// which ours stands: what is between those two is what ours costs. Each stands before the same two servers, which answer at once.
type Balancer struct {
	Program     string // picloud
	Loops       int    // requests under way at one time, each on a connection of its own
	AnswerBytes int
}

// Contest returns the comparison. HAProxy and nginx must be installed.
func (c *Balancer) Contest() (*Contest, error) {
	contest := &Contest{Name: "lb", About: map[string]string{
		"requests":     fmt.Sprintf("GET over HTTP/1.1, %d under way at one time, each on a connection of its own", c.Loops),
		"answer_bytes": fmt.Sprint(c.AnswerBytes),
		"behind":       "two servers in Go, which answer at once",
		"cpu":          "of the load balancer alone",
		"go-proxy":     "the standard library's reverse proxy, which asks both in turn and does nothing else",
	}, Contestants: []Contestant{{Ours, c.ours}}}
	for _, other := range []struct {
		name   string
		config func(folder string, front string, behind []string) string
		args   func(file string) []string
	}{
		{"haproxy", haproxyConfig, func(file string) []string { return []string{"-db", "-f", file} }},
		{"nginx", nginxConfig, func(file string) []string { return []string{"-e", "stderr", "-c", file} }},
	} {
		path, err := installed(other.name)
		if err != nil {
			return nil, err
		}
		contest.About[other.name] = version(path, "-v")
		contest.Contestants = append(contest.Contestants, c.other(other.name, func(folder, front string, behind []string) ([]string, error) {
			file := filepath.Join(folder, other.name+".conf")
			return append([]string{path}, other.args(file)...), os.WriteFile(file, []byte(other.config(folder, front, behind)), 0o644)
		}))
	}
	contest.Contestants = append(contest.Contestants, c.other("go-proxy", func(_, front string, behind []string) ([]string, error) {
		return []string{c.Program, "bench", "-drive", strings.Join(append([]string{"lb-proxy", front}, behind...), " ")}, nil
	}))
	return contest, nil
}

// other is one that is started with a command, before two servers.
func (c *Balancer) other(name string, command func(folder, front string, behind []string) ([]string, error)) Contestant {
	return Contestant{name, func(folder string) (*Entry, error) {
		p, err := shelf.FindPlace([]string{"front", "back-1", "back-2"}, 1)
		if err != nil {
			return nil, err
		}
		front, behind := at(p, "front"), []string{at(p, "back-1"), at(p, "back-2")}
		args, err := command(folder, front, behind)
		if err != nil {
			return nil, err
		}
		entry := &Entry{Servers: []Server{{Name: name, Serve: serve(args...)}}, Load: c.load(front)}
		for i, address := range behind {
			entry.Servers = append(entry.Servers, Server{Name: fmt.Sprint("back-", i+1), Aside: true,
				Serve: serve(c.Program, "bench", "-drive", c.server(address))})
		}
		return entry, nil
	}}
}

// server says how the bench is started as a server behind a load balancer.
func (c *Balancer) server(address string) string {
	return fmt.Sprintf("lb-server %s %d", address, c.AnswerBytes)
}

func at(p shelf.Place, name string) string { return net.JoinHostPort(p.Addresses[name], p.Ports[0]) }

// installed finds a program, also where only root looks for it.
func installed(name string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("compare: %s is missing: install Debian's package %s", name, name)
}

// version returns what a program says of itself when it is given a flag.
func version(path, flag string) string {
	out, _ := exec.Command(path, flag).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func haproxyConfig(_, front string, behind []string) string {
	text := "global\n  nbthread 2\ndefaults\n  mode http\n  balance leastconn\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n" +
		"frontend front\n  bind " + front + "\n  default_backend back\nbackend back\n"
	for i, address := range behind {
		text += fmt.Sprintf("  server back-%d %s check\n", i+1, address)
	}
	return text
}

func nginxConfig(folder, front string, behind []string) string {
	text := "daemon off;\nworker_processes 2;\npid " + folder + "/nginx.pid;\nevents { worker_connections 4096; }\nhttp {\n  access_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += fmt.Sprintf("  %s_temp_path %s/%s;\n", kind, folder, kind)
	}
	text += "  upstream back {\n    least_conn;\n    keepalive 256;\n"
	for _, address := range behind {
		text += "    server " + address + ";\n"
	}
	return text + "  }\n  server {\n    listen " + front + ";\n    keepalive_requests 1000000;\n    location / {\n      proxy_pass http://back;\n" +
		"      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }\n  }\n}\n"
}

// ours is a node with the load balancer, and two that run a server each.
func (c *Balancer) ours(folder string) (*Entry, error) {
	p, err := shelf.FindPlace([]string{"front", "back-1", "back-2"}, 5)
	if err != nil {
		return nil, err
	}
	base := node.Config{Nodes: []string{"front"}, StorePort: p.Ports[1], HTTP: p.Ports[2]}
	front := base
	front.Store = &node.Store{Groups: [][]string{{"front"}}}
	front.LB = &node.LB{Port: p.Ports[0], Routes: []node.Route{{Service: "web"}}}
	configs := map[string]node.Config{"front": front}
	for i, name := range []string{"back-1", "back-2"} {
		back, port := base, p.Ports[3+i] // a program listens on all addresses of the machine
		back.Apps = []node.App{{Name: "web", Port: port, Program: &node.Program{Path: c.Program,
			Args: []string{"bench", "-drive", c.server(net.JoinHostPort(p.Addresses[name], port))}}}}
		configs[name] = back
	}
	servers, err := ourNodes(c.Program, folder, p, configs)
	for i := range servers {
		servers[i].Aside = servers[i].Name != "front"
	}
	return &Entry{servers, c.load(at(p, "front"))}, err
}

// balancerLoad says what is loaded.
type balancerLoad struct {
	load.Span
	Address     string
	Loops       int
	AnswerBytes int
}

func (c *Balancer) load(front string) func(load.Span) ([]string, any) {
	return func(s load.Span) ([]string, any) {
		return []string{c.Program, "bench", "-drive", "lb"}, balancerLoad{s, front, c.Loops, c.AnswerBytes}
	}
}

// ServeBehindBalancer answers all requests at an address with so many bytes.
func ServeBehindBalancer(ctx context.Context, address string, bytes int) error {
	body := []byte(strings.Repeat("x", bytes))
	return serveHTTP(ctx, address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
}

// ServeProxy passes what comes to an address on to others, in turn, with the standard library alone.
func ServeProxy(ctx context.Context, address string, behind []string) error {
	var turn atomic.Uint64
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	defer transport.CloseIdleConnections()
	return serveHTTP(ctx, address, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: behind[turn.Add(1)%uint64(len(behind))]})
	}})
}

// serveHTTP serves at an address until the context ends.
func serveHTTP(ctx context.Context, address string, handler http.Handler) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// DriveBalancer loads a load balancer, as another process says on standard input.
func DriveBalancer(ctx context.Context) error {
	return load.Main(ctx, func(ctx context.Context, c balancerLoad) (*load.Result, error) {
		works := make([]load.Work, c.Loops)
		for i := range works {
			works[i] = &browser{client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: (&host.RealNetwork{}).DialContext}},
				url: "http://" + c.Address + "/", bytes: c.AnswerBytes}
		}
		if err := load.Ready(ctx, func(ctx context.Context) error { _, _, err := works[0].Next(ctx); return err }); err != nil {
			return nil, err
		}
		return load.Measure(ctx, c.Span, works)
	})
}

// browser asks for the same page again and again.
type browser struct {
	client *http.Client
	url    string
	bytes  int
	body   bytes.Buffer
}

// Next asks once.
func (b *browser) Next(ctx context.Context) (read bool, acked int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil)
	if err != nil {
		return true, 0, err
	}
	reply, err := b.client.Do(r)
	if err != nil {
		return true, 0, err
	}
	defer reply.Body.Close()
	b.body.Reset()
	if _, err := io.Copy(&b.body, reply.Body); err != nil {
		return true, 0, err
	}
	if reply.StatusCode != http.StatusOK || b.body.Len() != b.bytes {
		return true, 0, fmt.Errorf("status %d and %d bytes", reply.StatusCode, b.body.Len())
	}
	return true, 0, nil
}
