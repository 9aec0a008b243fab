package kernel

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// Program is what a process runs: a program built with the deterministic runtime.
type Program struct {
	Path string
	Args []string          // without the program's own name
	Env  map[string]string // beside the fixed environment
}

// Process is one process of a simulated machine.
type Process struct {
	machine *Machine
	kernel  *Kernel
	pid     uint64 // of the run
	label   string // machine, incarnation: for the trace and for people
	os      *os.Process
	out     *os.File // what it writes to standard output and error
	block   []byte
	alive   bool
	parent  *Process // told when it ends; nil if the machine started it

	inbox   []byte // encoded frames that wait for the next turn
	wake    *event.Timer
	queued  bool       // for a core
	missed  bool       // a wake-up came while the machine was paused
	release event.Time // when the last of its output takes effect
	held    [][]byte   // output that came due while the machine was paused
	leaving bool       // it has had its last turn
	hung    bool       // because it kept that
	overdue bool       // its end came due while the machine was paused
	last    report     // at the end of the last turn
	heap    int64
}

// report is where a process stands at the end of a turn: totals since its start.
type report struct {
	nextTimer                                   int64
	runnable, slices, allocated, charged, draws uint64
	lied                                        uint64
}

// Start starts a program on the machine. It first runs when the loop gets to it.
func (m *Machine) Start(prog Program) (*Process, error) { return m.start(prog, nil) }

func (m *Machine) start(prog Program, parent *Process) (*Process, error) {
	k := m.kernel
	m.starts++
	k.pids++
	p := &Process{machine: m, kernel: k, pid: k.pids, alive: true, parent: parent, label: fmt.Sprintf("%s#%d", m.Name, m.starts)}
	if err := p.spawn(prog); err != nil {
		return nil, fmt.Errorf("kernel: cannot start %s on %s: %w", filepath.Base(prog.Path), m.Name, err)
	}
	rule := func(w channel.Word, v int64) { p.setWord(w, uint64(v)) }
	rule(channel.Turn, channel.TurnKernel)
	rule(channel.Seed, int64(k.Loop.Stream("process "+p.label).Uint64()))
	if m.explore {
		rule(channel.Explore, 1)
	}
	rule(channel.PID, int64(p.pid))
	rule(channel.PreemptEvery, m.preemptEvery)
	rule(channel.SliceCost, k.config.Cost.SliceNs)
	rule(channel.AllocCost, k.config.Cost.AllocNsKB)
	rule(channel.Quantum, int64(k.config.Quantum))
	if !k.config.Unconfined {
		rule(channel.Confined, 1)
	}
	m.procs = append(m.procs, p)
	k.live[p.os.Pid] = p
	k.Trace.Note(k.Now(), p.label, "start "+filepath.Base(prog.Path))
	p.wakeAt(k.Now())
	return p, nil
}

