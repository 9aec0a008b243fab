package command

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"picloud/reports"
)

// scores sums up what alerts made of the faults of many runs.
type scores struct {
	watched int // runs in which a monitor looked
	fired   int
	hidden  int
	kinds   map[string]*namings
	wrong   map[string]int // false alerts by name
	missed  []miss
}

// namings is how the faults of a kind were named that had to be.
type namings struct {
	after  []reports.Seconds
	missed int
}

// miss is a fault that had to be named and was not.
type miss struct {
	seed  uint64
	fault string
}

// add counts a run.
func (s *scores) add(r *reports.Result) {
	if r.Score == nil {
		return
	}
	if s.kinds == nil {
		s.kinds, s.wrong = map[string]*namings{}, map[string]int{}
	}
	s.watched++
	s.fired += r.Score.Fired
	s.hidden += r.Score.Hidden
	for i := range r.Faults {
		f := &r.Faults[i]
		if !f.Must || f.Named == nil && !f.Missed {
			continue
		}
		k := s.kinds[f.Kind]
		if k == nil {
			k = &namings{}
			s.kinds[f.Kind] = k
		}
		if f.Missed {
			k.missed++
			s.missed = append(s.missed, miss{r.Seed, f.Line()})
		} else {
			k.after = append(k.after, f.Named.After)
		}
	}
	for i := range r.Alerts {
		if a := &r.Alerts[i]; a.False {
			s.wrong[a.Name]++
		}
	}
}

// write says what it came to. It says nothing if nobody looked.
func (s *scores) write(w io.Writer) {
	if s.watched == 0 {
		return
	}
	named, all := 0, 0
	for _, k := range s.kinds {
		named += len(k.after)
		all += len(k.after) + k.missed
	}
	fmt.Fprintf(w, "\nRequired faults named by a right alert within time: %d of %d", named, all)
	if all > 0 {
		fmt.Fprintf(w, " (%d.%d %%)", named*100/all, named*1000/all%10)
	}
	fmt.Fprintf(w, "; %d more were hidden by others\n", s.hidden)
	for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
		k := s.kinds[kind]
		fmt.Fprintf(w, "  %-20s %5d of %5d", kind, len(k.after), len(k.after)+k.missed)
		if n := len(k.after); n > 0 {
			slices.Sort(k.after)
			fmt.Fprintf(w, ", median after %s, worst after %s", k.after[n/2], k.after[n-1])
		}
		fmt.Fprintln(w)
	}
	slices.SortStableFunc(s.missed, func(a, b miss) int { return cmp.Compare(a.seed, b.seed) })
	for _, m := range s.missed {
		fmt.Fprintf(w, "  missed: seed %d, %s\n", m.seed, m.fault)
	}
	wrong := 0
	for _, n := range s.wrong {
		wrong += n
	}
	fmt.Fprintf(w, "False alerts: %d of %d\n", wrong, s.fired)
	for _, name := range slices.Sorted(maps.Keys(s.wrong)) {
		fmt.Fprintf(w, "  %-30s %5d\n", name, s.wrong[name])
	}
}
