package shelf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"picloud/node/host/orders"
)

// Keeper keeps processes running, and breaks them as it is ordered: kill and pause, cpu-slow (factor) and memory-limit
// (limit), each of the machine From.
//
// A process that was killed is not started before that is healed. One that was stopped goes on when that is healed,
// whatever became of the one who ordered it; and it does not outlive the keeper.
type Keeper struct {
	mu    sync.Mutex
	wards map[string]*ward
}

// ward is a machine whose process is kept.
type ward struct {
	mu      sync.Mutex
	changed chan struct{} // closed when something changes
	process *os.Process   // nil while none runs
	down    faults        // for which none is started
	stopped faults        // for which it stands still
	killed  bool          // this process was killed by a fault
	waits   bool          // one is to be started, and is held back
}

// faults are some that stand, by what counts how often each was felt.
type faults map[*atomic.Int64]bool

// feel counts once for each.
func (f faults) feel() {
	for felt := range f {
		felt.Add(1)
	}
}

// of returns the ward of a machine.
func (k *Keeper) of(name string) *ward {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wards == nil {
		k.wards = map[string]*ward{}
	}
	if k.wards[name] == nil {
		k.wards[name] = &ward{changed: make(chan struct{}), down: faults{}, stopped: faults{}}
	}
	return k.wards[name]
}

// Life is how a process ended.
type Life struct {
	Err    error // as exec.Cmd.Wait returns it
	Killed bool  // by a fault
}

// Once runs a machine's process for one life: it waits until it may be started, and runs it with a function that tells when it has started.
func (k *Keeper) Once(ctx context.Context, name string, run func(started func(*os.Process)) error) Life {
	w := k.of(name)
	if !w.await(ctx) {
		return Life{Err: ctx.Err()}
	}
	err := run(w.started)
	w.mu.Lock()
	defer w.mu.Unlock()
	killed := w.killed && DiedOfKill(err)
	w.process, w.killed = nil, false
	return Life{err, killed}
}

// await waits until a process may be started, and says whether one is to be.
func (w *ward) await(ctx context.Context) bool {
	for {
		w.mu.Lock()
		down, changed := len(w.down), w.changed
		w.waits = down > 0
		for felt := range w.down {
			felt.CompareAndSwap(0, 1) // that no process ran when it began is no reason for it not to be felt
		}
		w.mu.Unlock()
		if down == 0 {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// started takes a process that has begun.
func (w *ward) started(p *os.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
	if len(w.down) > 0 && w.kill() { // it was ordered in between
		w.down.feel()
		return
	}
	if len(w.stopped) > 0 && w.signal(syscall.SIGSTOP) {
		w.stopped.feel()
	}
}

// signal sends a signal to the process, if one runs, and says whether it did. The lock is held.
func (w *ward) signal(s syscall.Signal) bool {
	return w.process != nil && w.process.Signal(s) == nil
}

// kill ends the process, if one runs, and says whether it did. The lock is held.
func (w *ward) kill() bool {
	if !w.signal(syscall.SIGKILL) {
		return false
	}
	w.killed = true
	return true
}

func (w *ward) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// DiedOfKill says whether a process ended by SIGKILL.
func DiedOfKill(err error) bool {
	exit, is := errors.AsType[*exec.ExitError](err)
	if !is {
		return false
	}
	status, is := exit.Sys().(syscall.WaitStatus)
	return is && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Serve takes orders at a Unix socket, until the server is closed.
func (k *Keeper) Serve(socket string) (*orders.Server, error) {
	return orders.Serve(socket, orders.New(k.Apply, orders.Lease))
}

// Apply begins a fault.
func (k *Keeper) Apply(o orders.Order) (orders.Effect, error) {
	k.mu.Lock()
	_, known := k.wards[o.From]
	k.mu.Unlock()
	if !known {
		return orders.Effect{}, fmt.Errorf("no process of %.80q is kept here", o.From)
	}
	w := k.of(o.From)
	switch o.Kind {
	case "kill":
		return w.holdDown(), nil
	case "pause":
		return w.holdStill(), nil
	case "cpu-slow":
		return w.again(func(over <-chan struct{}, felt *atomic.Int64) { w.slow(o.Params["factor"], over, felt) }), nil
	case "memory-limit":
		return w.again(func(over <-chan struct{}, felt *atomic.Int64) { w.limit(o.Params["limit"], over, felt) }), nil
	}
	return orders.Effect{}, orders.Unknown(o.Kind)
}

func (w *ward) holdDown() orders.Effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	felt := &atomic.Int64{}
	if w.down[felt] = true; w.kill() || w.waits {
		felt.Add(1)
	}
	return orders.Effect{
		Heal: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.down, felt)
			w.tell()
		},
		Felt: felt.Load,
	}
}

func (w *ward) holdStill() orders.Effect {
	felt := &atomic.Int64{}
	w.stop(felt)
	return orders.Effect{Heal: func() { w.goOn(felt) }, Felt: felt.Load}
}

// stop has the process stand still for a fault, and counts that if one runs.
func (w *ward) stop(felt *atomic.Int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped[felt] = true; w.signal(syscall.SIGSTOP) {
		felt.Add(1)
	}
}

func (w *ward) goOn(felt *atomic.Int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if delete(w.stopped, felt); len(w.stopped) == 0 {
		w.signal(syscall.SIGCONT)
	}
}

// again has a function break the process again and again, until it is healed.
func (w *ward) again(breaks func(over <-chan struct{}, felt *atomic.Int64)) orders.Effect {
	over, ended := make(chan struct{}), make(chan struct{})
	felt := &atomic.Int64{}
	go func() {
		defer close(ended)
		breaks(over, felt)
	}()
	return orders.Effect{Heal: func() { close(over); <-ended }, Felt: felt.Load}
}

// slice is how long a slow process runs until it stands still, and how often the memory of a limited one is looked at.
const slice = 10 * time.Millisecond

// pass waits, and says whether the time passed before a fault was over.
func pass(d time.Duration, over <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-over:
		return false
	}
}

// slow has the process run for one slice of each as many as the factor says.
func (w *ward) slow(factor int64, over <-chan struct{}, felt *atomic.Int64) {
	for pass(slice, over) {
		w.stop(felt)
		more := pass(slice*time.Duration(factor-1), over)
		w.goOn(felt)
		if !more {
			return
		}
	}
}

// limit kills the process when it holds more memory than it may.
func (w *ward) limit(most int64, over <-chan struct{}, felt *atomic.Int64) {
	for pass(slice, over) {
		w.mu.Lock()
		if w.process != nil && !w.killed && resident(w.process.Pid) > most && w.kill() {
			felt.Add(1)
		}
		w.mu.Unlock()
	}
}

// resident returns how many bytes of memory a process holds, 0 if it is not there.
func resident(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "statm"))
	if err != nil {
		return 0
	}
	var total, pages int64
	if _, err := fmt.Sscan(string(text), &total, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
