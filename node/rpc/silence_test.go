package rpc

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
)

// TestAConnectionThatStaysSilentIsReplaced lets calls with little time wait in vain, one after the other, on a
// stream whose other end has vanished.
func TestAConnectionThatStaysSilentIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		c := NewClient("pi-1", func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far)
			opened++
			return near, nil
		})
		defer c.Close()
		began := time.Now()
		for opened < 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			_, err := c.Call(ctx, "hello", nil)
			cancel()
			if api.KindOf(err) != api.Unknown {
				t.Fatalf("a call that nobody answers: %v", err)
			}
			if time.Since(began) > 2*silence {
				t.Fatalf("after %s the silent stream is still in use", time.Since(began))
			}
		}
	})
}
