package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// stopLimit is how long requests under way have to end when the node stops.
const stopLimit = 5 * time.Second

// What clients may take and send before a handler sees their request.
const (
	headerLimit = 10 * time.Second // for a request's header to come
	idleLimit   = 2 * time.Minute  // between two requests of a connection
	answerLimit = time.Minute      // for an answer, where its handler says nothing else
)

// HeaderBytes bounds a request's header.
const HeaderBytes = 64 << 10

// ReadOnly refuses all methods but GET and HEAD.
func ReadOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			Refuse(w, NotAllowed(w, r, map[string]bool{http.MethodGet: true, http.MethodHead: true}))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Serve serves until the context ends, and then waits for requests under way.
func Serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerLimit, IdleTimeout: idleLimit, WriteTimeout: answerLimit, MaxHeaderBytes: HeaderBytes,
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
