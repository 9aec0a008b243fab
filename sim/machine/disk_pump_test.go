package machine

import (
	"sync"
	"testing"

	"picloud/sim/channel"
	"picloud/sim/disk"
	"picloud/sim/event"
)

// diskPump joins processes to a card without a kernel: whoever waits for a reply runs the loop.
// What it does in which order is up to the scheduler of the real machine, so that tests through it
// check outcomes and not times.
type diskPump struct {
	mu      sync.Mutex
	changed *sync.Cond
	loop    *event.Loop
	card    *disk.Card
	lastPID uint64
}

func newDiskPump(t testing.TB, seed uint64, cfg disk.Config) *diskPump {
	p := &diskPump{loop: event.NewLoop(seed)}
	p.changed = sync.NewCond(&p.mu)
	card, err := disk.New(p.loop, "test", cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.card = card
	return p
}

// boot starts a process and returns it with its disk.
func (p *diskPump) boot() (*diskProcess, *Disk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastPID++
	g := &diskProcess{pump: p, pid: p.lastPID, replies: map[uint64]channel.Frame{}}
	return g, NewDisk(g, func() channel.DiskState {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.card.State()
	})
}

// on runs something while nothing else happens.
func (p *diskPump) on(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	p.changed.Broadcast()
}

// reboot cuts the power of the card and of the process, and switches the card on.
func (p *diskPump) reboot(g *diskProcess, mode disk.Crash) {
	p.on(func() {
		g.dead = true
		p.card.PowerCut(mode)
		p.card.Gone(g)
		p.card.PowerOn()
	})
}

func (p *diskPump) apply(t testing.TB, f disk.Fault) (a *disk.Active) {
	t.Helper()
	p.on(func() {
		var err error
		if a, err = p.card.Apply(f); err != nil {
			t.Fatal(err)
		}
	})
	return a
}

func (p *diskPump) heal(a *disk.Active) { p.on(a.Heal) }

// diskProcess is a process as the card sees it, and the kernel as the process sees it. What a dead
// one asks is never answered, as on a machine without power.
type diskProcess struct {
	pump    *diskPump
	pid     uint64
	dead    bool
	next    uint64
	replies map[uint64]channel.Frame
}

func (g *diskProcess) PID() uint64 { return g.pid }

func (g *diskProcess) Post(f channel.Frame) {
	f.Data = append([]byte(nil), f.Data...)
	g.replies[f.ID] = f
	g.pump.changed.Broadcast()
}

func (g *diskProcess) PostLazy(f channel.Frame) { g.Post(f) }

func (g *diskProcess) Handle(channel.Class, func(channel.Frame)) {}

func (g *diskProcess) Send(f channel.Frame) {
	g.pump.mu.Lock()
	defer g.pump.mu.Unlock()
	if !g.dead {
		g.pump.card.Handle(g, f)
	}
}

func (g *diskProcess) Call(f channel.Frame) channel.Frame {
	p := g.pump
	p.mu.Lock()
	defer p.mu.Unlock()
	g.next++
	f.ID = g.next
	if !g.dead {
		p.card.Handle(g, f)
	}
	for {
		if r, ok := g.replies[f.ID]; ok {
			delete(g.replies, f.ID)
			return r
		}
		if g.dead || !p.loop.Step() {
			p.changed.Wait()
			continue
		}
		p.mu.Unlock() // let others in between
		p.mu.Lock()
	}
}
