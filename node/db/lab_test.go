package db

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"picloud/node/api"
	"picloud/node/metricstest"
	"picloud/node/store/storetest"
)

// lab is a database on a store in memory, served on loopback.
type lab struct {
	store    *storetest.Store
	db       *DB
	registry *prometheus.Registry
	web      *httptest.Server
	resp     string // address
	stop     func() // serving RESP
}

func newLab(t testing.TB, config Config) *lab {
	t.Helper()
	store := storetest.New(t)
	l := labOn(t, store, config)
	l.store = store
	return l
}

// labOn serves a store that is there.
func labOn(t testing.TB, store api.Store, config Config) *lab {
	t.Helper()
	l := &lab{registry: prometheus.NewRegistry()}
	var err error
	if l.db, err = New(config, store, l.registry, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	l.web = httptest.NewServer(l.db.Handler())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.resp = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	l.stop = cancel
	go func() { ended <- l.db.ServeRESP(ctx, listener) }()
	t.Cleanup(func() {
		l.web.CloseClientConnections()
		l.web.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// answer is what came of an HTTP request.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; headers are "Name: value".
func (l *lab) ask(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, l.web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{reply.StatusCode, reply.Header, strings.TrimSpace(string(b))}
}

// redis returns go-redis as it comes, but for repeating requests by itself.
func (l *lab) redis(t testing.TB, change ...func(*redis.Options)) *redis.Client {
	options := &redis.Options{Addr: l.resp, MaxRetries: -1, ReadTimeout: time.Minute}
	for _, c := range change {
		c(options)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// metric returns the sum of a metric over the series that have all of some values in their labels; of a
// histogram it is how much was observed.
func (l *lab) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	return metricstest.Sum(t, l.registry, name, labels...)
}
