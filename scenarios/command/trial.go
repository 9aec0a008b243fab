package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
	"picloud/scenarios/trial"
)

// Trial runs scenarios with a defence of the cloud and without it, and compares what users felt.
func Trial(ctx context.Context, args []string) error {
	f := flags("trial", `trial -scenarios NAMES [-without DEFENCE] [-seeds LIST] [-out FOLDER]

Runs each scenario with each seed twice, with a defence of the nodes and without it, and compares what users
felt from the first fault on: time to recover, failed requests, bad seconds, latency, and whether anything that
was acknowledged was lost. Prints the medians over the seeds, and ends with status 1 if in one scenario the
defence does not make recovery or failures at least 30 % better, makes anything more than 5 % worse, or loses more.

Examples:
  picloud trial -scenarios hung-pi
  picloud trial -scenarios dead-fan,link-flap -without health -seeds 1-20`)
	names := f.String("scenarios", "", "the scenarios, separated by commas")
	without := f.String("without", "health", "the defence that is switched off: "+strings.Join(scenarios.Defences(), ", "))
	seeds := f.String("seeds", "1-20", seedsUsage)
	within := f.Duration("within", time.Second, "how long a request may take before it counts as failed")
	out := f.String("out", filepath.Join("out", "trial"), "the folder for what the runs leave, and the table")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	switch {
	case *names == "":
		return errors.New("trial: -scenarios NAMES is missing; picloud trial -h explains")
	case *without == "":
		return fmt.Errorf("trial: -without names what is switched off, one of %s", strings.Join(scenarios.Defences(), ", "))
	case *within <= 0:
		return fmt.Errorf("trial: -within is longer than nothing, not %s", *within)
	}
	list, err := seedList(*seeds)
	if err != nil {
		return err
	}
	t := &trials{folder: *out, defence: *without, seeds: list, workers: *workers, within: *within}
	for name := range strings.SplitSeq(*names, ",") {
		if _, err := load(name, *without); err != nil {
			return fmt.Errorf("trial: %w", err)
		}
		t.scenarios = append(t.scenarios, name)
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	if t.program, err = os.Executable(); err != nil {
		return err
	}
	return t.run(ctx)
}

// trials is trials under way.
type trials struct {
	program, folder, defence string
	scenarios                []string
	seeds                    []uint64
	workers                  int
	within                   time.Duration
	done                     int
}

func (t *trials) run(ctx context.Context) error {
	var table strings.Builder
	var verdict error
	for _, name := range t.scenarios {
		one, err := t.compare(ctx, name)
		if err != nil {
			return err
		}
		tell("")
		fmt.Println(one)
		fmt.Fprintln(&table, one)
		if helps, _ := one.Verdict(); !helps {
			verdict = Fail
		}
	}
	return cmp.Or(reports.WriteFile(filepath.Join(t.folder, reports.SummaryFile), []byte(table.String())), verdict)
}

// compare plays all seeds of a scenario both ways.
func (t *trials) compare(ctx context.Context, name string) (*trial.Trial, error) {
	with, err := t.play(ctx, name, "with")
	if err != nil {
		return nil, err
	}
	without, err := t.play(ctx, name, "without", "-without", t.defence)
	if err != nil {
		return nil, err
	}
	one := &trial.Trial{Scenario: name, Defence: t.defence}
	for _, seed := range t.seeds {
		one.Pairs = append(one.Pairs, trial.Pair{Seed: seed, With: with[seed], Without: without[seed]})
	}
	return one, nil
}

// play plays all seeds of a scenario one way.
func (t *trials) play(ctx context.Context, name, way string, args ...string) (map[uint64]trial.Impact, error) {
	var mu sync.Mutex
	felt := map[uint64]trial.Impact{}
	_, err := hunt.Hunt{Seeds: t.seeds, Workers: t.workers, Play: func(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
		folder := filepath.Join(t.folder, name, way, strconv.FormatUint(seed, 10))
		r, err := runSeed(ctx, t.program, name, seed, folder, core, args...)
		if err != nil {
			return nil, err
		}
		_, left, err := scenarios.LoadRun(folder)
		mu.Lock()
		defer mu.Unlock()
		felt[seed] = trial.Of(r, left.History, t.within)
		t.done++
		tell("%s %s: %d of %d runs", name, way, t.done, 2*len(t.seeds)*len(t.scenarios))
		return r, err
	}}.Run(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("trial: %s", name), err)
	}
	return felt, nil
}
