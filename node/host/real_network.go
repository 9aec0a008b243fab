package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// PacketAddr is a packet's destination as "name:port", for WriteTo of the sockets that a Network
// opens: names are the Network's to resolve.
type PacketAddr string

// Network is "udp".
func (PacketAddr) Network() string { return "udp" }

// String returns "name:port".
func (a PacketAddr) String() string { return string(a) }

// ErrNoAddress says that a machine cannot reach itself as its address is on none of its interfaces: a switch is dark, or a
// lease has ended, and who looks after the interface has taken it away.
var ErrNoAddress = errors.New("host: the machine's address is on none of its interfaces")

// RealNetwork is the network of a real machine.
type RealNetwork struct {
	// Name is the machine's own name. It is reached where it listens, whatever address others have for it.
	Name string
	// Address is what Listen and ListenPacket listen on; loopback if empty.
	Address string
	// Names maps the names of machines to their addresses. Nothing else resolves a name, so none
	// is asked for on the outside; addresses can be dialled as they are.
	Names map[string]string

	dialer net.Dialer
}

var _ Network = (*RealNetwork)(nil)

// Listen listens for streams on ":port".
func (n *RealNetwork) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, n.local(address))
}

// DialContext connects to "name:port" or "address:port".
func (n *RealNetwork) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	remote, err := n.remote(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	conn, err := n.dialer.DialContext(ctx, network, remote)
	if err != nil && n.Address != "" && strings.HasPrefix(remote, net.JoinHostPort(n.Address, "")) && !onInterface(n.Address) {
		return nil, fmt.Errorf("%w: %w", ErrNoAddress, err)
	}
	return conn, err
}

// onInterface tells whether an address is one of the machine's, or whether that cannot be said.
func onInterface(address string) bool {
	ip, err := netip.ParseAddr(address)
	all, failed := net.InterfaceAddrs()
	if err != nil || failed != nil {
		return true
	}
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && (p.Addr() == ip || ip.IsLoopback() && p.Addr().IsLoopback())
	})
}

// ListenPacket opens a packet socket on ":port".
func (n *RealNetwork) ListenPacket(network, address string) (net.PacketConn, error) {
	p, err := net.ListenPacket(network, n.local(address))
	if err != nil {
		return nil, err
	}
	return realPackets{p, n}, nil
}

// local puts the address to listen on before a bare port.
func (n *RealNetwork) local(address string) string {
	if name, port, err := net.SplitHostPort(address); err == nil && name == "" {
		return net.JoinHostPort(cmp.Or(n.Address, loopback), port)
	}
	return address
}

// loopback is the address at which a machine listens that has no other.
const loopback = "127.0.0.1"

// self is the address at which the machine reaches itself.
func (n *RealNetwork) self() string {
	if ip, err := netip.ParseAddr(n.Address); err == nil && ip.IsUnspecified() {
		return loopback
	}
	return cmp.Or(n.Address, loopback)
}

// remote resolves the name of "name:port".
func (n *RealNetwork) remote(address string) (string, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if name != "" && name == n.Name {
		return net.JoinHostPort(n.self(), port), nil
	}
	if ip, ok := n.Names[name]; ok {
		return net.JoinHostPort(ip, port), nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return address, nil
	}
	if name == "" || name == "localhost" {
		return net.JoinHostPort(loopback, port), nil
	}
	return "", &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// realPackets is a packet socket that knows the network's names.
type realPackets struct {
	net.PacketConn
	network *RealNetwork
}

func (p realPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	if name, ok := to.(PacketAddr); ok {
		remote, err := p.network.remote(string(name))
		if err != nil {
			local := p.LocalAddr()
			return 0, &net.OpError{Op: "write", Net: "udp", Source: local, Addr: to, Err: err}
		}
		if to, err = net.ResolveUDPAddr("udp", remote); err != nil {
			return 0, err
		}
	}
	return p.PacketConn.WriteTo(b, to)
}
