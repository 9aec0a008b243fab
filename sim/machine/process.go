package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

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

// Start starts a program, built with the deterministic runtime, on this machine and returns its
// number.
func (s *Processes) Start(path string, args []string, env map[string]string) (int64, error) {
	data, err := json.Marshal(map[string]any{"Path": path, "Args": args, "Env": env})
	if err != nil {
		return 0, err
	}
	reply := s.port.Call(channel.Frame{Class: channel.ClassProcess, Op: channel.OpSpawn, Data: data})
	if reply.Err != 0 {
		return 0, fmt.Errorf("machine: start %s: %s: %w", path, reply.Data, reply.Err)
	}
	return reply.A, nil
}

// Kill ends a process of this machine.
func (s *Processes) Kill(pid int64) error {
	reply := s.port.Call(channel.Frame{Class: channel.ClassProcess, Op: channel.OpKill, A: pid})
	if reply.Err != 0 {
		return fmt.Errorf("machine: kill process %d: %w", pid, reply.Err)
	}
	return nil
}

// Wait waits until a process that this one started has ended, and returns its exit status, -1
// for a signal.
func (s *Processes) Wait(ctx context.Context, pid int64) (int, error) {
	s.mu.Lock()
	if status, ok := s.early[pid]; ok {
		delete(s.early, pid)
		s.mu.Unlock()
		return status, nil
	}
	done := make(chan int, 1)
	if s.waiting[pid] != nil {
		s.mu.Unlock()
		return 0, errors.New("machine: somebody waits for this process already")
	}
	s.waiting[pid] = done
	s.mu.Unlock()
	select {
	case status := <-done:
		return status, nil
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, pid)
		s.mu.Unlock()
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
