package machine_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/machine"
	simnet "picloud/sim/net"
	"picloud/sim/simtest"
)

// withWire gives a machine a network of its own.
func withWire(t *testing.T) func(k *kernel.Kernel, m *kernel.Machine) {
	return func(k *kernel.Kernel, m *kernel.Machine) {
		n, err := simnet.New(k.Loop, simnet.Config{
			Switches: []simnet.Switch{{Name: "shelf"}},
			Hosts:    []simnet.HostConfig{{Name: m.Name, Switch: "shelf", Link: simnet.Gigabit()}},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Attach(channel.ClassNet, n.Host(m.Name))
	}
}

// inside is the network of the machine that simtest.Inside makes.
func inside(t *testing.T, p *machine.Port) host.Network {
	n, err := machine.NewNetwork(p, "inside", map[string]netip.Addr{"inside": netip.MustParseAddr("10.77.1.1")})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The same contract holds where the network will be used: in a process, with the kernel between.
func TestNetworkInsideAMachine(t *testing.T) {
	simtest.Inside(t, 24*time.Hour, withWire(t), func(t *testing.T, p *machine.Port) {
		n := inside(t, p)
		hosttest.Network(t, func(*testing.T) (a, b host.Network, bName string) { return n, n, "inside" })
	})
}

func TestNettestInsideAMachine(t *testing.T) {
	simtest.Inside(t, 24*time.Hour, withWire(t), func(t *testing.T, p *machine.Port) {
		n := inside(t, p)
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			l, err := n.Listen("tcp", ":0")
			if err != nil {
				return nil, nil, nil, err
			}
			if c1, err = n.DialContext(context.Background(), "tcp", l.Addr().String()); err != nil {
				return nil, nil, nil, err
			}
			c2, err = l.Accept()
			stop = func() {
				c1.Close()
				c2.Close()
				l.Close()
			}
			return c1, c2, stop, err
		})
	})
}
