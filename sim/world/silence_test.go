package world_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/hw/twin"
	"picloud/sim/channel"
	"picloud/sim/world"
)

// guest is a process of a test on a machine of the lab. It notes what it gets of the network, and when.
type guest struct {
	l    *lab
	name string
	pid  uint64
	got  []mail
}

type mail struct {
	at time.Duration
	channel.Frame
}

func (l *lab) guest(name string, pid uint64) *guest { return &guest{l: l, name: name, pid: pid} }

func (g *guest) PID() uint64              { return g.pid }
func (g *guest) PostLazy(f channel.Frame) { g.Post(f) }
func (g *guest) Post(f channel.Frame) {
	g.got = append(g.got, mail{time.Duration(g.l.Kernel.Now()), f})
}

// net has the network do something for the guest.
func (g *guest) net(op uint8, id uint64, a, b int64) {
	g.l.Network.Host(g.name).Handle(g, channel.Frame{Class: channel.ClassNet, Op: op, ID: id, A: a, B: b})
}

// at returns the address of a port on a machine.
func (l *lab) at(name string, port uint16) int64 {
	return channel.PackAddr(netip.AddrPortFrom(l.Network.Host(name).Addr(), port))
}

// TestSwizzleClogIsOverAtItsEnd: its machines hear nothing from when it is their turn in the first half of its time until, in another
// order, it is again in the second half.
func TestSwizzleClogIsOverAtItsEnd(t *testing.T) {
	const s, tick = time.Second, 100 * time.Millisecond
	names := []string{"pi-1", "pi-2", "pi-3"}
	machines := []world.Machine{{Name: "pi-4", Switch: "shelf"}}
	for _, name := range names {
		machines = append(machines, world.Machine{Name: name, Switch: "shelf"})
	}
	l := newLab(t, world.Hardware{}, "10s +18s swizzle-clog machines=pi-1,pi-2,pi-3", machines...)
	speaks := l.guest("pi-4", 1<<40)
	speaks.net(channel.NetPacketOpen, 1, 53, 2)
	hear := map[string]*guest{}
	for i, name := range names {
		hear[name] = l.guest(name, speaks.pid+uint64(i)+1)
		hear[name].net(channel.NetPacketOpen, 1, 53, 2)
	}
	for at := tick; at < 40*s; at += tick {
		l.Kernel.Loop.After(at, func() {
			for _, name := range names {
				speaks.net(channel.NetPacket, 2, l.at(name, 53), 0)
			}
		})
	}
	l.run(40 * s)
	var clogged, released []string
	for _, name := range names {
		before := time.Duration(0)
		for _, m := range hear[name].got {
			if m.Op != channel.NetPacket {
				continue
			}
			if m.at-before > 2*tick {
				clogged, released = append(clogged, fmt.Sprint(before.Round(s))), append(released, fmt.Sprint(m.at.Round(s)))
			}
			before = m.at
		}
		if before < 39*s {
			t.Errorf("%s heard its last at %v", name, before)
		}
	}
	slices.Sort(released)
	if got := strings.Join(slices.Concat(clogged, released), " "); got != "10s 13s 16s 19s 22s 25s" {
		t.Errorf("clogged and released at %s", got)
	}
	if l.Played()[0].Felt() == 0 {
		t.Error("it was not felt")
	}
}

// answers returns when the guest was told something of a stream in answer.
func (g *guest) answers(id uint64, ops ...uint8) (all []string) {
	for _, m := range g.got {
		if m.ID == id && slices.Contains(ops, m.Op) {
			all = append(all, strings.TrimSpace(fmt.Sprint(m.at.Round(time.Second), " ", map[bool]string{true: m.Err.Error()}[m.Err != 0])))
		}
	}
	return all
}

