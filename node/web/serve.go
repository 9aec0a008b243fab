package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"picloud/node/api"
)

// When the node stops. What serves another protocol than HTTP keeps to it, too.
const (
	StopLimit  = 5 * time.Second // for requests under way to end
	LastAnswer = time.Second     // for those that have not to be answered, as their contexts have ended
)

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
	base, end := context.WithCancelCause(context.WithValue(context.WithoutCancel(ctx), servingKey{}, ctx))
	defer end(nil)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerLimit, IdleTimeout: idleLimit, WriteTimeout: answerLimit, MaxHeaderBytes: HeaderBytes,
		BaseContext: func(net.Listener) context.Context { return base }}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		defer time.AfterFunc(StopLimit, func() { end(stops(api.Unknown)) }).Stop()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopLimit+LastAnswer)
		defer cancel()
		stopped <- server.Shutdown(limited)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// servingKey leads from a request's context to the one that ends when its server stops.
type servingKey struct{}

// stops is why a request's context has ended though its client waits.
func stops(kind api.Kind) error { return api.Errorf(kind, "serve", "", "the server stops") }

// UntilStop returns a context that ends with a request's, or as soon as its server stops: for what has no end of its own, such as
// a change feed. Other requests may take some time then.
func UntilStop(request context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(request)
	leave := func() bool { return true }
	if serving, served := request.Value(servingKey{}).(context.Context); served {
		leave = context.AfterFunc(serving, func() { cancel(stops(api.Unavailable)) })
	}
	return ctx, func() { leave(); cancel(nil) }
}
