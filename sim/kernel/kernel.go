// Package kernel runs simulated machines: processes of real programs, built with the
// deterministic runtime (sim/detrt), that wake one at a time on virtual time.
//
// Invariants:
//   - One thing runs at a time: either the event loop or one process that has the turn.
//   - A seed decides everything: nothing here depends on real time, on the machine's speed, on
//     the order of a map or on another goroutine. Real time only bounds how long a process may
//     keep its turn.
//   - What a process sends takes effect when the CPU work before it is done, in the order in
//     which it was sent.
//   - No process outlives the kernel's thread, however that ends.
package kernel

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sort"
	"time"

	"golang.org/x/sys/unix"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// Config says how a kernel runs its machines.
type Config struct {
	Seed      uint64
	Trace     *Trace        // where events are noted; nil for a trace that only hashes
	Core      int           // the CPU core to run on; negative picks one
	HangLimit time.Duration // CPU time that a process may use in one turn; zero for 20 s
	Cost      Cost          // price of CPU work; zero for the default
	FreeCPU   bool          // CPU work takes no virtual time
	Quantum   time.Duration // virtual CPU time after which a busy process gives up its turn; zero for 1 ms

	// Unconfined lets processes make any system call; for the race detector, whose C library
	// needs more than the list.
	Unconfined bool

	Log    func(p *Process, line []byte) // takes the log lines of processes; nil drops them
	Record func(p *Process, line []byte) // takes the history lines of processes; nil drops them
	Died   func(Death)                   // told of each process that ended by itself or for its limits
}

// Kernel is the event loop with its machines. It belongs to one goroutine, which stays on its
// operating system thread from New to Close.
type Kernel struct {
	Loop     *event.Loop
	Trace    *Trace
	config   Config
	machines map[string]*Machine
	live     map[int]*Process // by operating system pid
	pids     uint64
	deaths   []Death
	fatal    error
	turns    int64
	spare    [][]byte
}

// New returns a kernel without machines. The calling goroutine must also call Run and Close.
func New(config Config) (*Kernel, error) {
	if config.HangLimit == 0 {
		config.HangLimit = 20 * time.Second
	}
	if config.Cost == (Cost{}) {
		config.Cost = defaultCost
	}
	if config.Quantum == 0 {
		config.Quantum = time.Millisecond
	}
	if config.FreeCPU {
		config.Cost, config.Quantum = Cost{}, 0
	}
	if config.Trace == nil {
		config.Trace = NewTrace(nil)
	}
	runtime.LockOSThread()
	if err := settle(config.Core); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return &Kernel{
		Loop:     event.NewLoop(config.Seed),
		Trace:    config.Trace,
		config:   config,
		machines: map[string]*Machine{},
		live:     map[int]*Process{},
	}, nil
}

// settle keeps this thread and the processes that it starts on one core, where a hand-over costs
// least, and gives them the same addresses in every run.
func settle(core int) error {
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("kernel: cannot read the thread's cores: %w", err)
	}
	var cores []int
	for i := 0; i < len(allowed)*64; i++ {
		if allowed.IsSet(i) {
			cores = append(cores, i)
		}
	}
	if core < 0 {
		core = unix.Getpid()
	}
	one.Set(cores[core%len(cores)])
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("kernel: cannot stay on a core: %w", err)
	}
	const addrNoRandomize = 0x0040000
	if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0); errno != 0 {
		return fmt.Errorf("kernel: cannot switch off address randomisation (in a container: allow the system call personality, as docker run --security-opt seccomp=unconfined does): %w", errno)
	}
	return nil
}

// Close ends every process that still lives. The calling goroutine's thread ends with it: it has
// been settled on a core.
func (k *Kernel) Close() {
	for _, p := range k.processes() {
		p.end()
	}
}

// Now returns the virtual time.
func (k *Kernel) Now() event.Time { return k.Loop.Now() }

// Turns returns how many times a process was given the turn.
func (k *Kernel) Turns() int64 { return k.turns }

// Deaths returns the processes that ended by themselves or for their limits, in order.
func (k *Kernel) Deaths() []Death { return k.deaths }

// Machine returns the machine of that name, or nil.
func (k *Kernel) Machine(name string) *Machine { return k.machines[name] }

// processes returns the living processes in the order in which they were started.
func (k *Kernel) processes() []*Process {
	all := make([]*Process, 0, len(k.live))
	for _, p := range k.live {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].pid < all[j].pid })
	return all
}

// Fail stops the run with an error: something happened that a run must not survive.
func (k *Kernel) Fail(err error) {
	if k.fatal == nil {
		k.fatal = err
		k.Trace.Note(k.Now(), "kernel", "stop: "+err.Error())
	}
}

// Unserved is the error of a run in which a process did what the simulator does not serve. All others say that the run could not be made.
type Unserved struct{ what string }

func (u *Unserved) Error() string { return u.what }

// ErrInterrupted is returned by Run when its context ends.
var ErrInterrupted = errors.New("interrupted")

// Run plays events until the virtual time is end, and returns early with an error if the run
// failed or the context ended.
func (k *Kernel) Run(ctx context.Context, end event.Time) error {
	done := ctx.Done()
	for n := 0; k.fatal == nil; n++ {
		if n&255 == 0 {
			select {
			case <-done:
				return ErrInterrupted
			default:
			}
		}
		next, ok := k.Loop.Next()
		if !ok || next > end {
			k.Loop.RunUntil(end)
			return nil
		}
		k.Loop.Step()
	}
	return k.fatal
}

// buffer returns an empty buffer that release may take back.
func (k *Kernel) buffer() []byte {
	if n := len(k.spare); n > 0 {
		b := k.spare[n-1]
		k.spare = k.spare[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 4096)
}

func (k *Kernel) release(b []byte) {
	if cap(b) <= 1<<18 && len(k.spare) < 64 {
		k.spare = append(k.spare, b)
	}
}

// die records that a process ended by itself or for its limits.
func (k *Kernel) die(d Death) {
	k.deaths = append(k.deaths, d)
	k.Trace.Note(d.At, d.Process, "died: "+d.Reason)
	if d.Escaped != "" {
		k.Fail(&Unserved{d.Process + " made a system call that the simulator does not serve: " + d.Escaped})
	}
	if k.config.Died != nil {
		k.config.Died(d)
	}
}

// Device is a part of a machine that its processes talk to.
type Device interface {
	// Handle takes a frame from a process. Its data is valid during the call only.
	Handle(g channel.Guest, f channel.Frame)
	// Gone says that a process ended while the machine went on.
	Gone(g channel.Guest)
}
