// Package world builds a rack of simulated machines from a topology, starts their programs, and
// plays a schedule of faults on them.
//
// Invariants: a program that ended is started again, as a service manager would, unless a fault
// holds its machine down; what a fault did is counted, not assumed; the world judges nothing.
package world

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/hw/twin"
	"picloud/sim/channel"
	"picloud/sim/disk"
	"picloud/sim/event"
	"picloud/sim/kernel"
	"picloud/sim/machine"
	"picloud/sim/net"
	"picloud/sim/rack"
)

// Machine describes a simulated Pi with the program that it runs.
type Machine struct {
	Name        string
	Switch      string
	Link        net.Link // to the switch; zero for gigabit
	Card        disk.Profile
	Cores       int   // zero for 4
	MemoryBytes int64 // zero for no limit
	Program     kernel.Program
	Board       *twin.Config // its board; nil if it has none
}

// Config describes a world.
type Config struct {
	Kernel   kernel.Config
	Switches []string // the first is the root, to which the others are wired
	Machines []Machine
	Hardware Hardware

	RestartAfter time.Duration // from the end of a program to its next start; zero for 1 s
	BootTime     time.Duration // from power to the start of programs; zero for 5 s

	// Who returns which machine has a part at the moment, for faults that are aimed at one; nil if nobody is known to have any.
	Who func(chaos.Part) (machine string, known bool)
}

// World is a rack of machines on virtual time.
type World struct {
	Kernel  *kernel.Kernel
	Network *net.Network
	shelves map[string]*rack.Shelf // of the machines that have boards, by switch
	config  Config
	pis     map[string]*pi
	names   []string
	played  []*Played
}

// pi is one machine with its devices.
type pi struct {
	*kernel.Machine
	world   *World
	config  Machine
	card    *disk.Card
	host    *net.Host
	board   *rack.Board  // nil if it has none
	down    int          // faults that hold its program down
	kept    int64        // how often that kept it from starting
	paused  int          // faults that hold its processes
	restart *event.Timer // of its program

	unplugged int           // for how many reasons it has no supply
	lives     int64         // how often it has lost what it had in memory
	speed     int64         // of its cores, parts per million of a Pi 4B's
	slowed    int64         // by faults: how many times
	flaps     int64         // of its wire
	wire      bool          // up
	booting   event.Time    // since when it boots; negative if it does not
	boots     time.Duration // that have ended, together
	crashes   []*crash      // that wait for their moment
	samples   []Sample
	events    []twin.Event   // of its board
	mute      []*net.Applied // what lets it answer nothing, while it hangs
}

// New builds the world and starts every program.
func New(c Config) (*World, error) {
	if c.RestartAfter == 0 {
		c.RestartAfter = time.Second
	}
	if c.Hardware.Air == nil {
		c.Hardware.Air = new(int64(22_000))
	}
	if c.BootTime == 0 {
		c.BootTime = 5 * time.Second
	}
	w := &World{config: c, pis: map[string]*pi{}}
	died := c.Kernel.Died
	c.Kernel.Died = func(d kernel.Death) {
		w.died(d)
		if died != nil {
			died(d)
		}
	}
	k, err := kernel.New(c.Kernel)
	if err != nil {
		return nil, err
	}
	w.Kernel = k
	if err := w.build(); err != nil {
		k.Close()
		return nil, err
	}
	return w, nil
}

func (w *World) build() error {
	var topology net.Config
	for i, name := range w.config.Switches {
		s := net.Switch{Name: name, Link: net.Gigabit()}
		if i > 0 {
			s.Uplink = w.config.Switches[0]
		}
		topology.Switches = append(topology.Switches, s)
	}
	for _, m := range w.config.Machines {
		if m.Link == (net.Link{}) {
			m.Link = net.Gigabit()
		}
		topology.Hosts = append(topology.Hosts, net.HostConfig{Name: m.Name, Switch: m.Switch, Link: m.Link})
	}
	var err error
	if w.Network, err = net.New(w.Kernel.Loop, topology); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	for _, m := range w.config.Machines {
		if err := w.add(m); err != nil {
			return err
		}
	}
	sort.Strings(w.names)
	if err := w.addShelves(); err != nil {
		return err
	}
	for _, m := range w.config.Machines {
		if w.pis[m.Name].board != nil {
			continue // it starts once its board does
		}
		if err := w.pis[m.Name].startProgram(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) add(c Machine) error {
	m, err := w.Kernel.AddMachine(kernel.MachineConfig{Name: c.Name, Cores: c.Cores, MemoryBytes: c.MemoryBytes})
	if err != nil {
		return err
	}
	p := &pi{Machine: m, world: w, config: c, host: w.Network.Host(c.Name), speed: 1e6, slowed: 1, wire: true, booting: -1}
	p.card, err = disk.New(w.Kernel.Loop, c.Name, disk.Config{
		Profile: c.Card,
		Publish: m.PublishDisk,
		Wall:    func() int64 { return m.Clock.Wall(w.Kernel.Now()) },
		Did:     p.did,
	})
	if err != nil {
		return fmt.Errorf("world: %s: %w", c.Name, err)
	}
	m.PublishDisk(p.card.State())
	m.Attach(channel.ClassNet, p.host)
	m.Attach(channel.ClassDisk, p.card)
	w.pis[c.Name] = p
	w.names = append(w.names, c.Name)
	if c.Board != nil {
		return p.addBoard()
	}
	return nil
}

// startProgram starts the machine's program, unless it runs or is held down.
func (p *pi) startProgram() error {
	p.world.Kernel.Loop.Stop(p.restart)
	p.restart = nil
	p.endBoot()
	if p.config.Program.Path == "" || !p.On() || len(p.Processes()) > 0 {
		return nil
	}
	if p.down > 0 {
		p.kept++
		return nil
	}
	_, err := p.Start(p.program())
	return err
}

// program returns the machine's program with what it is told of the world.
func (p *pi) program() kernel.Program {
	prog := p.config.Program
	env := map[string]string{machine.EnvHosts: machine.FormatHosts(p.world.Network.Names())}
	if p.board != nil {
		env[machine.EnvBoard] = "1"
	}
	for name, value := range prog.Env {
		env[name] = value
	}
	prog.Env = env
	return prog
}

// startAfter starts the machine's program once d has passed.
func (p *pi) startAfter(d time.Duration) {
	loop := p.world.Kernel.Loop
	loop.Stop(p.restart)
	p.restart = loop.After(d, func() {
		if err := p.startProgram(); err != nil {
			p.world.Kernel.Fail(err)
		}
	})
}

// startAgain starts the machine's program at once. On a machine that boots it starts once that is done.
func (p *pi) startAgain() {
	if p.booting < 0 {
		p.startAfter(0)
	}
}

// died starts a program again that ended by itself, unless it was done.
func (w *World) died(d kernel.Death) {
	p := w.pis[d.Machine]
	if p != nil && p.down == 0 && d.Status != 0 {
		p.startAfter(w.config.RestartAfter)
	}
}

// Names returns the names of the machines, sorted.
func (w *World) Names() []string { return w.names }

// Run plays the world until the virtual time is end.
func (w *World) Run(ctx context.Context, end time.Duration) error {
	return w.Kernel.Run(ctx, event.Time(end))
}

// Close ends every process.
func (w *World) Close() { w.Kernel.Close() }

// lookup returns the machine of a name.
func (w *World) lookup(name string) (*pi, error) {
	if p := w.pis[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no machine %q among %s", name, strings.Join(w.names, ", "))
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
