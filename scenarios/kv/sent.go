package kv

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// withConnected returns a context for a request and a function that tells whether the request got
// a connection: before that it cannot have had an effect.
func withConnected(ctx context.Context) (context.Context, func() bool) {
	var got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	return ctx, got.Load
}
