package net

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// world is a small rack: machines a1 and a2 on shelf-a, b1 on shelf-b, both shelves at the core.
type world struct {
	t    testing.TB
	loop *event.Loop
	net  *Network
	pids uint64
}

func exact() Link {
	return Link{Latency: Latency{Base: 50 * time.Microsecond}}
}

func newWorld(t testing.TB, change ...func(*Config)) *world {
	cfg := Config{
		Switches: []Switch{{Name: "core"}, {Name: "shelf-a", Uplink: "core", Link: exact()}, {Name: "shelf-b", Uplink: "core", Link: exact()}},
		Hosts: []HostConfig{
			{Name: "a1", Switch: "shelf-a", Link: exact()},
			{Name: "a2", Switch: "shelf-a", Link: exact()},
			{Name: "b1", Switch: "shelf-b", Link: exact()},
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	loop := event.NewLoop(1)
	n, err := New(loop, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, loop: loop, net: n}
}

// run lets time pass.
func (w *world) run(d time.Duration) { w.loop.RunUntil(w.loop.Now().Add(d)) }

func (w *world) apply(f Fault) *Applied {
	w.t.Helper()
	a, err := w.net.Apply(fmt.Sprintf("%T-%d", f, w.net.version), f)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// proc is a process that notes what it gets and reads everything at once unless it is lazy.
type proc struct {
	w        *world
	host     *Host
	pid      uint64
	lastID   uint64
	lazy     bool
	quiet    bool // do not keep bytes
	got      map[uint64][]byte
	count    map[uint64]int64
	when     map[uint64]event.Time // of the last data
	eof      map[uint64]bool
	reset    map[uint64]syscall.Errno
	conn     map[uint64]bool
	credit   map[uint64]int64
	credited func(int64) // when there is credit
	accepted []uint64
	packets  []string
	reply    channel.Frame
}

func (w *world) proc(host string) *proc {
	w.pids++
	return &proc{
		w: w, host: w.net.Host(host), pid: w.pids,
		got: map[uint64][]byte{}, count: map[uint64]int64{}, when: map[uint64]event.Time{},
		eof: map[uint64]bool{}, reset: map[uint64]syscall.Errno{}, conn: map[uint64]bool{}, credit: map[uint64]int64{},
	}
}

func (p *proc) PID() uint64              { return p.pid }
func (p *proc) PostLazy(f channel.Frame) { p.Post(f) }

func (p *proc) Post(f channel.Frame) {
	switch f.Op {
	case channel.OpReply:
		p.reply = f
	case channel.NetAccepted:
		p.accepted = append(p.accepted, f.ID)
		p.send(channel.Frame{Op: channel.NetTaken, ID: uint64(f.B), A: int64(f.ID)})
	case channel.NetConnected:
		p.conn[f.ID] = true
	case channel.NetData:
		if !p.quiet {
			p.got[f.ID] = append(p.got[f.ID], f.Data...)
		}
		p.count[f.ID] += int64(len(f.Data))
		p.when[f.ID] = p.w.loop.Now()
		if !p.lazy {
			p.read(f.ID)
		}
	case channel.NetEOF:
		if p.eof[f.ID] {
			p.w.t.Errorf("process %d was told twice that stream %d ends", p.pid, f.ID)
		}
		p.eof[f.ID] = true
	case channel.NetReset:
		p.reset[f.ID] = f.Err
	case channel.NetCredit:
		p.credit[f.ID] += f.A
		if p.credited != nil {
			p.w.loop.After(0, func() { p.credited(f.A) })
		}
	case channel.NetPacket:
		p.packets = append(p.packets, string(f.Data))
	}
}

func (p *proc) send(f channel.Frame) {
	f.Class = channel.ClassNet
	p.host.Handle(p, f)
}

func (p *proc) read(id uint64) {
	p.send(channel.Frame{Op: channel.NetConsumed, ID: id, A: p.count[id]})
}

func (p *proc) id() uint64 { p.lastID += 2; return p.lastID }

func (p *proc) listen(port uint16) uint64 {
	id := p.id()
	p.send(channel.Frame{Op: channel.NetListen, ID: 99, A: int64(port), B: int64(id)})
	return id
}

func (p *proc) dial(host string, port uint16) uint64 {
	id := p.id()
	to := netip.AddrPortFrom(p.w.net.Host(host).Addr(), port)
	p.send(channel.Frame{Op: channel.NetDial, ID: id, A: channel.PackAddr(to)})
	return id
}

func (p *proc) write(id uint64, data []byte) {
	for len(data) > 0 {
		n := min(len(data), channel.MaxData)
		p.send(channel.Frame{Op: channel.NetData, ID: id, Data: data[:n]})
		data = data[n:]
	}
}

// streamBetween opens a stream and returns its ends.
func (w *world) streamBetween(from, to string) (a *proc, ida uint64, b *proc, idb uint64) {
	w.t.Helper()
	a, b = w.proc(from), w.proc(to)
	b.listen(80)
	ida = a.dial(to, 80)
	w.run(10 * time.Millisecond)
	if !a.conn[ida] || len(b.accepted) != 1 {
		w.t.Fatalf("%s and %s did not connect", from, to)
	}
	return a, ida, b, b.accepted[0]
}

// pattern returns n bytes that repeat late, so that misplaced ones show.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8*31 ^ i>>16*17)
	}
	return b
}

func (w *world) expect(p *proc, id uint64, want []byte) {
	w.t.Helper()
	if !bytes.Equal(p.got[id], want) {
		w.t.Fatalf("got %d bytes, want %d; equal up to %d", len(p.got[id]), len(want), common(p.got[id], want))
	}
}

func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
