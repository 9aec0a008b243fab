package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestOneListenerServesPlainAndCheckedStreams is an HTTP server, several requests on a connection each way.
func TestOneListenerServesPlainAndCheckedStreams(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%T %d", r.Context().Value(http.LocalAddrContextKey), len(body))
	})}
	go server.Serve(Detect(l))
	t.Cleanup(func() { server.Close() })
	plain := func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	checked := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := plain(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return Wrap(c), nil
	}
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"plain": plain, "checked": checked} {
		client := http.Client{Transport: &http.Transport{DialContext: dial}}
		for range 3 {
			reply, err := client.Post("http://"+l.Addr().String(), "text/plain", io.LimitReader(zeros{}, 100_000))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			body, err := io.ReadAll(reply.Body)
			reply.Body.Close()
			if err != nil || string(body) != "*net.TCPAddr 100000" {
				t.Errorf("%s: %q, %v", name, body, err)
			}
		}
		client.CloseIdleConnections()
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