// TestAMachineThatHangsAnswersNothing: its stack neither opens streams nor acknowledges what comes on open ones, until it is healed or reset.
func TestAMachineThatHangsAnswersNothing(t *testing.T) {
	const s = time.Second
	for _, c := range []struct{ schedule, open, dialled, later string }{
		{"10s +30s hang machine=pi-1 watchdog=0", "1s, 1m3s", "43s", "52s"},
		{"10s +60s hang machine=pi-1 watchdog=0\n20s +2s power-cut machine=pi-1", "1s, 25s connection reset by peer", "27s connection refused", "52s connection refused"},
		{"10s +60s hang machine=pi-1 watchdog=0\n11s +60s hang machine=pi-1 watchdog=0\n20s +2s power-cut machine=pi-1",
			"1s, 25s connection reset by peer", "27s connection refused", "52s connection refused"},
	} {
		t.Run(fmt.Sprint(strings.Count(c.schedule, "\n")), func(t *testing.T) {
			var machines []world.Machine
			for _, name := range []string{"pi-1", "pi-2"} {
				machines = append(machines, world.Machine{Name: name, Switch: "shelf", Board: &twin.Config{Name: name}})
			}
			l := newLab(t, world.Hardware{}, c.schedule, machines...)
			hangs, asks := l.guest("pi-1", 1<<40), l.guest("pi-2", 1<<40+1)
			hangs.net(channel.NetListen, 1, 80, 2)
			dial := func(at time.Duration, id uint64) {
				l.Kernel.Loop.After(at, func() { asks.net(channel.NetDial, id, l.at("pi-1", 80), 0) })
			}
			dial(s, 2)
			dial(12*s, 4)
			dial(52*s, 6)
			l.Kernel.Loop.After(12*s, func() {
				f := channel.Frame{Class: channel.ClassNet, Op: channel.NetData, ID: 2, Data: make([]byte, 1000)}
				l.Network.Host("pi-2").Handle(asks, f)
				asks.net(channel.NetWant, 2, 0, 0)
			})
			l.run(80 * s)
			for id, want := range map[uint64]string{2: c.open, 4: c.dialled, 6: c.later} {
				got := strings.Join(asks.answers(id, channel.NetConnected, channel.NetCredit, channel.NetReset), ", ")
				if got != want {
					t.Errorf("stream %d was answered at %s, want %s", id, got, want)
				}
			}
		})
	}
}

// TestALinkFromAllToAllIsEveryWay: a wildcard on both sides leaves nobody out.
func TestALinkFromAllToAllIsEveryWay(t *testing.T) {
	const s = time.Second
	names := []string{"pi-1", "pi-2", "pi-3"}
	for _, fault := range []string{"partition-oneway link=*>*", "net-loss link=*>* rate=1000000ppm"} {
		t.Run(strings.Fields(fault)[0], func(t *testing.T) {
			var machines []world.Machine
			for _, name := range names {
				machines = append(machines, world.Machine{Name: name, Switch: "shelf"})
			}
			l := newLab(t, world.Hardware{}, "10s +5s "+fault, machines...)
			all := map[string]*guest{}
			for i, name := range names {
				all[name] = l.guest(name, 1<<40+uint64(i))
				all[name].net(channel.NetPacketOpen, 1, 53, 2)
			}
			for _, at := range []time.Duration{5 * s, 12 * s, 20 * s} {
				l.Kernel.Loop.After(at, func() {
					for _, from := range names {
						for _, to := range names {
							all[from].net(channel.NetPacket, 2, l.at(to, 53), 0)
						}
					}
				})
			}
			l.run(30 * s)
			for _, name := range names {
				heard := map[time.Duration]int{}
				for _, m := range all[name].got {
					if m.Op == channel.NetPacket {
						heard[m.at.Round(s)]++
					}
				}
				if heard[5*s] != 3 || heard[12*s] != 1 || heard[20*s] != 3 { // what it sends to itself always comes
					t.Errorf("%s heard so many at a time: %v", name, heard)
				}
			}
			if felt := l.Played()[0].Felt(); felt != 6 {
				t.Errorf("it was felt %d times, and is six ways", felt)
			}
		})
	}
}
