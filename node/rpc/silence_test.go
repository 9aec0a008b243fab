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
				if err := o.add(t.Context(), &reply{body: make([]byte, MaxBytes-100)}); err != nil {
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

// TestACallEndsWithItsTimeWhileTooMuchIsQueued: on a way that is slow it never came to be sent.
func TestACallEndsWithItsTimeWhileTooMuchIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := NewClient("pi-1", func(context.Context) (net.Conn, error) { return near, nil })
		go func() {
			b := make([]byte, 1<<14)
			for {
				if _, err := io.ReadFull(far, b); err != nil {
					return
				}
				time.Sleep(time.Second / 4) // 64 KiB a second
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 6 {
			go c.Call(ctx, "hello", make([]byte, MaxBytes-100))
			time.Sleep(time.Millisecond)
		}
		limited, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		began := time.Now()
		_, err := c.Call(limited, "hello", nil)
		if took := time.Since(began); took != 500*time.Millisecond || api.KindOf(err) != api.Unavailable {
			t.Errorf("after %s: %v", took, err)
		}
		c.Close()
		time.Sleep(time.Second) // the others end
	})
}
