package host

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"picloud/node/host/orders"
)

// The faults of ways from one machine to another.
const (
	netCut         = "net-cut"
	netDelay       = "net-delay"
	netBandwidth   = "net-bandwidth"
	netLoss        = "net-loss"
	netCorrupt     = "net-corrupt"
	netFlap        = "flap"
	connectRefused = "connect-refused"
	connectHang    = "connect-hang"
	connReset      = "reset"
	connHalfOpen   = "half-open"
)

// ways is what is wrong with the ways between this machine and others. The layer sees the streams that this machine
// has opened, and breaks them in both directions; those that others have opened to it are broken by the others' layers.
type ways struct {
	self      string
	addresses map[string]string // of machines, by name
	names     map[string]string // of machines, by address

	mu       sync.Mutex
	standing []*wayFault
	changed  chan struct{} // closed when something changes
	open     map[*faultyConn]bool
}

// wayFault is one thing that is wrong with one way.
type wayFault struct {
	tally
	kind     string
	from, to string
	params   map[string]int64
	dark     atomic.Bool // of one that flaps
}

// newWays returns the ways of a machine. Where two names have one address, the first has it.
func newWays(self string, machines map[string]string) *ways {
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(machines)) {
		if names[machines[name]] == "" {
			names[machines[name]] = name
		}
	}
	return &ways{self: self, addresses: machines, names: names, changed: make(chan struct{}), open: map[*faultyConn]bool{}}
}

func (w *ways) apply(o *orders.Order) (orders.Effect, error) {
	f := &wayFault{kind: o.Kind, from: o.From, to: o.To, params: o.Params}
	f.first = o.First
	if f.from != w.self && f.to != w.self {
		return orders.Effect{}, fmt.Errorf("%s is at no end of the way from %s to %s", w.self, f.from, f.to)
	}
	switch f.kind {
	case connReset, connHalfOpen:
		return w.strike(f), nil
	case netFlap:
		over := make(chan struct{})
		w.begin(f)
		go w.flap(f, over)
		return orders.Effect{Heal: func() { close(over); w.end(f) }, Felt: f.felt.Load}, nil
	case netCut, netDelay, netBandwidth, netLoss, netCorrupt, connectRefused, connectHang:
		w.begin(f)
		return orders.Effect{Heal: func() { w.end(f) }, Felt: f.felt.Load}, nil
	}
	return orders.Effect{}, orders.Unknown(f.kind)
}

func (w *ways) begin(f *wayFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.standing = append(w.standing, f)
	w.tell()
}

func (w *ways) end(f *wayFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.standing = slices.DeleteFunc(slices.Clone(w.standing), func(g *wayFault) bool { return g == f })
	w.tell()
}

// tell wakes who waits for a change. The lock is held.
func (w *ways) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// strike does at once what happens at an instant to the streams that stand.
func (w *ways) strike(f *wayFault) orders.Effect {
	w.mu.Lock()
	var hit []*faultyConn
	for c := range w.open {
		if w.self == f.from && c.peer == f.to || w.self == f.to && c.peer == f.from {
			hit = append(hit, c)
		}
	}
	w.mu.Unlock()
	for _, c := range hit {
		switch {
		case f.kind == connReset:
			c.reset()
		case w.self == f.from:
			c.forget()
		default:
			c.forgotten()
		}
		f.feel()
	}
	return orders.Effect{Felt: f.felt.Load}
}

// flap cuts a way and opens it, again and again, each time for half to one and a half of the mean.
func (w *ways) flap(f *wayFault, over <-chan struct{}) {
	for down := true; ; down = !down {
		mean := f.params["up"]
		if down {
			mean = f.params["down"]
		}
		f.dark.Store(down)
		w.mu.Lock()
		w.tell()
		w.mu.Unlock()
		sleep(time.Duration(max(1, mean/2+rand.Int64N(mean+1)))*time.Millisecond, over)
		select {
		case <-over:
			return
		default:
		}
	}
}

// weather is what is wrong with one way now.
type weather struct {
	faults  []*wayFault
	changed <-chan struct{} // closed when it may have changed
}

func (w *ways) weather(from, to string) weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := weather{changed: w.changed}
	for _, f := range w.standing {
		if f.from == from && f.to == to && f.kind != connectRefused && f.kind != connectHang {
			now.faults = append(now.faults, f)
		}
	}
	return now
}

// fair says that nothing is wrong.
func (w *weather) fair() bool { return len(w.faults) == 0 }

// cut returns the fault for which nothing passes now, nil if there is none.
func (w *weather) cut() *wayFault {
	for _, f := range w.faults {
		if f.kind == netCut || f.kind == netFlap && f.dark.Load() {
			return f
		}
	}
	return nil
}

