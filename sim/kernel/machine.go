package kernel

import (
	"fmt"
	"math/rand/v2"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// MachineConfig describes a simulated machine.
type MachineConfig struct {
	Name        string
	Cores       int   // zero for 4
	MemoryBytes int64 // limit for the heaps of its processes together; zero for none
}

// Machine is one simulated Pi: cores, clocks, memory, and the processes that share them.
type Machine struct {
	Name    string
	Clock   *Clock
	CPU     *CPU
	kernel  *Kernel
	memory  int64
	devices [16]Device
	procs   []*Process // alive, oldest first
	queue   []*Process // those that wait for a core, in order
	freed   *event.Timer
	starts  int // processes started so far, which names their random streams
	paused  bool
	on      bool
	disk    channel.DiskState

	turns    int64 // given to its processes
	withheld int64 // wake-ups that a pause held back
	killed   int64 // processes that were ended for want of memory

	waiting stretch // in which some process waited for a core

	wrongHash *WrongHash // how its CPU computes SHA-256 wrongly, nil for rightly
	counted   counts     // what its processes have done
	lies      int64      // hashes that it computed wrongly

	explore      bool  // the seed picks the next goroutine
	preemptEvery int64 // mean allocations between preemptions, 0 for never
}

// AddMachine makes a machine whose power is on.
func (k *Kernel) AddMachine(c MachineConfig) (*Machine, error) {
	if c.Name == "" || k.machines[c.Name] != nil {
		return nil, fmt.Errorf("kernel: a machine needs a name of its own, not %q", c.Name)
	}
	if c.Cores == 0 {
		c.Cores = 4
	}
	m := &Machine{Name: c.Name, Clock: newClock(k.Now()), CPU: newCPU(c.Cores), kernel: k, memory: c.MemoryBytes, on: true}
	m.drawScheduler(k.Loop.Stream("machine " + c.Name + " scheduler"))
	k.machines[c.Name] = m
	return m, nil
}

// drawScheduler draws how much this machine's scheduler explores in this run: from plain queues
// without preemption to a preemption every few allocations. No density suits every bug.
func (m *Machine) drawScheduler(r *rand.Rand) {
	m.explore = r.IntN(4) > 0
	densities := []int64{0, 0, 2000, 500, 100, 20}
	m.preemptEvery = densities[r.IntN(len(densities))]
}

// SetScheduler overrides what the seed drew: whether the next goroutine is picked at random, and
// the mean number of allocations between preemptions (0 for never). It holds for processes
// started later.
func (m *Machine) SetScheduler(explore bool, preemptEvery int64) {
	m.explore, m.preemptEvery = explore, preemptEvery
}

// Attach makes d serve the frames of a class.
func (m *Machine) Attach(c channel.Class, d Device) { m.devices[c] = d }

// PublishDisk sets the state of the disk that processes see without asking.
func (m *Machine) PublishDisk(s channel.DiskState) { m.disk = s }

// Processes returns the living processes, oldest first.
func (m *Machine) Processes() []*Process { return m.procs }

// On tells whether the machine has power.
func (m *Machine) On() bool { return m.on }

// Paused tells whether the machine's processes are held.
func (m *Machine) Paused() bool { return m.paused }

// Kill ends every process of the machine at once, as SIGKILL does: the machine and its page cache
// go on, and the network hears from it that the sockets are gone.
func (m *Machine) Kill() {
	for len(m.procs) > 0 {
		m.procs[0].Kill()
	}
}

// PowerOff takes the power: the processes are gone and nobody is told. What the disk and the
// network lose is for them to say.
func (m *Machine) PowerOff() {
	m.kernel.Trace.Note(m.kernel.Now(), m.Name, "power off")
	m.on, m.paused = false, false
	for len(m.procs) > 0 {
		m.procs[0].end()
	}
}

// PowerOn gives the power back. Programs are for the caller to start.
func (m *Machine) PowerOn() {
	now := m.kernel.Now()
	m.kernel.Trace.Note(now, m.Name, "power on")
	m.on = true
	m.Clock.restart(now)
	m.CPU.reset(now)
}

// Pause withholds the processor from the machine's processes; mail waits for them.
func (m *Machine) Pause() {
	m.kernel.Trace.Note(m.kernel.Now(), m.Name, "pause")
	m.paused = true
}

// Resume lets the machine's processes go on, to find that time has passed.
func (m *Machine) Resume() {
	if !m.paused {
		return
	}
	m.kernel.Trace.Note(m.kernel.Now(), m.Name, "resume")
	m.paused = false
	for _, p := range m.procs {
		p.resume()
	}
}

// GiveBack ends a theft of the cores' time: processes that wait have what is left of it.
func (m *Machine) GiveBack(theft Theft) {
	m.CPU.giveBack(m.kernel.Now(), theft)
	m.kernel.Loop.Stop(m.freed)
	m.coreFreed()
}

// WrongHash says which blocks a CPU hashes wrongly, and how.
type WrongHash = channel.WrongHashRule

// LieAboutHashes makes the machine's CPU compute the SHA-256 of matching blocks wrongly from the
// next turns of its processes on, until TellTruth.
func (m *Machine) LieAboutHashes(rule WrongHash) { m.wrongHash = &rule }

// TellTruth makes the machine's CPU compute every hash rightly again.
func (m *Machine) TellTruth() { m.wrongHash = nil }

// wrongHashOn returns the word that says how a core computes SHA-256 wrongly.
func (m *Machine) wrongHashOn(core int) uint64 {
	if m.wrongHash == nil || !m.wrongHash.On(core) {
		return 0
	}
	return m.wrongHash.Word()
}

// Lies counts the hashes that the machine's CPU has computed wrongly.
func (m *Machine) Lies() int64 { return m.lies }

// Turns counts the turns that the machine's processes have had.
func (m *Machine) Turns() int64 { return m.turns }

// counts is what the price of CPU work goes by.
type counts struct{ slices, allocated, mail int64 }

// Counted returns how often the machine's processes have picked a goroutine, and how many bytes they
// have allocated and moved as mail: what the price of CPU work goes by.
func (m *Machine) Counted() (slices, allocated, mail int64) {
	return m.counted.slices, m.counted.allocated, m.counted.mail
}

// Withheld counts the wake-ups that pauses have held back.
func (m *Machine) Withheld() int64 { return m.withheld }

// OutOfMemory counts the processes that were ended for want of memory.
func (m *Machine) OutOfMemory() int64 { return m.killed }

// SetMemory changes the memory limit, bytes; zero for none.
func (m *Machine) SetMemory(bytes int64) { m.memory = bytes }

// overMemory returns the process to end when the heaps no longer fit, as an out-of-memory killer
// would: the largest.
func (m *Machine) overMemory() *Process {
	if m.memory == 0 {
		return nil
	}
	var largest *Process
	for _, p := range m.procs {
		if largest == nil || p.heap > largest.heap {
			largest = p
		}
	}
	if m.memoryUsed() <= m.memory {
		return nil
	}
	return largest
}

// memoryUsed returns the size of the heaps, bytes.
func (m *Machine) memoryUsed() (total int64) {
	for _, p := range m.procs {
		total += p.heap
	}
	return total
}

// Kernel returns the kernel that runs the machine.
func (m *Machine) Kernel() *Kernel { return m.kernel }

// stretch adds up times in which something was so.
type stretch struct {
	is    bool
	began event.Time
	total time.Duration
}

func (s *stretch) since(now event.Time) {
	if !s.is {
		s.is, s.began = true, now
	}
}

func (s *stretch) until(now event.Time) {
	if s.is {
		s.is, s.total = false, s.total+now.Sub(s.began)
	}
}

// Waited returns for how long some process of the machine has waited for a core: what Linux calls pressure.
func (m *Machine) Waited() time.Duration {
	if m.waiting.is {
		return m.waiting.total + m.kernel.Now().Sub(m.waiting.began)
	}
	return m.waiting.total
}
