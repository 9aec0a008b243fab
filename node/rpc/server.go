// Package rpc is how nodes and their clients call each other: requests and replies on one stream, many
// at a time, in any order. Streams are checked (node/wire) and given by node/host.
//
// Invariants: a call has at most one reply; a handler's error arrives as the api.Error that it is; an
// error of kind Unavailable means that the request never left, so it may be sent again elsewhere.
package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	"picloud/node/api"
	"picloud/node/wait"
)

// Handler answers requests to one method. The context ends when the caller gives up or the server
// closes. The body belongs to the handler.
type Handler func(ctx context.Context, body []byte) ([]byte, error)

// Prompt answers a request at once, or says that it cannot. It waits for nothing but short locks, and does not keep the body.
type Prompt func(body []byte) (reply []byte, done bool)

// Server serves methods on the streams of a listener.
type Server struct {
	Methods map[string]Handler
	// Reads are the methods without an effect: a reply of theirs that is too large is an error of that kind. Of the others nobody knows
	// then what the call has done.
	Reads map[string]bool
	// Prompt are for methods that mostly have their reply ready. They are asked first, one after the other for each stream;
	// replies to requests that came together are sent together. What they cannot answer goes to the handler in Methods.
	Prompt map[string]Prompt
	Log    *slog.Logger
	// MaxCalls is how many calls of one stream are under way at a time; more wait in the stream.
	MaxCalls int
}

// Serve accepts streams until the context ends, whose error it returns, or somebody else closes the listener, and returns when all calls
// have ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		stream, err := wait.Accept(ctx, l, func(err error) { s.Log.Error("a stream was not accepted", "error", err.Error()) })
		if err != nil {
			return ctx.Err()
		}
		all.Go(func() { s.serve(ctx, stream) })
	}
}

// serve answers the calls of one stream.
func (s *Server) serve(ctx context.Context, stream net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	out := newOutbox(stream)
	stop := context.AfterFunc(ctx, out.close)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer stop()
	defer cancel()
	defer out.close()
	places := make(chan struct{}, max(s.MaxCalls, 1))
	r := bufio.NewReaderSize(stream, bufferBytes)
	for {
		b, err := next(r)
		var q *request
		if err == nil {
			q, err = decodeRequest(b)
		}
		if err != nil {
			return // the other end sees its stream end
		}
		done := s.promptly(out, q)
		if !done || !whole(r) { // it will wait
			out.flush()
		}
		if done {
			continue
		}
		places <- struct{}{}
		calls.Go(func() {
			defer func() { <-places }()
			s.answer(ctx, out, q)
		})
	}
}

// promptly answers a request that need not wait, and tells whether it did.
func (s *Server) promptly(out *outbox, q *request) (done bool) {
	prompt := s.Prompt[q.method]
	if prompt == nil {
		return false
	}
	var err error
	p := &reply{call: q.call}
	func() {
		defer s.recovered(q.method, &err)
		p.body, done = prompt(q.body)
	}()
	if err != nil {
		p.body, p.err, done = nil, asError(err, q.method), true
	}
	if done {
		s.send(out.hold, p, q.method)
	}
	return done
}

// send sends a reply, or says that it is too large.
func (s *Server) send(by func(message) error, p *reply, method string) {
	if err := by(p); errors.Is(err, errTooLarge) {
		kind := api.Unknown
		if s.Reads[method] {
			kind = api.TooLarge
		}
		p.body, p.err = nil, api.Errorf(kind, "call", method, "its reply is too large")
		_ = by(p) // the stream has ended if that fails
	}
}

func (s *Server) answer(ctx context.Context, out *outbox, q *request) {
	ctx, cancel := context.WithTimeout(ctx, q.left)
	defer cancel()
	p := &reply{call: q.call}
	body, err := s.handle(ctx, q)
	if err != nil {
		p.err = asError(err, q.method)
	} else {
		p.body = body
	}
	s.send(func(m message) error { return out.add(context.WithoutCancel(ctx), m) }, p, q.method) // its time says when to begin no more
}

// handle runs the method's handler.
func (s *Server) handle(ctx context.Context, q *request) (body []byte, err error) {
	handler := s.Methods[q.method]
	if handler == nil {
		return nil, api.Errorf(api.NotFound, "call", fmt.Sprintf("%.80q", q.method), "there is no such method")
	}
	defer s.recovered(q.method, &err)
	return handler(ctx, q.body)
}

// recovered is deferred where a handler runs. One that panics is a defect, and ends its call only.
func (s *Server) recovered(method string, err *error) {
	if why := recover(); why != nil {
		s.Log.Error("a handler panicked", "method", method, "why", fmt.Sprint(why), "stack", string(debug.Stack()))
		*err = api.Errorf(api.Internal, "call", method, "the handler panicked")
	}
}

// asError returns an error as it crosses the wire.
func asError(err error, method string) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return api.Errorf(api.Unknown, "call", method, "the time was over")
	}
	return api.Errorf(api.Internal, "call", method, "%s", err)
}