const (
	// segment is what a packet of a stream carries on an Ethernet.
	segment = 1460
	// retransmission is when Linux sends a lost packet of a stream again, at the earliest (TCP_RTO_MIN of net/tcp.h); if that is
	// lost too, the time doubles.
	retransmission = 200 * time.Millisecond
	// mostLost is how often one packet is lost.
	mostLost = 6
)

// late returns how much later bytes arrive, and spoils them if that is wrong.
func (w *weather) late(b []byte) (by time.Duration) {
	packets := (len(b) + segment - 1) / segment
	for _, f := range w.faults {
		switch f.kind {
		case netDelay:
			by += time.Duration(f.params["delay"]+rand.Int64N(f.params["jitter"]+1)) * time.Millisecond
			f.feel()
		case netLoss:
			for range packets {
				wait := retransmission
				for n := 0; n < mostLost && chance(f.params["rate"]); n++ {
					f.feel()
					by += wait
					wait *= 2
				}
			}
		case netCorrupt:
			for n := range packets {
				if chance(f.params["rate"]) {
					f.feel()
					spoil(b[n*segment : min((n+1)*segment, len(b))])
				}
			}
		}
	}
	return by
}

// drawn returns how long the way is busy with bytes.
func (w *weather) drawn(bytes int) (busy time.Duration) {
	for _, f := range w.faults {
		if f.kind == netBandwidth {
			f.feel()
			busy = max(busy, time.Duration(float64(bytes)/float64(max(f.params["rate"], 1))*float64(time.Second)))
		}
	}
	return busy
}

// faultyNetwork is a network with a layer over it.
type faultyNetwork struct {
	Network
	ways *ways
}

// DialContext opens a stream to a machine that is known as the ways to it and back have it.
func (n *faultyNetwork) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	peer := n.ways.peer(address)
	if peer == "" {
		return n.Network.DialContext(ctx, network, address)
	}
	if err := n.ways.passable(ctx, peer); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	c, err := n.Network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return n.ways.wrap(c, peer), nil
}

// peer returns the name of another machine that is dialled, or nothing.
func (w *ways) peer(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	name := host
	if _, known := w.addresses[host]; !known {
		name = w.names[host]
	}
	if name == w.self {
		return ""
	}
	return name
}

// passable waits until a stream can be opened.
func (w *ways) passable(ctx context.Context, peer string) error {
	var noted *wayFault
	for {
		w.mu.Lock()
		changed := w.changed
		var by *wayFault
		for _, f := range w.standing {
			there, back := f.from == w.self && f.to == peer, f.from == peer && f.to == w.self
			cut := f.kind == netCut || f.kind == netFlap && f.dark.Load()
			switch {
			case there && f.kind == connectRefused:
				w.mu.Unlock()
				f.feel()
				return os.NewSyscallError("connect", syscall.ECONNREFUSED)
			case there && f.kind == connectHang, (there || back) && cut:
				by = f
			}
		}
		w.mu.Unlock()
		if by == nil {
			return nil
		}
		if by != noted {
			by.feel()
			noted = by
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return os.ErrDeadlineExceeded
			}
			return ctx.Err()
		}
	}
}

// wrap puts the layer over a stream.
func (w *ways) wrap(c net.Conn, peer string) net.Conn {
	f := &faultyConn{Conn: c, ways: w, peer: peer, changed: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[f] = true
	return f
}

func (w *ways) closed(c *faultyConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, c)
}

// ListenPacket opens a packet socket. What it sends is lost, late or spoilt.
func (n *faultyNetwork) ListenPacket(network, address string) (net.PacketConn, error) {
	p, err := n.Network.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return &faultyPackets{p, n.ways}, nil
}

// faultyPackets is a packet socket with a layer over it.
type faultyPackets struct {
	net.PacketConn
	ways *ways
}

// mostPacket is what a packet of UDP carries over IPv4, at most; more is refused at once.
const mostPacket = 65_507

// WriteTo sends a packet as the way to its destination has it.
func (p *faultyPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := p.ways.peer(to.String())
	now := p.ways.weather(p.ways.self, peer)
	if peer == "" || now.fair() || len(b) > mostPacket {
		return p.PacketConn.WriteTo(b, to)
	}
	if f := now.cut(); f != nil {
		f.feel()
		return len(b), nil
	}
	for _, f := range now.faults {
		if f.kind == netLoss && chance(f.params["rate"]) {
			f.feel()
			return len(b), nil
		}
	}
	packet := slices.Clone(b)
	now.faults = slices.DeleteFunc(now.faults, func(f *wayFault) bool { return f.kind == netLoss })
	by := now.late(packet) + now.drawn(len(packet))
	if by == 0 {
		return p.PacketConn.WriteTo(packet, to)
	}
	time.AfterFunc(by, func() { _, _ = p.PacketConn.WriteTo(packet, to) }) // packets may be lost
	return len(b), nil
}
