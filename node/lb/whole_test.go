package lb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/store/storetest"
	"picloud/node/web"
)

// TestServersAreFoundThroughTheStore over HTTP/1.1 and, with TLS, HTTP/2, on loopback.
func TestServersAreFoundThroughTheStore(t *testing.T) {
	store := storetest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	network := &host.RealNetwork{Address: "127.0.0.1", Names: map[string]string{"pi-1": "127.0.0.1"}}
	b, err := New(Config{Routes: []Route{{Service: "web"}}}, network, nil, prometheus.NewRegistry(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	run := func(f func()) { go func() { f(); ended <- struct{}{} }() }
	t.Cleanup(func() { cancel(); <-ended; <-ended })
	run(func() { _ = b.Run(ctx, store) })

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto")) }))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	run(func() {
		i := presence.Instance{Service: "web", ID: "a", Address: "pi-1:" + port}
		if err := presence.Announce(ctx, store, quiet, i, nil); err != nil {
			t.Error(err)
		}
	})

	plain := httptest.NewServer(b)
	t.Cleanup(plain.Close)
	pair := httptest.NewUnstartedServer(b) // for its certificate
	pair.StartTLS()
	t.Cleanup(pair.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.NewListener(l, &tls.Config{Certificates: pair.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}})
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- web.Serve(serving, secure, b) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(pair.Certificate())
	for _, c := range []struct{ url, protocol, want string }{
		{plain.URL, "HTTP/1.1", "http"},
		{"https://" + l.Addr().String(), "HTTP/2.0", "https"},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, ForceAttemptHTTP2: true}
		t.Cleanup(transport.CloseIdleConnections)
		client := http.Client{Transport: transport}
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			r, err := client.Post(c.url, "text/plain", strings.NewReader("hello"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Body.Close() != nil {
				t.Fatal(err)
			}
			if r.StatusCode == http.StatusServiceUnavailable && time.Since(began) < 10*time.Second {
				continue // the server is not known yet
			}
			if string(body) != c.want || r.Proto != c.protocol {
				t.Errorf("%s: %s, status %d, %q", c.url, r.Proto, r.StatusCode, body)
			}
			break
		}
	}
}
