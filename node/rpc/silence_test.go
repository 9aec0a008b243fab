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

// TestAStreamThatIsSlowIsNotOneThatTakesNothing sends more than the other end takes in the time for which it may take nothing.
func TestAStreamThatIsSlowIsNotOneThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		o := newOutbox(near)
		defer o.close()
		want := 0
		go func() {
			for range 4 { // what is added while the first is written is written at once
				if err := o.add(&reply{body: make([]byte, MaxBytes-100)}); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 4 {
			want += MaxBytes - 100
		}
		b := make([]byte, 1<<18)
		for got := 0; got < want; {
			n, err := io.ReadFull(far, b[:min(len(b), want-got)])
			if got += n; err != nil {
				t.Fatalf("it ends after %d bytes of %d: %v", got, want, err)
			}
			time.Sleep(time.Second / 4) // 1 MiB a second
		}
	})
}
