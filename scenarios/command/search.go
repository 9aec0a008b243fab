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
	cuts  int // runs that may be played to leave out faults of a find; none if zero
}

func (e *effort) validate() error {
	if e.hunts < 1 || e.cuts < 0 {
		return errors.New("-hunts is at least 1, and -cuts is not negative")
	}
	return nil
}

// search is what it took to find a bug.
type search struct {
	seeds    []int    // that each hunt took
	finds    []uint64 // the seeds that showed it
	left, of int      // faults of the find that was cut down to the fewest, and before; of is zero if none was cut down
	cut      uint64   // which find that is
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
		s.finds = append(s.finds, found.Seed)
		from = found.Seed + 1
	}
	return first, s, nil
}

// cutFinds cuts the finds down, one after the other, until one has few faults: another seed may show the same with less.
func (e *effort) cutFinds(s *search, cut func(seed uint64) error) error {
	for _, seed := range s.finds {
		if err := cut(seed); err != nil || e.cuts == 0 || s.of > 0 && s.left <= few {
			return err
		}
	}
	return nil
}

// cut leaves out faults of a find, until no single one can be left out or the runs are spent.
func (e *effort) cut(ctx context.Context, s *search, job *shrink.Job) (*shrink.Found, error) {
	if e.cuts == 0 {
		return nil, nil
	}
	job.Seeds, job.Most, job.FaultsOnly = 2, e.cuts, true
	found, err := job.Shrink(ctx)
	if errors.Is(err, shrink.ErrPasses) { // a check that the search looks for and a run alone does not make
		return nil, nil
	}
	if err != nil {
		return found, err
	}
	if left := len(found.Run.Faults); s.of == 0 || left < s.left {
		s.left, s.of, s.cut = left, len(job.Run.Faults), job.Run.Seed
	}
	return found, nil
}

// median returns how many seeds the middle one of the hunts took.
func (s *search) median() int {
	sorted := slices.Sorted(slices.Values(s.seeds))
	return sorted[(len(sorted)-1)/2]
}

// size says to how many faults a find was cut down, and which if it is not the first: "2 of 41", "3 of 37 (seed 9)".
func (s *search) size() string {
	if s.of == 0 {
		return "-"
	}
	text := fmt.Sprintf("%d of %d", s.left, s.of)
	if s.cut != s.finds[0] {
		text += fmt.Sprintf(" (seed %d)", s.cut)
	}
	return text
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
