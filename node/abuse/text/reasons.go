package text

import (
	"cmp"
	"slices"
)

// Reason is a part of a score.
type Reason struct {
	What   string // a word as it stands in the text, in quotes, or what the text looks like
	Weight int64  // what it adds to the score, in millionths: positive speaks for spam
}

// Reasons says which parts of a text weigh most in its score, at most so many, the heaviest first. What four characters weigh counts with
// the word in which they begin, or before which. All reasons together are the score, but for rounding.
func (m *Model) Reasons(text string, most int) []Reason {
	d := newDocument(text)
	f := newFeatures(d, m.config.Bits)
	sums := map[string]int64{}
	traits := d.shape.traits()
	for _, x := range f.all {
		what := ""
		switch {
		case x.kind == shapes:
			what = traits[x.of].String()
		default:
			what = `"` + d.shown(d.words[x.of]) + `"`
		}
		sums[what] += int64(m.weights[x.index]) * f.values[x.kind]
	}
	var all []Reason
	for what, sum := range sums {
		if w := score(sum / one); w != 0 {
			all = append(all, Reason{what, w})
		}
	}
	slices.SortFunc(all, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(max(b.Weight, -b.Weight), max(a.Weight, -a.Weight)), cmp.Compare(a.What, b.What))
	})
	return all[:min(len(all), most)]
}
