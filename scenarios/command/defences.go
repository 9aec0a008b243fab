package command

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/hunt"
)

const defencesHelp = `defences [-only NAMES] [-dear] [-out FOLDER]

Shows that each scenario sees what it is about. Its file says which defence that is, and which check fails, or which
alert fires, without it; within so many seeds. The defence is switched off in the nodes' configuration, or a
planted bug takes its place. Seeds are played without it until one shows it; with the defence that seed must pass. Where
either is not so, the scenario proves nothing, which is a failure. Scenarios whose runs take more than half a minute are
left out unless they are asked for. Works inside a checkout of the project only, as it builds planted bugs.

Examples:
  picloud defences
  picloud defences -only hung-pi,slow-server
  picloud defences -dear`

// Defences plays scenarios with what they are about and without it.
func Defences(ctx context.Context, args []string) error {
	f := flags("defences", defencesHelp)
	only := f.String("only", "", "the scenarios, separated by commas (default all)")
	dear := f.Bool("dear", false, "those whose runs take long, too")
	out := f.String("out", filepath.Join("out", "defences"), "the folder for what the runs leave")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	g := &gate{out: *out, workers: *workers, dear: *dear || *only != ""}
	names := scenarios.Names()
	if *only != "" {
		names = strings.Split(*only, ",") // which may be files of one's own
	}
	var list []defended
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			return fmt.Errorf("defences: %w", err)
		}
		list = append(list, defended{s, name})
	}
	var err error
	if g.root, err = checkout(); err != nil {
		return err
	}
	if g.program, err = simBuild(ctx, false); err != nil {
		return err
	}
	return g.all(ctx, list)
}

// defended is a scenario and where it was found: its name, or a file.
type defended struct {
	*scenarios.Scenario
	at string
}

// gate plays scenarios with their defences and without.
type gate struct {
	root, out string
	program   string // that has all defences
	workers   int
	dear      bool
}

func (g *gate) all(ctx context.Context, list []defended) error {
	fmt.Printf("%-15s %-24s %-20s %s\n", "scenario", "without it", "what shows it", "")
	shown, wanted := 0, 0
	for _, s := range list {
		said, ok, err := g.one(ctx, s)
		if err != nil {
			return err
		}
		off, what := "-", "-"
		if d := s.Defence; d != nil {
			off, what = d.Name(), d.Fails+d.Fires
			if g.dear || !d.Dear {
				wanted++
			}
		}
		if ok {
			shown++
		}
		fmt.Printf("%-15s %-24s %-20s %s\n", s.Name, off, what, said)
	}
	fmt.Printf("%d of %d scenarios that were played show the defence that they are about\n", shown, wanted)
	if shown < wanted {
		return Fail
	}
	return nil
}

// one plays a scenario both ways, and says whether it shows its defence.
func (g *gate) one(ctx context.Context, s defended) (said string, shown bool, err error) {
	d := s.Defence
	switch {
	case d == nil:
		return "not played: its file has no defence", false, nil
	case d.Dear && !g.dear:
		return "not played: its runs take long", false, nil
	}
	defer tell("")
	began := time.Now()
	without, args := g.program, []string{"-without", d.Off}
	if d.Mutant != "" {
		if without, err = planted(ctx, g.root, mutant.Name(d.Mutant)); err != nil {
			return "", false, err
		}
		without, args = filepath.Join(g.root, without), nil
	}
	built := time.Now()
	found, err := hunt.Hunt{Seeds: hunt.Range(1, uint64(d.Seeds)), Workers: g.workers, Wanted: d.Shown, Play: g.play(s, "without", without, args...)}.Run(ctx)
	if err != nil {
		return "", false, err
	}
	if found == nil {
		return fmt.Sprintf("NOT SHOWN within seeds 1 to %d", d.Seeds), false, nil
	}
	with, err := g.play(s, "with", g.program)(ctx, -1, found.Seed)
	if err != nil {
		return "", false, err
	}
	if with.Verdict != reports.Pass || d.Shown(with) {
		return fmt.Sprintf("WITH THE DEFENCE seed %d does not pass either: %s: %s", found.Seed, with.Verdict, with.Cause()), false, nil
	}
	return fmt.Sprintf("seed %d; with it that seed passes (%.0f s to play, %.0f s to build)", found.Seed, time.Since(built).Seconds(), built.Sub(began).Seconds()), true, nil
}

// play returns what plays a seed of a scenario with a build.
func (g *gate) play(s defended, way, program string, args ...string) player {
	return func(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
		tell("%s: %s it, seed %d", s.Name, way, seed)
		folder := filepath.Join(g.out, s.Name, way, strconv.FormatUint(seed, 10))
		return runSeed(ctx, program, s.at, seed, folder, core, args...)
	}
}
