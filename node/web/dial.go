package web

import (
	"context"
	"net"
	"time"

	"picloud/node/host"
	"picloud/node/wire"
)

// connectLimit is how long a server of a service may take to accept a connection.
const connectLimit = time.Second

// NotReached says that a server was not reached: it has not seen the request.
type NotReached struct{ error }

// Unwrap returns why.
func (e NotReached) Unwrap() error { return e.error }

// Dialer connects to servers of services: by checked streams (package wire) to those at an address of which checked says that
// they take them, and by plain ones to the others. Its errors are NotReached.
func Dialer(network host.Network, checked func(address string) bool) func(ctx context.Context, kind, address string) (net.Conn, error) {
	return func(ctx context.Context, kind, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectLimit)
		defer cancel()
		by := network
		if checked(address) {
			by = wire.Network{Network: network}
		}
		c, err := by.DialContext(ctx, kind, address)
		if err != nil {
			return nil, NotReached{err}
		}
		return c, nil
	}
}
