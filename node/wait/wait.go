// Package wait waits: for as long as a context allows, for streams, and for what is done at the same time.
package wait

import (
	"context"
	"time"
)

// For waits for a time, and tells whether it has gone by before the context ended.
func For(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
