package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// HealthPath is where a server is asked whether it is well, if nothing else is agreed.
const HealthPath = "/healthz"

// Healthy asks a server at name:port whether it is well: it answers with 2xx, within a time.
func Healthy(ctx context.Context, transport http.RoundTripper, address, path string, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return false
	}
	reply, err := transport.RoundTrip(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, io.LimitReader(reply.Body, 64<<10))
	return reply.Body.Close() == nil && err == nil && reply.StatusCode/100 == 2
}
