package machine

import (
	"slices"
	"sync"
	"testing"
	"time"

	"picloud/node/host"
	"picloud/sim/channel"
	"picloud/sim/event"
	simnet "picloud/sim/net"
)

// lab joins the two ends of the network without a kernel between them: a goroutine owns the event
// loop, keeps it at the time that the test's clock shows, and moves frames.
type lab struct {
	t     testing.TB
	net   *simnet.Network
	loop  *event.Loop
	start time.Time
	kick  chan struct{}
	quit  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	out   []letter
	do    []func()
	pids  uint64
	ports []*labPort
}

// letter is a frame on its way to the kernel.
type letter struct {
	from  *labPort
	frame channel.Frame
}

// newLab starts a lab with machines pi-1 and pi-2 at one switch.
func newLab(t testing.TB) *lab {
	loop := event.NewLoop(1)
	wire := simnet.Link{Latency: simnet.Latency{Base: 50 * time.Microsecond}}
	n, err := simnet.New(loop, simnet.Config{
		Switches: []simnet.Switch{{Name: "shelf"}},
		Hosts:    []simnet.HostConfig{{Name: "pi-1", Switch: "shelf", Link: wire}, {Name: "pi-2", Switch: "shelf", Link: wire}},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{
		t: t, net: n, loop: loop, start: time.Now(),
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// stop ends the lab's goroutine.
func (l *lab) stop() {
	close(l.quit)
	<-l.done
}

func (l *lab) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// inKernel runs do where the event loop runs, and waits for it.
func (l *lab) inKernel(do func()) {
	done := make(chan struct{})
	l.mu.Lock()
	l.do = append(l.do, func() { do(); close(done) })
	l.mu.Unlock()
	l.wake()
	<-done
}

func (l *lab) run() {
	defer close(l.done)
	timer := time.NewTimer(0)
	for {
		select {
		case <-l.quit:
			timer.Stop()
			return
		case <-l.kick:
		case <-timer.C:
		}
		l.loop.RunUntil(event.Time(time.Since(l.start)))
		l.mu.Lock()
		out, do, ports := l.out, l.do, slices.Clone(l.ports)
		l.out, l.do = nil, nil
		l.mu.Unlock()
		for _, o := range out {
			l.net.Host(o.from.host).Handle(o.from, o.frame)
			o.from.wake = true // who sends is awake, and gets the mail that waits for that
		}
		for _, f := range do {
			f()
		}
		for _, p := range ports {
			p.deliver()
		}
		if next, ok := l.loop.Next(); ok {
			timer.Reset(time.Until(l.start.Add(time.Duration(next))))
		}
	}
}

// labPort is a process: both the kernel's view of it and its view of the kernel.
type labPort struct {
	lab  *lab
	host string
	pid  uint64
	in   []channel.Frame // belongs to the lab's goroutine
	wake bool

	mu    sync.Mutex
	calls map[uint64]chan channel.Frame
	next  uint64
	take  func(channel.Frame)
}

func (l *lab) process(hostName string) (host.Network, *labPort) {
	l.mu.Lock()
	l.pids++
	p := &labPort{lab: l, host: hostName, pid: l.pids, calls: map[uint64]chan channel.Frame{}}
	l.ports = append(l.ports, p)
	l.mu.Unlock()
	n, err := NewNetwork(p, hostName, l.net.Names())
	if err != nil {
		l.t.Fatal(err)
	}
	return n, p
}

func (p *labPort) PID() uint64 { return p.pid }

func (p *labPort) Post(f channel.Frame) {
	p.PostLazy(f)
	p.wake = true
}

func (p *labPort) PostLazy(f channel.Frame) {
	f.Data = slices.Clone(f.Data)
	p.in = append(p.in, f)
}

func (p *labPort) deliver() {
	if !p.wake {
		return
	}
	in := p.in
	p.in, p.wake = nil, false
	for _, f := range in {
		p.mu.Lock()
		answer := p.calls[f.ID]
		take := p.take
		p.mu.Unlock()
		if f.Op == channel.OpReply {
			answer <- f
		} else {
			take(f)
		}
	}
}

func (p *labPort) Send(f channel.Frame) {
	f.Data = slices.Clone(f.Data)
	p.lab.mu.Lock()
	p.lab.out = append(p.lab.out, letter{p, f})
	p.lab.mu.Unlock()
	p.lab.wake()
}

func (p *labPort) Call(f channel.Frame) channel.Frame {
	answer := make(chan channel.Frame, 1)
	p.mu.Lock()
	p.next++
	f.ID = p.next
	p.calls[f.ID] = answer
	p.mu.Unlock()
	p.Send(f)
	return <-answer
}

func (p *labPort) Handle(_ channel.Class, take func(channel.Frame)) {
	p.mu.Lock()
	p.take = take
	p.mu.Unlock()
}
