package abuse

import (
	"cmp"
	"slices"

	"picloud/node/api"
)

// labels are a tenant's labels, as a mirror has told them. Which of them a model is made of follows from those that stand in the store and
// from nothing else: it does not matter when a server has started and what it was told at one time.
type labels struct {
	rows        map[string]labelled     // by key: of each source the last ones
	sources     map[string]*labelSource // by name
	distrusted  map[string]bool         // by the source's digest
	next        uint64                  // what was created before this revision was told
	most, block int
}

type labelled struct {
	Label
	key string
	at  uint64 // the revision in which it was said
}

// labelSource is who labels.
type labelSource struct {
	digest string
	said   int // labels that stand in the store
	here   int // of them in memory
}

const (
	// mostLabels is how many labels of a tenant a model is made of at most: the last ones that are trusted. The others lie in the store and
	// count for nothing.
	mostLabels = 50_000
	// labelBlock is how many of the oldest are left out at one time, as the model is made anew for that.
	labelBlock = 10_000
)

func newLabels() labels {
	return labels{rows: map[string]labelled{}, sources: map[string]*labelSource{}, distrusted: map[string]bool{}, most: mostLabels, block: labelBlock}
}

// clear forgets everything.
func (s *labels) clear() {
	most, block := s.most, s.block
	*s = newLabels()
	s.most, s.block = most, block
}

func (s *labels) source(name string) *labelSource {
	from := s.sources[name]
	if from == nil {
		from = &labelSource{digest: digest(name)}
		s.sources[name] = from
	}
	return from
}

// add takes note of a label that was told with news of all changes before next, and tells whether it was there before, with another word perhaps.
func (s *labels) add(r *api.Record, l *Label, next uint64) (again bool) {
	_, known := s.rows[r.Key]
	from := s.source(l.Source)
	again = known || r.Created < s.next // it may be one of those that were forgotten
	if !again && r.Created < next {
		from.said++
	}
	if r.Modified >= next {
		return false // it comes again, in its turn
	}
	if !known {
		from.here++
	}
	s.rows[r.Key] = labelled{*l, r.Key, r.Modified}
	if from.here > s.most+s.block {
		s.forget(l.Source)
	}
	return again
}

// remove takes note that there is no such label any more. Rules do that to none; of one that is not here nobody knows the source.
func (s *labels) remove(key string) {
	if l, known := s.rows[key]; known {
		from := s.source(l.Source)
		from.said--
		from.here--
		delete(s.rows, key)
	}
}

// forget keeps of a source no more than a model can be made of. So it does not matter which of the other sources will be trusted then.
func (s *labels) forget(name string) {
	all := s.sorted(func(l *labelled) bool { return l.Source == name })
	for i := range all[:len(all)-s.most] {
		delete(s.rows, all[i].key)
	}
	s.source(name).here = s.most
}

// leftOut returns how many labels whose sources are trusted stand in the store, and how many of them, the oldest, count for nothing.
func (s *labels) leftOut() (trusted, out int) {
	for _, from := range s.sources {
		if !s.distrusted[from.digest] {
			trusted += from.said
		}
	}
	if over := trusted - s.most; over > 0 {
		out = (over + s.block - 1) / s.block * s.block
	}
	return trusted, out
}

// behind returns the labels behind a revision whose sources are trusted, in their order, the last ones if there are too many.
func (s *labels) behind(revision uint64, most int) []labelled {
	all := s.sorted(func(l *labelled) bool { return l.at > revision && !s.distrusted[s.sources[l.Source].digest] })
	return all[max(0, len(all)-most):]
}

// sorted returns some labels in the order in which they were said.
func (s *labels) sorted(which func(*labelled) bool) []labelled {
	var all []labelled
	for _, l := range s.rows {
		if which(&l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b labelled) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) })
	return all
}