// spawn makes the shared block and starts the operating system's process, which waits for its
// first turn before it does anything.
func (p *Process) spawn(prog Program) error {
	fd, err := unix.MemfdCreate("picloud", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	block := os.NewFile(uintptr(fd), "block")
	defer block.Close()
	if err := block.Truncate(channel.Bytes); err != nil {
		return err
	}
	if p.block, err = unix.Mmap(fd, 0, channel.Bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return err
	}
	p.setWord(channel.Turn, channel.TurnKernel)
	outFD, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	p.out = os.NewFile(uintptr(outFD), "output")
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	p.os, err = os.StartProcess(prog.Path, append([]string{filepath.Base(prog.Path)}, prog.Args...), &os.ProcAttr{
		Dir:   "/",
		Env:   environment(p.machine.Name, prog.Env),
		Files: []*os.File{null, p.out, p.out, block},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		p.free()
	}
	return err
}

// environment is the same for every process of a machine, whatever the simulator was started
// with, because it can move the collector.
func environment(machine string, more map[string]string) []string {
	env := []string{channel.EnvMachine + "=" + machine, "TZ=UTC", "GOTRACEBACK=all", "GOGC=200", "HOME=/", "PWD=/",
		"GORACE=halt_on_error=1"}
	names := make([]string, 0, len(more))
	for name := range more {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		env = append(env, name+"="+more[name])
	}
	return env
}

func (p *Process) word(w channel.Word) uint64 { return binary.LittleEndian.Uint64(p.block[w:]) }

func (p *Process) setWord(w channel.Word, v uint64) { binary.LittleEndian.PutUint64(p.block[w:], v) }

func (p *Process) turn() *uint32 { return (*uint32)(unsafe.Pointer(&p.block[channel.Turn])) }

// PID returns the number of the process in the run.
func (p *Process) PID() uint64 { return p.pid }

// Machine returns the machine that the process runs on.
func (p *Process) Machine() *Machine { return p.machine }

// Label returns the name of the process in the trace: its machine and which start it is.
func (p *Process) Label() string { return p.label }

// Alive tells whether the process has not ended.
func (p *Process) Alive() bool { return p.alive }

// OSPid returns the operating system's number of the process.
func (p *Process) OSPid() int { return p.os.Pid }

// Post puts a frame into the process's mail and wakes it.
func (p *Process) Post(f channel.Frame) {
	if p.alive {
		p.PostLazy(f)
		p.wakeAt(p.kernel.Now())
	}
}

// PostLazy puts a frame into the process's mail for its next turn.
func (p *Process) PostLazy(f channel.Frame) {
	if !p.alive {
		return
	}
	if len(f.Data) > channel.MaxData {
		p.kernel.Fail(fmt.Errorf("kernel: a frame of %d bytes for %s is over the limit of %d",
			len(f.Data), p.label, channel.MaxData))
		return
	}
	n := len(p.inbox)
	size := f.Size()
	if cap(p.inbox)-n < size {
		grown := make([]byte, n, 2*cap(p.inbox)+size)
		copy(grown, p.inbox)
		p.inbox = grown
	}
	p.inbox = p.inbox[:n+size]
	f.Put(p.inbox[n:])
}

// Kill ends the process as SIGKILL does.
func (p *Process) Kill() {
	if p.alive {
		p.kernel.Trace.Note(p.kernel.Now(), p.label, "kill")
		p.end()
		p.gone(-1)
	}
}

// gone tells the devices, and the process that started this one, that it has ended with a status. What it has
// started ends with it.
func (p *Process) gone(status int) {
	for _, q := range slices.Clone(p.machine.procs) {
		if q.parent == p {
			q.Kill()
		}
	}
	for _, d := range p.machine.devices {
		if d != nil {
			d.Gone(p)
		}
	}
	if p.parent != nil {
		p.parent.Post(channel.Frame{Class: channel.ClassProcess, Op: channel.OpEnded, A: int64(p.pid), B: int64(status)})
	}
}

// end ends the operating system's process and takes it out of the run.
func (p *Process) end() {
	if !p.alive {
		return
	}
	p.os.Kill()
	p.wait()
	p.remove()
}

// wait waits for the operating system's process, which has ended or is about to.
func (p *Process) wait() *os.ProcessState {
	state, err := p.os.Wait()
	if err != nil {
		p.kernel.Fail(fmt.Errorf("kernel: cannot wait for %s: %w", p.label, err))
	}
	return state
}

// remove takes a process that has ended out of the run and frees what the kernel held for it.
func (p *Process) remove() {
	p.alive = false
	p.kernel.Loop.Stop(p.wake)
	delete(p.kernel.live, p.os.Pid)
	p.machine.procs = without(p.machine.procs, p)
	p.machine.queue = without(p.machine.queue, p)
	p.free()
}

// without returns a copy of list that lacks p, for somebody may be walking the list.
func without(list []*Process, p *Process) []*Process {
	var rest []*Process
	for _, q := range list {
		if q != p {
			rest = append(rest, q)
		}
	}
	return rest
}

func (p *Process) free() {
	if p.out != nil {
		p.out.Close()
	}
	if p.block != nil {
		unix.Munmap(p.block)
		p.block = nil
	}
	p.inbox, p.held = nil, nil
}
