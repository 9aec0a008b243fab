package abuse

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"picloud/node/api"
	"picloud/node/mirror"
)

// The sizes of a window in tests.
const (
	testMost  = 50
	testBlock = 10
)

// learner is a server's model that is told of rows in batches.
type learner struct {
	*texts
	next    uint64                // all before this revision was told
	pending map[string]api.Record // rows that have changed since; empty ones have gone
}

func newLearner() *learner {
	x := newTexts(&Tenant{Name: "shop", Texts: tenant("shop").Texts}, newMetrics())
	x.labels.most, x.labels.block = testMost, testBlock
	return &learner{texts: x, pending: map[string]api.Record{}}
}

// shelf is rows as a store has them, and servers that learn of them.
type shelf struct {
	t        *testing.T
	rules    *Rules
	rows     map[string]api.Record
	revision uint64
	learners []*learner
}

func (s *shelf) put(key string, v any) {
	s.revision++
	r := api.Record{Key: key, Value: encode(v), Created: s.revision, Modified: s.revision, Version: 1}
	if was, is := s.rows[key]; is {
		r.Created, r.Version = was.Created, was.Version+1
	}
	s.rows[key] = r
	for _, l := range s.learners {
		l.pending[key] = r
	}
}

func (s *shelf) remove(key string) {
	s.revision++
	delete(s.rows, key)
	for _, l := range s.learners {
		l.pending[key] = api.Record{}
	}
}

// tell tells a server of all that has changed up to a revision. Of later rows it is told as well, and again later, as mirrors do.
func (s *shelf) tell(l *learner, next uint64) {
	news := mirror.News{Next: next}
	for _, key := range slices.Sorted(maps.Keys(l.pending)) {
		r := l.pending[key]
		if r.Modified == 0 {
			news.Gone = append(news.Gone, key)
		} else {
			news.Rows = append(news.Rows, r)
		}
		if r.Modified < next {
			delete(l.pending, key)
		}
	}
	l.next = next
	l.told(news)
	l.learn(s.t.Context())
}

// start begins a server, which reads all rows. Those that have changed since a revision it is told of again.
func (s *shelf) start(next uint64) *learner {
	l := newLearner()
	l.next = next
	rows := slices.SortedFunc(maps.Values(s.rows), func(a, b api.Record) int { return cmp.Compare(a.Key, b.Key) })
	for _, r := range rows {
		if r.Modified >= next {
			l.pending[r.Key] = r
		}
	}
	l.told(mirror.News{Anew: true, Rows: rows, Next: next})
	l.learn(s.t.Context())
	s.learners = append(s.learners, l)
	return l
}

// same compares the models of all servers, and of one that starts now, once each was told of everything.
func (s *shelf) same(step int) {
	s.t.Helper()
	for _, l := range s.learners {
		s.tell(l, s.revision+1)
	}
	fresh := s.start(s.revision + 1)
	s.learners = s.learners[:len(s.learners)-1]
	for i, l := range s.learners {
		if l.model.Digest() != fresh.model.Digest() {
			s.t.Fatalf("after step %d server %d has another model than one that starts now: of %v labels, and not of %v", step, i, sizes(l), sizes(fresh))
		}
	}
}

func sizes(l *learner) [2]uint64 {
	honest, spam, _ := l.size()
	return [2]uint64{honest, spam}
}

// TestModelsAreTheSameBeyondTheMostLabels, whenever servers have started and in which batches they were told: of labels, of some that are said again
// with another word, and of sources that are distrusted and trusted again. And servers do not remember all labels that there ever were.
func TestModelsAreTheSameBeyondTheMostLabels(t *testing.T) {
	for seed := range uint64(2) {
		luck := rand.New(rand.NewPCG(seed, 0))
		rules, err := NewRules(nil, "shop")
		if err != nil {
			t.Fatal(err)
		}
		s := &shelf{t: t, rules: rules, rows: map[string]api.Record{}}
		s.start(1)
		s.start(1)
		sources := []string{"anna", "ben", "mallory"}
		for step := range 400 {
			source := sources[luck.IntN(len(sources))]
			n := step
			if luck.IntN(4) == 0 {
				n = luck.IntN(step + 1) // it may have been said before
			}
			l := Label{Source: source, Text: fmt.Sprintf("text %d is word%d and word%d", n, n%17, n%23), Spam: luck.IntN(2) == 0}
			s.put(rules.key(rowLabel, digest(l.Source+"\x00"+l.Text)), l)
			if luck.IntN(30) == 0 {
				key := rules.key(rowDistrust, digest(source))
				if _, is := s.rows[key]; is {
					s.remove(key)
				} else {
					s.put(key, Line{})
				}
			}
			if s.tell(s.learners[0], s.revision+1); luck.IntN(7) == 0 {
				s.tell(s.learners[1], max(s.learners[1].next, s.revision-uint64(luck.IntN(3))))
			}
			switch luck.IntN(40) {
			case 0:
				s.same(step)
			case 1:
				s.start(max(1, s.revision-uint64(luck.IntN(3))))
				s.learners = slices.Delete(s.learners, 1, 2)
			}
		}
		s.same(400)
		for i, l := range s.learners {
			if n := len(l.labels.rows); n > len(sources)*(testMost+testBlock) {
				t.Errorf("server %d remembers %d labels", i, n)
			}
		}
	}
}
