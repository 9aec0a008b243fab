package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/node/mutant"
	"picloud/reports"
	"picloud/scenarios/draw"
	"picloud/scenarios/hunt"
)

// drawnFile is the scenario that was drawn, in the folder of a run of picloud soak.
const drawnFile = "drawn.yaml"

const soakHelp = `soak [-minutes N] [-seed N] [-tiers NAMES] [-out FOLDER]

Draws clouds from a seed and plays them, for as long as is asked: how many machines, what they are and what they are wired to, groups,
cards, who asks them for something, and what goes wrong, with which limits. Each run is a process of its own, on all cores. It goes on after
a failure, keeps what a failing run left, with the scenario that was drawn, and prints the command that repeats it and the one that
cuts it down. At the end, also after Ctrl-C, it sums up as picloud sweep does, in the same files; a run that was
under way then is given up, and leaves nothing. A seed gives the same clouds each time.

Examples:
  picloud soak -minutes 60
  picloud soak -minutes 10 -tiers map,store
  picloud soak -seed 41 -runs 1               (plays one cloud again)`

// Soak draws scenarios and plays them until its time is over.
func Soak(ctx context.Context, args []string) error {
	f := flags("soak", soakHelp)
	minutes := f.Int("minutes", 10, "how long")
	first := f.Uint64("seed", 0, "of the first cloud; those that follow have the seeds that follow. If it is left out one is picked at random")
	runs := f.Int("runs", 100_000, "clouds at most")
	tiers := f.String("tiers", "", "what clouds are loaded through, separated by commas (default "+strings.Join(tierNames(), ",")+")")
	out := f.String("out", filepath.Join("out", "soak"), "the folder for the runs that did not pass")
	workers := f.Int("workers", runtime.NumCPU(), "runs at one time")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if err := errors.Join(between("soak", "minutes", *minutes, 1, 1e6), between("soak", "runs", *runs, 1, mostSeeds)); err != nil {
		return err
	}
	s := &soak{sweep: newSweep("soak", *out), tiers: draw.Tiers()}
	if *tiers != "" {
		s.tiers = nil
		for name := range strings.SplitSeq(*tiers, ",") {
			tier, err := tierOf(name)
			if err != nil {
				return err
			}
			s.tiers = append(s.tiers, tier)
		}
	}
	if err := s.remember(""); err != nil {
		return err
	}
	if err := handOver(ctx, false); err != nil {
		return err
	}
	var err error
	if s.program, err = os.Executable(); err != nil {
		return err
	}
	if !given(f, "seed") {
		*first = randomSeed()
	}
	fmt.Printf("clouds from seed %d on, for %d minutes\n", *first, *minutes)
	s.list, s.endless = hunt.Range(*first, *first+min(uint64(*runs)-1, math.MaxUint64-*first)), true
	s.may = draw.Kinds()
	limited, cancel := context.WithTimeout(ctx, time.Duration(*minutes)*time.Minute)
	defer cancel()
	return s.run(limited, *workers, s.play)
}

// soak is a sweep whose scenarios are drawn.
type soak struct {
	*sweep
	tiers []draw.Tier
}

// play draws a scenario and plays it. What passed, or was given up, is not kept.
func (s *soak) play(ctx context.Context, core int, seed uint64) (*reports.Result, error) {
	drawn, err := draw.Scenario(draw.FromSeed(seed), fmt.Sprintf("drawn-%d", seed), s.tiers...)
	if err != nil {
		return nil, err
	}
	folder := s.runFolder(seed)
	if err := vacant(folder, drawnFile); err != nil {
		return nil, err
	}
	file := filepath.Join(folder, drawnFile)
	if err := reports.WriteFile(file, drawn.Scenario.Text()); err != nil {
		return nil, err
	}
	r, err := runSeed(ctx, s.program, file, seed, folder, core)
	if err != nil && ctx.Err() == nil { // the simulator's own failure is one more
		r, err = &reports.Result{Scenario: drawn.Scenario.Name, Seed: seed, Verdict: reports.Fail, Replay: repeat(mutant.Planted, seed, file, "", "", ""),
			Checks: []reports.Check{{Name: "played", Status: reports.Fail, Detail: err.Error()}}}, nil
	}
	return s.keep(ctx, seed, r, err)
}

func tierNames() []string {
	var names []string
	for _, t := range draw.Tiers() {
		names = append(names, string(t))
	}
	return names
}

func tierOf(name string) (draw.Tier, error) {
	for _, t := range draw.Tiers() {
		if string(t) == name {
			return t, nil
		}
	}
	return "", fmt.Errorf("soak: there is no tier %q%s", name, chaos.DidYouMean(name, tierNames()))
}
