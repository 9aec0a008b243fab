package kernel

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// never is a timer that will not come due within a run.
const never = event.Time(1 << 62)

// wakeAt asks for a turn at time t, unless one comes sooner or the last one is over.
func (p *Process) wakeAt(t event.Time) {
	if p.leaving {
		return
	}
	loop := p.kernel.Loop
	if p.wake != nil {
		if p.wake.When() <= t {
			return
		}
		loop.Stop(p.wake)
	}
	p.wake = loop.At(t, p.woken)
}

// woken queues the process for a core.
func (p *Process) woken() {
	p.wake = nil
	if !p.alive {
		return
	}
	if !p.queued {
		p.queued = true
		p.machine.queue = append(p.machine.queue, p)
	}
	p.machine.dispatch()
}

// dispatch runs the processes that are queued for a core, first come first served, as long as one
// is free.
func (m *Machine) dispatch() {
	now := m.kernel.Now()
	for len(m.queue) > 0 {
		p := m.queue[0]
		start := m.CPU.next(now, p.core())
		if start > now && !m.paused {
			if m.freed == nil {
				m.freed = m.kernel.Loop.At(start, m.coreFreed)
			}
			m.waiting.since(now)
			return
		}
		m.queue = m.queue[:copy(m.queue, m.queue[1:])]
		p.queued = false
		if m.paused {
			p.missed = true
			m.withheld++
			continue
		}
		p.run(now)
	}
	m.waiting.until(now)
}

func (m *Machine) coreFreed() {
	m.freed = nil
	m.dispatch()
}

// resume delivers what came due during a pause.
func (p *Process) resume() {
	held := p.held
	p.held = nil
	for _, out := range held {
		p.deliver(out)
	}
	if p.overdue {
		p.finish()
	}
	if p.missed {
		p.missed = false
		p.wakeAt(p.kernel.Now())
	}
}

// run gives the process one turn at the present time.
func (p *Process) run(now event.Time) {
	k, m := p.kernel, p.machine
	k.turns++
	m.turns++
	p.setWord(channel.Clock, uint64(m.Clock.Mono(now)))
	p.setWord(channel.Wall, uint64(m.Clock.wallOffset))
	core := m.CPU.pick(p.core())
	p.setWord(channel.WrongHash, m.wrongHashOn(core))
	p.setWord(channel.DiskFree, uint64(m.disk.Free))
	p.setWord(channel.DiskFlags, uint64(m.disk.Flags))
	p.setWord(channel.CPUBusy, uint64(m.CPU.busyNs))
	p.setWord(channel.MemoryUsed, uint64(m.memoryUsed()))
	p.setWord(channel.MemoryLimit, uint64(m.memory))
	p.setWord(channel.Cores, uint64(len(m.CPU.free)))
	in := p.handMail()
	how := p.giveTurn()
	r := p.report()
	out := append(k.buffer(), p.block[channel.Out:channel.Out+p.word(channel.OutBytes)]...)
	p.setWord(channel.OutBytes, 0)
	k.Trace.turn(now, p, in, out, r)
	end := m.CPU.use(core, now, p.cost(r, len(in)+len(out)))
	m.lies += int64(r.lied - p.last.lied)
	p.last = r
	p.release = max(p.release, end)
	if how != handedOver {
		p.leave(out, how == hung)
		return
	}
	if len(out) > 0 {
		k.Loop.At(p.release, func() { p.deliver(out) })
	} else {
		k.release(out)
	}
	p.heap = int64(p.word(channel.HeapLive))
	if victim := m.overMemory(); victim != nil {
		victim.outOfMemory(now)
	}
	if p.alive {
		p.again(r, end)
	}
}

// again asks for the next turn: as soon as a core is free for a process that is still busy or has
// mail, else when its next timer is due.
func (p *Process) again(r report, end event.Time) {
	m := p.machine
	switch {
	case r.runnable > 1:
		p.wakeAt(m.CPU.next(p.kernel.Now(), p.core()))
	case r.runnable == 1:
		p.wakeAt(end)
	case len(p.inbox) > 0:
		p.wakeAt(p.kernel.Now())
	}
	if r.nextTimer != 0 && r.runnable == 0 {
		if t := m.Clock.When(r.nextTimer); t < never {
			p.wakeAt(t)
		}
	}
}

// core returns the core on which the process wants its turns.
func (p *Process) core() int { return int(p.word(channel.OnCore)) + anyCore }

// Rearm asks again for the turns of all processes, after the machine's clock was changed.
func (m *Machine) Rearm() {
	for _, p := range m.procs {
		if p.last.nextTimer != 0 {
			p.wakeAt(max(m.Clock.When(p.last.nextTimer), m.kernel.Now()))
		}
	}
}

// handMail moves whole frames from the inbox to the shared block, as many as fit, and returns
// them. A process that has not yet taken the mail of an earlier turn gets none.
func (p *Process) handMail() []byte {
	if len(p.inbox) == 0 || p.word(channel.InBytes) != 0 {
		return nil
	}
	n := len(p.inbox)
	if n > channel.AreaBytes {
		n = 0
		for {
			_, size, err := channel.Take(p.inbox[n:])
			if err != nil || n+size > channel.AreaBytes {
				break
			}
			n += size
		}
	}
	in := p.block[channel.In : channel.In+n]
	copy(in, p.inbox)
	p.inbox = p.inbox[:copy(p.inbox, p.inbox[n:])]
	p.setWord(channel.InBytes, uint64(n))
	return in
}

