package machine

import (
	"context"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

func TestSimulatedNetworkKeepsTheContract(t *testing.T) {
	hosttest.Network(t, func(t *testing.T) (a, b host.Network, bName string) {
		l := newLab(t)
		t.Cleanup(l.stop)
		a, _ = l.process("pi-1")
		b, _ = l.process("pi-2")
		return a, b, "pi-2"
	})
}

func TestTwoProcessesOfAMachineKeepTheContract(t *testing.T) {
	hosttest.Network(t, func(t *testing.T) (a, b host.Network, bName string) {
		l := newLab(t)
		t.Cleanup(l.stop)
		a, _ = l.process("pi-1")
		b, _ = l.process("pi-1")
		return a, b, "localhost"
	})
}

func TestNettest(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		l := newLab(t)
		a, _ := l.process("pi-1")
		b, _ := l.process("pi-2")
		listener, err := b.Listen("tcp", ":80")
		if err != nil {
			return nil, nil, nil, err
		}
		if c1, err = a.DialContext(context.Background(), "tcp", "pi-2:80"); err != nil {
			return nil, nil, nil, err
		}
		c2, err = listener.Accept()
		stop = func() {
			c1.Close()
			c2.Close()
			listener.Close()
			l.stop()
		}
		return c1, c2, stop, err
	})
}
