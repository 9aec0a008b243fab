// Package runner runs a scenario in the simulated world and leaves its files: what happened first,
// then, from that alone, the judgement.
package runner

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/history"
	"picloud/sim/disk"
	"picloud/sim/event"
	"picloud/sim/kernel"
	"picloud/sim/net"
	"picloud/sim/world"
)

// TraceFile stands in a run's folder beside the files of packages scenarios and reports.
const TraceFile = "trace.txt.gz"

// Options says how to run a scenario.
type Options struct {
	Scenario *scenarios.Scenario
	Seed     uint64
	Program  string         // path of the program built with the deterministic runtime
	Schedule chaos.Schedule // in place of the scenario's own; nil for that
	Folder   string         // where the files go; empty for none
	NoTrace  bool           // leave the trace out
	Core     int            // CPU core to run on; negative picks one
	Race     bool           // the program was built with the race detector
	Replay   string         // the command that repeats the run, for the report
	Progress func(now, end time.Duration)
}

// Outcome is what a run came to.
type Outcome struct {
	Result   reports.Result
	Schedule chaos.Schedule
	Timing   reports.Timing
	Turns    int64
}

// Run runs a scenario, writes its files and judges it. An error means that the run could not be
// made or was interrupted, and that nothing was judged.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	began := time.Now()
	schedule, err := o.checked()
	if err != nil {
		return nil, err
	}
	r := &run{Options: o, faults: schedule, parts: o.Scenario.NewParts()}
	left, err := r.play(ctx)
	if err != nil {
		return nil, errors.Join(err, r.discard())
	}
	played := time.Now()
	out := &Outcome{Schedule: schedule, Turns: r.turns}
	if o.Folder != "" {
		if o.NoTrace { // that of an earlier run is none of this one's
			if err := reports.RemoveFile(filepath.Join(o.Folder, TraceFile)); err != nil {
				return nil, err
			}
		}
		if err := o.Scenario.Save(o.Folder, *left); err != nil {
			return nil, err
		}
	}
	if out.Result, err = o.judge(*left); err != nil {
		return nil, err
	}
	out.Timing = reports.Timing{WallSeconds: time.Since(began).Seconds(), CheckSeconds: time.Since(played).Seconds()}
	if o.Folder != "" {
		if err := reports.WriteTiming(o.Folder, out.Timing); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// judge judges the run, and writes its reports if it has a folder.
func (o *Options) judge(left scenarios.Run) (reports.Result, error) {
	if o.Folder != "" {
		return o.Scenario.JudgeInto(o.Folder, left)
	}
	return o.Scenario.Judge(left), nil
}

// Validate says why the scenario cannot be run, before anything is written.
func (o *Options) Validate() error {
	_, err := o.checked()
	return err
}

// checked returns the faults of the run, once everything that it needs is known to be there.
func (o *Options) checked() (chaos.Schedule, error) {
	schedule, err := o.schedule()
	return schedule, errors.Join(err, checkPrograms(o.Scenario))
}

func (o *Options) schedule() (chaos.Schedule, error) {
	if o.Schedule == nil {
		return o.Scenario.Schedule(event.NewLoop(o.Seed).Stream)
	}
	top := o.Scenario.ChaosTopology()
	if err := top.Check(o.Schedule); err != nil {
		return nil, fmt.Errorf("the schedule: %w", err)
	}
	if end, healed := o.Schedule.End(), o.Scenario.HealedAt(); end > healed {
		return nil, fmt.Errorf("the schedule goes on until %s, and everything must be healed at %s", end, healed)
	}
	return o.Schedule, nil
}

// run is a run under way.
type run struct {
	Options
	faults  chaos.Schedule
	parts   *scenarios.Parts
	history history.History
	log     bytes.Buffer
	trace   *traceFile
	turns   int64
	bad     error // the first line of history that could not be read
}

// play runs the world to its end.
func (r *run) play(ctx context.Context) (*scenarios.Run, error) {
	trace, err := r.openTrace()
	if err != nil {
		return nil, err
	}
	config, err := r.world(trace)
	if err != nil {
		return nil, err
	}
	w, err := world.New(config)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := w.Play(r.faults); err != nil {
		return nil, err
	}
	end := time.Duration(r.Scenario.Duration)
	for now := time.Duration(0); now < end && err == nil; {
		now = min(now+time.Second, end)
		err = w.Run(ctx, now)
		if r.Progress != nil {
			r.Progress(now, end)
		}
	}
	unserved := (*kernel.Unserved)(nil)
	if err != nil && !errors.As(err, &unserved) {
		return nil, err
	}
	if r.bad != nil {
		return nil, r.bad
	}
	r.turns = w.Kernel.Turns()
	left := r.left(w)
	if unserved != nil {
		left.Checks = append(left.Checks, reports.Check{Name: "confined", Status: reports.Fail, Count: 1, Detail: unserved.Error()})
	}
	if r.trace != nil {
		err = errors.Join(trace.Close(), r.trace.Close())
		return left, err
	}
	return left, nil
}

// left collects what the run left.
func (r *run) left(w *world.World) *scenarios.Run {
	left := &scenarios.Run{
		Seed:      r.Seed,
		TraceHash: w.Kernel.Trace.Hash(),
		Ended:     time.Duration(w.Kernel.Now()),
		Schedule:  r.faults,
		Replay:    r.Replay,
	}
	r.history.Sort()
	left.History = r.history
	left.Log = r.log.Bytes()
	other := false
	for _, p := range w.Played() {
		played := p.AsPlayed()
		left.Felt = append(left.Felt, p.Felt())
		left.Played = append(left.Played, played)
		other = other || played.String() != p.Fault.String()
	}
	if !other {
		left.Played = nil
	}
	for _, d := range w.Kernel.Deaths() {
		over := d.Status == 0
		if !over || !d.Child && r.Scenario.GoesOn(d.Machine) {
			left.Deaths = append(left.Deaths, reports.Death{Machine: d.Machine, At: reports.Seconds(d.At), Reason: d.Reason, Stack: d.Stack, Over: over})
		}
	}
	left.Boards = boardsOf(w)
	return left
}

// boardsOf returns what the boards of a world went through.
func boardsOf(w *world.World) reports.Boards {
	var all reports.Boards
	for _, b := range w.Boards() {
		one := reports.Board{Machine: b.Machine, Events: []reports.BoardEvent{}}
		for _, s := range b.Samples {
			one.MilliCelsius = append(one.MilliCelsius, s.MilliCelsius)
			one.Megahertz = append(one.Megahertz, s.Megahertz)
			one.Milliwatts = append(one.Milliwatts, s.Milliwatts)
			one.Millivolts = append(one.Millivolts, s.Millivolts)
		}
		for _, e := range b.Events {
			one.Events = append(one.Events, reports.BoardEvent{At: reports.Seconds(e.At), Kind: string(e.Kind), Machine: e.Machine})
		}
		all = append(all, one)
	}
	return all
}

// world describes the scenario's rack.
func (r *run) world(trace *kernel.Trace) (world.Config, error) {
	s := r.Scenario
	c := world.Config{
		Switches: s.Topology.Switches,
		Who:      r.parts.Who,
		Kernel: kernel.Config{
			Seed: r.Seed, Trace: trace, Core: r.Core, Unconfined: r.Race,
			Log: func(p *kernel.Process, line []byte) {
				fmt.Fprintf(&r.log, "%s %s %s", p.Machine().Kernel().Now(), p.Label(), line)
				r.parts.Hear(p.Machine().Name, line)
			},
			Record: func(p *kernel.Process, line []byte) { r.record(line) },
		},
	}
	if h := s.Hardware; h != nil {
		c.Hardware = world.Hardware{Shelves: map[string]world.Shelf{}}
		if h.Air != nil {
			c.Hardware.Air = new(int64(*h.Air) * 1000)
		}
		for name, shelf := range h.Shelves {
			c.Hardware.Shelves[name] = world.Shelf{Milliwatts: int64(shelf.Watts) * 1000, Closed: int64(shelf.Closed)}
		}
	}
	for i := range s.Topology.Machines {
		m := s.Topology.Machines[i]
		board, err := s.Twin(&m, event.NewLoop(r.Seed).Stream("board/"+m.Name).Uint64())
		if err != nil {
			return c, err
		}
		card, err := disk.ParseProfile(m.Card)
		if err != nil {
			return c, err
		}
		link, err := net.LinkOf(m.Link)
		if err != nil {
			return c, err
		}
		program, err := r.program(m)
		if err != nil {
			return c, err
		}
		c.Machines = append(c.Machines, world.Machine{
			Name: m.Name, Switch: m.Switch, Link: link, Card: card, Cores: m.Cores, MemoryBytes: int64(m.Memory),
			Program: program, Board: board,
		})
	}
	return c, nil
}

func (r *run) record(line []byte) {
	h, err := history.ReadFrom("history", bytes.NewReader(line))
	if err != nil && r.bad == nil {
		r.bad = fmt.Errorf("a client recorded what is not an operation: %w", err)
	}
	r.history = append(r.history, h...)
}

// traceFile is the compressed trace, under a name of its own until it is whole.
type traceFile struct {
	*gzip.Writer
	file *os.File
	path string
}

func (r *run) openTrace() (*kernel.Trace, error) {
	if r.Folder == "" {
		return kernel.NewTrace(nil), nil
	}
	if err := os.MkdirAll(r.Folder, 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(r.Folder, TraceFile+".*.part") // now, and not after the run, it shows whether anything can be written
	if err != nil {
		return nil, err
	}
	path := filepath.Join(r.Folder, TraceFile)
	if r.NoTrace {
		return kernel.NewTrace(nil), errors.Join(f.Close(), os.Remove(f.Name()))
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	r.trace = &traceFile{z, f, path}
	return kernel.NewTrace(z), nil
}

func (t *traceFile) Close() error {
	return errors.Join(t.Writer.Close(), t.file.Chmod(0o644), t.file.Close(), os.Rename(t.file.Name(), t.path))
}

// discard takes away what an interrupted run has begun to write, and its folder if nothing else is there.
func (r *run) discard() error {
	if r.trace != nil {
		r.trace.file.Close()
		if err := os.Remove(r.trace.file.Name()); err != nil {
			return err
		}
	}
	if r.Folder != "" {
		_ = os.Remove(r.Folder)
	}
	return nil
}

// ReadTrace opens the trace of a run.
func ReadTrace(folder string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(folder, TraceFile))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", strings.TrimSpace(f.Name()), err)
	}
	return z, nil
}
