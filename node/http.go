package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"picloud/node/api"
	"picloud/node/db"
)

// stopLimit is how long requests under way have to end when the node stops.
const stopLimit = 5 * time.Second

// What clients may take and send before a handler sees their request.
const (
	headerLimit = 10 * time.Second // for a request's header to come
	idleLimit   = 2 * time.Minute  // between two requests of a connection
	answerLimit = time.Minute      // for an answer, where its handler says nothing else
	headerBytes = 64 << 10
)

// mux returns what each node serves over HTTP, whatever its roles.
func (n *node) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/metrics", readOnly(promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{})))
	mux.Handle("/healthz", readOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })))
	return mux
}

// readOnly refuses all methods but GET and HEAD.
func readOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			db.Refuse(w, api.Errorf(api.MethodNotAllowed, "serve", "the method "+r.Method, "it is one of GET, HEAD"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// nothing answers where no role serves.
func nothing(w http.ResponseWriter, r *http.Request) {
	db.Refuse(w, api.Errorf(api.NotFound, "serve", fmt.Sprintf("the path %.80q", r.URL.Path), "this node has no database"))
}

// serveHTTP serves until the context ends, and then waits for requests under way.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler) error {
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerLimit, IdleTimeout: idleLimit, WriteTimeout: answerLimit, MaxHeaderBytes: headerBytes,
		BaseContext: func(net.Listener) context.Context { return base }}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		defer time.AfterFunc(stopLimit/4, end).Stop() // of change feeds, which have no end of their own
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		stopped <- server.Shutdown(limited)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