func (p *Process) report() report {
	return report{
		nextTimer: int64(p.word(channel.NextTimer)),
		runnable:  p.word(channel.Runnable),
		slices:    p.word(channel.Slices),
		allocated: p.word(channel.Allocated),
		charged:   p.word(channel.Charged),
		draws:     p.word(channel.Draws),
		lied:      p.word(channel.Lied),
	}
}

// cost counts the work of the turn that ended with r, and returns its CPU time, in ns on a core at
// full speed.
func (p *Process) cost(r report, mail int) int64 {
	slices, allocated := int64(r.slices-p.last.slices), int64(r.allocated-p.last.allocated)
	n := &p.machine.counted
	n.slices += slices
	n.allocated += allocated
	n.mail += int64(mail)
	c := p.kernel.config.Cost
	ns := slices*c.SliceNs + allocated*c.AllocNsKB>>10 + int64(mail)*c.MailNsKB>>10
	return ns + int64(r.charged-p.last.charged)
}

// deliver gives what a process sent in one turn to the devices, unless the process has ended
// before it came so far.
func (p *Process) deliver(out []byte) {
	if !p.alive {
		return
	}
	if p.machine.paused {
		p.held = append(p.held, out)
		return
	}
	for b := out; len(b) > 0 && p.alive; {
		f, n, err := channel.Take(b)
		if err != nil {
			p.kernel.Fail(&Unserved{p.label + " sent a malformed frame"})
			return
		}
		b = b[n:]
		if f.Class == channel.ClassProcess {
			p.serve(f)
		} else if d := p.machine.devices[f.Class]; d != nil {
			d.Handle(p, f)
		} else {
			p.kernel.Fail(&Unserved{fmt.Sprintf("%s spoke to a device of class %d that %s does not have", p.label, f.Class, p.machine.Name)})
		}
	}
	p.kernel.release(out)
}

// serve answers the frames that are for the kernel itself.
func (p *Process) serve(f channel.Frame) {
	k := p.kernel
	switch f.Op {
	case channel.OpLog:
		k.Trace.Data(k.Now(), p.label, "log", f.Data)
		if k.config.Log != nil {
			k.config.Log(p, f.Data)
		}
	case channel.OpRecord:
		k.Trace.Data(k.Now(), p.label, "record", f.Data)
		if k.config.Record != nil {
			k.config.Record(p, f.Data)
		}
	case channel.OpSpawn:
		reply := channel.Frame{Class: f.Class, Op: channel.OpReply, ID: f.ID}
		prog, err := parseProgram(f.Data)
		if err == nil {
			var child *Process
			if child, err = p.machine.start(prog, p); err == nil {
				reply.A = int64(child.pid)
			}
		}
		if err != nil {
			reply.Err = syscall.ENOENT
			reply.Data = []byte(err.Error())
		}
		p.Post(reply)
	case channel.OpKill:
		reply := channel.Frame{Class: f.Class, Op: channel.OpReply, ID: f.ID, Err: syscall.ESRCH}
		for _, q := range p.machine.procs {
			if q.pid == uint64(f.A) {
				q.Kill()
				reply.Err = 0
				break
			}
		}
		p.Post(reply)
	default:
		k.Fail(&Unserved{fmt.Sprintf("%s sent an unknown operation %d", p.label, f.Op)})
	}
}

// outcome is how a turn came to its end.
type outcome int

const (
	handedOver outcome = iota
	ended              // the process exited, crashed, or said that it is about to
	hung               // it kept its turn, and the kernel made it end
)

// giveTurn lets the process run until it hands over or ends.
func (p *Process) giveTurn() outcome {
	const look = 20 * time.Millisecond // how often to see whether the process has ended unasked
	turn := p.turn()
	atomic.StoreUint32(turn, channel.TurnProcess)
	futexWake(turn)
	looks, began := 0, time.Duration(-1)
	for atomic.LoadUint32(turn) != channel.TurnKernel {
		if !futexWait(turn, channel.TurnProcess, look) {
			continue
		}
		if exited(p.os.Pid) {
			return ended
		}
		used := cpuTime(p.os.Pid)
		if began < 0 {
			began = used
		}
		// A process that waits for something real uses no CPU time, so looks count as well.
		looks++
		if used-began > p.kernel.config.HangLimit || looks > int(10*p.kernel.config.HangLimit/look) {
			p.quit()
			return hung
		}
	}
	if p.word(channel.Exited) != 0 {
		return ended
	}
	return handedOver
}

// exited tells whether a child has ended, and leaves it to be waited for.
func exited(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}

// quit makes a process that keeps its turn print its stacks and end.
func (p *Process) quit() {
	p.os.Signal(syscall.SIGQUIT)
	for range 250 {
		if exited(p.os.Pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.os.Kill()
}
