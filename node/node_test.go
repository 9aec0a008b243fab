package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/web"
)

// running is a node that is a whole cloud.
type running struct {
	t      *testing.T
	config *Config
	store  *client.Client
	stop   func()
}

const address = "127.0.5.1"

func start(t *testing.T) *running {
	t.Helper()
	return startWith(t, slog.DiscardHandler, func(*Config) {})
}

// startWith starts a node with more in its configuration.
func startWith(t *testing.T, log slog.Handler, more func(*Config)) *running {
	t.Helper()
	c := &Config{Cloud: "home", Nodes: []string{"pi-1"}, StorePort: hosttest.FreePort(t), HTTP: hosttest.FreePort(t),
		Store: &Store{Groups: [][]string{{"pi-1"}}, Patience: Duration{50 * time.Millisecond}},
		DB:    &DB{RESP: hosttest.FreePort(t), Tokens: []Token{{"long-enough", "admin", []string{"*"}}}}}
	more(c)
	network := &host.RealNetwork{Address: address, Names: map[string]string{"pi-1": address}}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		own := *c // Run fills in what is left out
		ended <- Run(ctx, &host.Host{Name: "pi-1", Network: network, Disk: vfs.NewMem(), Log: slog.New(log)}, &own)
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	s, err := client.New(network, client.Config{Nodes: c.Nodes, Port: c.StorePort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := &running{t, c, s, stop}
	limited, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	if _, err := s.Txn(limited, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "home:a", Value: []byte("1")}}}); err != nil {
		t.Fatal(err)
	}
	for r.dial(c.HTTP) == nil {
		time.Sleep(10 * time.Millisecond)
	}
	return r
}

// all returns all that the store holds in the partition of the test. The store goes on by itself meanwhile, so its revision says nothing.
func (r *running) all() string {
	r.t.Helper()
	reply, err := r.store.Txn(r.t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "home:", End: api.PrefixEnd("home:")}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return fmt.Sprintf("%+v", reply.Results)
}

func (r *running) dial(port string) net.Conn {
	c, err := net.Dial("tcp", net.JoinHostPort(address, port))
	if err != nil {
		return nil
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// TestTheStoreEndsLast: a queue server that ends with its node, which is the whole cloud, can still say so in the store.
func TestTheStoreEndsLast(t *testing.T) {
	var log bytes.Buffer
	r := startWith(t, slog.NewTextHandler(&log, nil), func(c *Config) {
		c.Queue = &Queue{Port: hosttest.FreePort(t), Queues: []WorkQueue{{Name: "work", Namespace: "work", Partitions: 1}}}
	})
	for known := 0; known == 0; time.Sleep(10 * time.Millisecond) {
		reply, err := r.store.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "@presence/queue/", End: api.PrefixEnd("@presence/queue/")}}})
		if err != nil {
			t.Fatal(err)
		}
		known = len(reply.Results[0].Records)
	}
	r.stop()
	if strings.Contains(log.String(), "is known for some time still") {
		t.Errorf("the store had gone: %s", log.String())
	}
}

// TestAnEndpointRefusesWhatItIsNotFor sends requests as they stand on the wire.
func TestAnEndpointRefusesWhatItIsNotFor(t *testing.T) {
	r := start(t)
	before := r.all()
	long := strings.Repeat("x", web.HeaderBytes+8192)
	for _, c := range []struct {
		request string
		status  int
		kind    api.Kind // empty for what the HTTP server itself refuses
	}{
		{"GET /metrics HTTP/1.1\r\n", 200, ""},
		{"HEAD /healthz HTTP/1.1\r\n", 200, ""},
		{"POST /metrics HTTP/1.1\r\n", 405, api.MethodNotAllowed},
		{"DELETE /healthz HTTP/1.1\r\n", 405, api.MethodNotAllowed},
		{"PUT /healthz HTTP/1.1\r\nContent-Length: 3\r\n", 405, api.MethodNotAllowed},
		{"NONSENSE /healthz HTTP/1.1\r\n", 405, api.MethodNotAllowed},
		{"GET / HTTP/1.1\r\n", 404, api.NotFound},
		{"GET /metrics/x HTTP/1.1\r\n", 404, api.NotFound},
		{"GET /debug/pprof/ HTTP/1.1\r\n", 404, api.NotFound},
		{"PUT /v1/home/a HTTP/1.1\r\nContent-Length: 1\r\n", 401, api.Unauthorised},
		{"PUT /v1/home/a HTTP/1.1\r\nAuthorization: Bearer wrong-token\r\nContent-Length: 1\r\n", 401, api.Unauthorised},
		{"GET /changes/home?prefix=a HTTP/1.1\r\n", 401, api.Unauthorised},
		{"POST /v1/home HTTP/1.1\r\nContent-Length: 1\r\n", 401, api.Unauthorised},
		{"PUT /v1/home/a HTTP/1.1\r\nAuthorization: Bearer long-enough\r\nContent-Length: 99999999\r\n", 413, api.TooLarge},
		{"PUT /v1/home/a HTTP/1.1\r\nAuthorization: Bearer long-enough\r\nContent-Length: 1\r\nX: " + long + "\r\n", 431, ""},
		{"PUT /v1/home/" + long + " HTTP/1.1\r\nAuthorization: Bearer long-enough\r\n", 431, ""},
		{"PUT /v1/home/a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", 400, ""},
		{"PUT /v1/home/a HTTP/9.9\r\n", 505, ""},
		{"no request at all\r\n", 400, ""},
	} {
		t.Run(fmt.Sprintf("%.60q", c.request), func(t *testing.T) {
			conn := r.dial(r.config.HTTP)
			head, line, _ := strings.Cut(c.request, "\r\n")
			go io.WriteString(conn, head+"\r\nHost: pi-1\r\n"+line+"\r\n"+strings.Repeat("2", 100)) // what is refused is not all read
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			method, _, _ := strings.Cut(head, " ")
			reply, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			if reply.StatusCode != c.status {
				t.Errorf("status %d, want %d", reply.StatusCode, c.status)
			}
			var e api.Error
			if c.kind == "" {
				return
			}
			if err := json.NewDecoder(reply.Body).Decode(&e); err != nil || e.Kind != c.kind || e.Doing == "" {
				t.Errorf("%+v, %v, want the kind %s", e, err, c.kind)
			}
		})
	}
	if after := r.all(); after != before {
		t.Errorf("something was stored:\n%s\n%s", before, after)
	}
}
