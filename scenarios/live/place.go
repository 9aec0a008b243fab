package live

import (
	"fmt"
	"math/rand/v2"
	"net"

	"picloud/scenarios/shelf"
)

// place is where the nodes listen.
type place struct {
	addresses map[string]string // by name
	store     string            // a port
	http      string            // a port
}

// findPlace finds addresses of the loopback that nobody else uses, and two ports that are free on them. The
// addresses are not the one that connections go out from: these might take the port of a node that is down.
func findPlace(names []string) (p place, err error) {
	for range 100 {
		p.addresses = map[string]string{}
		a, b := 1+rand.IntN(254), rand.IntN(256)
		for i, name := range names {
			p.addresses[name] = fmt.Sprintf("127.%d.%d.%d", a, b, 1+i)
		}
		if err = p.findPorts(p.addresses[names[0]]); err == nil {
			err = shelf.Free(p.addresses, p.store, p.http)
		}
		if err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("live: find free ports: %w", err)
}

// findPorts finds two ports that are free on an address.
func (p *place) findPorts(address string) error {
	for _, port := range []*string{&p.store, &p.http} {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return err
		}
		defer l.Close() // when both are found, or they might be one
		_, *port, err = net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
	}
	return nil
}
