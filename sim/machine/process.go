package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"picloud/node/host"
	"picloud/sim/channel"
)

// Processes is a process's way to start others on its machine.
type Processes struct {
	port    *Port
	mu      sync.Mutex
	waiting map[int64]chan int
	early   map[int64]int // ends that came before anybody asked
}

// NewProcesses returns the way to start processes through p.
func NewProcesses(p *Port) *Processes {
	s := &Processes{port: p, waiting: map[int64]chan int{}, early: map[int64]int{}}
	p.Handle(channel.ClassProcess, s.ended)
	return s
}

// Start starts a program, built with the deterministic runtime, on this machine.
func (s *Processes) Start(p host.Program) (host.Process, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	reply := s.port.Call(channel.Frame{Class: channel.ClassProcess, Op: channel.OpSpawn, Data: data})
	if reply.Err != 0 {
		return nil, fmt.Errorf("machine: start %s: %s: %w", p.Path, reply.Data, reply.Err)
	}
	return &process{s, reply.A}, nil
}

// process is one that this one has started.
type process struct {
	*Processes
	pid int64
}

// End ends the process. There are no signals by which it could be asked.
func (p *process) End(time.Duration) error {
	reply := p.port.Call(channel.Frame{Class: channel.ClassProcess, Op: channel.OpKill, A: p.pid})
	if reply.Err != 0 && !errors.Is(reply.Err, syscall.ESRCH) {
		return fmt.Errorf("machine: end process %d: %w", p.pid, reply.Err)
	}
	return nil
}

// Wait waits until the process has ended, and returns its exit status, -1 if it was made to end.
func (p *process) Wait(ctx context.Context) (int, error) {
	p.mu.Lock()
	if status, ok := p.early[p.pid]; ok {
		delete(p.early, p.pid)
		p.mu.Unlock()
		return status, nil
	}
	done := make(chan int, 1)
	if p.waiting[p.pid] != nil {
		p.mu.Unlock()
		return 0, errors.New("machine: somebody waits for this process already")
	}
	p.waiting[p.pid] = done
	p.mu.Unlock()
	select {
	case status := <-done:
		return status, nil
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.waiting, p.pid)
		p.mu.Unlock()
		return 0, ctx.Err()
	}
}

func (s *Processes) ended(f channel.Frame) {
	if f.Op != channel.OpEnded {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if done := s.waiting[f.A]; done != nil {
		delete(s.waiting, f.A)
		done <- int(f.B)
		return
	}
	s.early[f.A] = int(f.B)
}

// lines sends each write as lines of one operation.
type lines struct {
	port *Port
	op   uint8
}

func (l lines) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), channel.MaxData)
		l.port.Send(channel.Frame{Class: channel.ClassProcess, Op: l.op, Data: rest[:n]})
		rest = rest[n:]
	}
	return len(b), nil
}

// NewLog returns a logger whose lines the simulator keeps.
func NewLog(p *Port) *slog.Logger {
	return slog.New(slog.NewJSONHandler(lines{p, channel.OpLog}, nil))
}

// Record adds a line to the run's history.
func (p *Port) Record(line []byte) {
	lines{p, channel.OpRecord}.Write(line)
}
