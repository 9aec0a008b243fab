// Package text tells spam from what people write, and learns online from texts that somebody has labelled.
//
// The model is linear over hashed features: words, four characters in a row, and what a text looks like. It learns by PA-II, the
// passive-aggressive algorithm with a soft margin: after each label the weights change as little as they must for the text to be on its
// side, and by less than that, because labels may be wrong (Crammer, Dekel, Keshet, Shalev-Shwartz and Singer, Online passive-aggressive
// algorithms, Journal of Machine Learning Research 7, 2006). Before a text is learned it is scored, and what honest texts scored then says
// where to draw the line (see Threshold).
//
// Invariants: a model is a function of its configuration and of the labels in their order, to the last bit and on every architecture: all
// arithmetic that reaches it is on integers. Its memory does not grow: 4 bytes for each weight and 8 for each score that is held, 1 MiB
// and 12 KiB by default. Work and memory of one text grow with its length, of which at most MostBytes count.
package text

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MostBytes is how much of a text is read. Refuse longer ones: what stands behind is not looked at.
const MostBytes = 64 << 10

// Sure is the score that the model is taught for spam; for what is none it is -Sure. Scores are in millionths of it: they mean the same in
// all models, old and new.
const Sure = 1_000_000

const (
	one  = 1 << 24       // one, in weights, values and margins
	most = 16 * one      // of a weight, so that no sum overflows
	soft = 3 * one       // 1/(2C) of PA-II: C = 1/6, by cross-validation (DESIGN.md, Abuse protection: texts)
	far  = 1 << 10 * one // of a margin
)

// format changes with everything that changes what a model is for the same labels.
const format = "text-1"

// Config says how large a model is.
type Config struct {
	Bits int // there are 1<<Bits weights, 10 to 24; zero: 18
	Held int // how many scores of honest texts are held, 100 to 4096: the last ones; zero: 1536
}

// Validate says what is wrong.
func (c Config) Validate() error {
	c = c.whole()
	switch {
	case c.Bits < 10 || c.Bits > 24:
		return fmt.Errorf("text: weights are counted by 10 to 24 bits, not %d", c.Bits)
	case c.Held < 100 || c.Held > 4096:
		return fmt.Errorf("text: 100 to 4096 scores are held, not %d", c.Held)
	}
	return nil
}

// whole returns the configuration with what stands for zeros.
func (c Config) whole() Config {
	if c.Bits == 0 {
		c.Bits = 18
	}
	if c.Held == 0 {
		c.Held = 1536
	}
	return c
}

// Label is a text, and what somebody says of it.
type Label struct {
	Text string
	Spam bool
}

// Model is what was learned. Texts can be scored at the same time, and not while one is learned.
type Model struct {
	config  Config
	weights []int32 // in 1/one
	held    held
	labels  [2]uint64 // how many were learned: of honest texts, of spam
}

// New returns a model that has learned nothing.
func New(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.whole()
	return &Model{config: c, weights: make([]int32, 1<<c.Bits), held: held{most: c.Held}}, nil
}

// Fold returns the model that labels make in their order. To forget a source, fold what the others said.
func Fold(c Config, labels iter.Seq[Label]) (*Model, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	for l := range labels {
		m.Learn(l.Text, l.Spam)
	}
	return m, nil
}

// Score says how much a text looks like spam, in millionths: about Sure for spam, about -Sure for what is none, 0 for what says nothing.
func (m *Model) Score(text string) int64 { return score(m.margin(m.features(text))) }

// Learn learns that a text is spam, or is none. Its score before that is held.
func (m *Model) Learn(text string, spam bool) {
	f := m.features(text)
	margin := m.margin(f)
	side := int64(1)
	if spam {
		m.labels[1]++
	} else {
		m.labels[0]++
		m.held.add(score(margin))
		side = -1
	}
	loss := one - side*margin // the hinge loss
	if loss <= 0 {
		return
	}
	step := side * (loss * one / (f.square + soft)) // PA-II's tau
	var change [kinds]int64
	for k, value := range f.values {
		change[k] = step * value / one
	}
	for _, x := range f.all {
		w := int64(m.weights[x.index]) + change[x.kind]
		m.weights[x.index] = int32(max(-most, min(w, most)))
	}
}

// Labels returns how many labels were learned.
func (m *Model) Labels() (honest, spam uint64) { return m.labels[0], m.labels[1] }

// Digest names what was learned: two models with one digest are equal. It also depends on the tables of Unicode that this program has,
// because models with other tables would learn differently.
func (m *Model) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d %d %d\n", format, unicode.Version, norm.Version, m.config, m.labels, m.held.scores)
	b := make([]byte, 0, 4*len(m.weights))
	for _, w := range m.weights {
		b = binary.LittleEndian.AppendUint32(b, uint32(w))
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

func (m *Model) features(text string) *features { return newFeatures(newDocument(text), m.config.Bits) }

// margin returns on which side of the line a text is, and how far from it, in 1/one.
func (m *Model) margin(f *features) int64 {
	var sums [kinds]int64
	for _, x := range f.all {
		sums[x.kind] += int64(m.weights[x.index])
	}
	margin := int64(0)
	for k, sum := range sums {
		margin += sum * f.values[k] / one
	}
	return max(-far, min(margin, far))
}

func score(margin int64) int64 { return margin * Sure / one }
