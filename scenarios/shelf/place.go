package shelf

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Place is where servers listen.
type Place struct {
	Addresses map[string]string // by name
	Ports     []string          // free on all of them
}

// FindPlace finds addresses of the loopback that nobody else uses, and ports that are free on them. The
// addresses are not the one that connections go out from: these might take the port of a server that is down.
func FindPlace(names []string, ports int) (p Place, err error) {
	for range 100 {
		p.Addresses = map[string]string{}
		a, b := 1+rand.IntN(254), rand.IntN(256)
		for i, name := range names {
			p.Addresses[name] = fmt.Sprintf("127.%d.%d.%d", a, b, 1+i)
		}
		if p.Ports, err = FreePorts(p.Addresses[names[0]], ports); err == nil {
			err = Free(p.Addresses, p.Ports...)
		}
		if err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("find %d free ports on the loopback: %w", ports, err)
}

// FreePorts finds ports that are free on an address.
func FreePorts(address string, n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are found, or two might be one
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
