package abuse

import (
	"slices"

	"picloud/node/abuse/text"
)

const (
	poisoned = 500 // labels that lie
	stride   = 50  // labels between two looks
)

// Poison is what labels do that lie, all of one source, and how a model comes back when they have ended.
//
// The model learns the training part, then 500 texts of it with the wrong label, every second of them spam. Then it learns true labels: one
// half of what is judged otherwise, while the other half is judged; then the same with the halves changed, and both are counted together.
type Poison struct {
	Labels   int     `json:"labels"`
	Poisoned Outcome `json:"poisoned"` // right after the lies
	Ideal    Point   `json:"ideal"`    // the best threshold then
	Rebuilt  bool    `json:"rebuilt"`  // folding the labels of the other sources gives the model as if there had been no lies
	// True labels until the aim is reached, and reached at all later looks: with the best threshold, and with the model's own. -1: never.
	Ranking int    `json:"labels_until_ranking"`
	Online  int    `json:"labels_until_threshold"`
	Looks   []Look `json:"looks"`
}

// Look is one at a model that recovers.
type Look struct {
	Labels    int   `json:"labels"` // true ones since the lies
	Own       Point `json:"own"`    // with the model's threshold
	BestPoint Point `json:"best"`
}

// poison measures.
func poison(c *Corpus, aim Aim) (Poison, error) {
	lies := flipped(c.Train)
	p := Poison{Labels: len(lies)}
	var halves [2][]look
	for half := range halves {
		var err error
		if halves[half], err = recovery(c, lies, half, aim); err != nil {
			return p, err
		}
	}
	p.Ranking, p.Online = -1, -1
	for i := range min(len(halves[0]), len(halves[1])) {
		own, best := halves[0][i].own, halves[0][i].best
		own.add(halves[1][i].own)
		best.add(halves[1][i].best)
		l := Look{i * stride, Point{aim.BlockPPM, own.BlockedPPM(), own.CaughtPPM()}, Point{aim.BlockPPM, best.BlockedPPM(), best.CaughtPPM()}}
		if i == 0 {
			p.Poisoned, p.Ideal = own, l.BestPoint
		}
		p.Looks = append(p.Looks, l)
		p.Ranking = since(p.Ranking, l.Labels, best.reaches(aim))
		p.Online = since(p.Online, l.Labels, own.reaches(aim))
	}
	var err error
	p.Rebuilt, err = rebuilt(c.Train, lies)
	return p, err
}

// since returns from when on something is so.
func since(before, now int, is bool) int {
	switch {
	case !is:
		return -1
	case before < 0:
		return now
	}
	return before
}

// flipped returns labels that lie: of spam and honest texts in turn, from the front, and again from the front when there are no more.
func flipped(train []text.Label) (lies []text.Label) {
	var kinds [2][]text.Label
	for _, l := range train {
		k := 0
		if l.Spam {
			k = 1
		}
		kinds[k] = append(kinds[k], text.Label{Text: l.Text, Spam: !l.Spam})
	}
	for i := range poisoned {
		of := kinds[i%2]
		lies = append(lies, of[i/2%len(of)])
	}
	return lies
}

// look is one at one half.
type look struct{ own, best Outcome }

// recovery learns what is true, what is not, and then one half, and judges the other.
func recovery(c *Corpus, lies []text.Label, half int, aim Aim) (looks []look, err error) {
	m, err := text.Fold(text.Config{}, slices.Values(slices.Concat(c.Train, lies)))
	if err != nil {
		return nil, err
	}
	for i, l := range c.Judged[half] {
		if i%stride == 0 {
			t, err := m.Thresholds(text.Policy{BlockPPM: aim.BlockPPM})
			if err != nil {
				return nil, err
			}
			s := scored(m, c.Judged[1-half])
			looks = append(looks, look{outcome(s, t), best(s, aim.BlockPPM)})
		}
		m.Learn(l.Text, l.Spam)
	}
	return looks, nil
}

// rebuilt tells whether folding the labels of all sources but the one that lied, which came between the others, gives the model that
// never heard the lies.
func rebuilt(train, lies []text.Label) (bool, error) {
	type sourced struct {
		text.Label
		lied bool
	}
	var feed []sourced
	for i := range max(len(train), len(lies)) {
		if i < len(train) {
			feed = append(feed, sourced{train[i], false})
		}
		if i < len(lies) {
			feed = append(feed, sourced{lies[i], true})
		}
	}
	again, err := text.Fold(text.Config{}, func(yield func(text.Label) bool) {
		for _, s := range feed {
			if !s.lied && !yield(s.Label) {
				return
			}
		}
	})
	if err != nil {
		return false, err
	}
	never, err := text.Fold(text.Config{}, slices.Values(train))
	return err == nil && again.Digest() == never.Digest(), err
}
