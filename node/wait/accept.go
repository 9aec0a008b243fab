package wait

import (
	"context"
	"errors"
	"net"
	"time"
)

// acceptPause is how long nothing is accepted after it has failed.
const acceptPause = 100 * time.Millisecond

// Accept waits for the next stream of a listener. What passes, such as too many open files, is told, and it is tried again; only that the listener is
// closed is an error. Once the context has ended nothing is tried again; who waits is woken by closing the listener.
func Accept(ctx context.Context, l net.Listener, failed func(error)) (net.Conn, error) {
	for {
		c, err := l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return c, err
		}
		failed(err)
		For(ctx, acceptPause)
	}
}
