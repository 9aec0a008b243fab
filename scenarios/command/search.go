package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"picloud/reports"
	"picloud/scenarios/shrink"
)

// few is how many faults a person can think about at one time.
const few = 3

// effort is how much is done to measure how hard a bug is to find, and how small what shows it gets.
type effort struct {
	hunts int // each from the seed on that follows the last find
	cuts  int // runs that may be played to leave out faults; none if zero
}

func (e *effort) validate() error {
	if e.hunts < 1 || e.cuts < 0 {
		return errors.New("-hunts is at least 1, and -cuts is not negative")
	}
	return nil
}

// search is what it took to find a bug.
type search struct {
	seeds    []int // that each hunt took
	left, of int   // faults of the first find after it was cut down, and before; of is zero if it was not cut down
}

// search looks for runs, each time among the seeds that follow the last find, until there are enough finds or no seeds any more.
func (e *effort) search(most uint64, find func(from, to uint64) (*reports.Result, error)) (first *reports.Result, s search, err error) {
	for from := uint64(1); len(s.seeds) < max(1, e.hunts) && from <= most; {
		found, err := find(from, most)
		if err != nil || found == nil {
			return first, s, err
		}
		if first == nil {
			first = found
		}
		s.seeds = append(s.seeds, int(found.Seed-from+1))
		from = found.Seed + 1
	}
	return first, s, nil
}

// cut leaves out faults of a run, until no single one can be left out or the runs are spent.
func (e *effort) cut(ctx context.Context, s *search, job *shrink.Job) (*shrink.Found, error) {
	if e.cuts == 0 {
		return nil, nil
	}
	job.Seeds, job.Most, job.FaultsOnly = 2, e.cuts, true
	found, err := job.Shrink(ctx)
	if errors.Is(err, shrink.ErrPasses) { // a check that the search looks for and a run alone does not make
		return nil, nil
	}
	if err == nil {
		s.left, s.of = len(found.Run.Faults), len(job.Run.Faults)
	}
	return found, err
}

// median returns how many seeds the middle one of the hunts took.
func (s *search) median() int {
	sorted := slices.Sorted(slices.Values(s.seeds))
	return sorted[(len(sorted)-1)/2]
}

// size says to how many faults the find was cut down.
func (s *search) size() string {
	if s.of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", s.left, s.of)
}

// each lists how many seeds the hunts took: "1, 4, 2".
func (s *search) each() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(s.seeds), "[]"), " ", ", ")
}

// small sums up how many finds were cut down to few faults; empty if none was cut down.
func small(all []search) string {
	n, of := 0, 0
	for i := range all {
		if all[i].of > 0 {
			of++
			if all[i].left <= few {
				n++
			}
		}
	}
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("shrunk to ≤ %d faults: %d of %d", few, n, of)
}
