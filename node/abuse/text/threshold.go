package text

import (
	"fmt"
	"math"
	"slices"
)

// held holds the scores that the last honest texts had before they were learned.
type held struct {
	most   int
	scores []int64
	next   int // the place of the oldest, once all are taken
}

func (h *held) add(score int64) {
	if len(h.scores) < h.most {
		h.scores = append(h.scores, score)
		return
	}
	h.scores[h.next] = score
	h.next = (h.next + 1) % h.most
}

// Never is a threshold that no score reaches.
const Never = math.MaxInt64

// confidence is how sure it is that no more honest texts reach a threshold than they may, in per cent.
const confidence = 90

// MostPPM is the largest share that a threshold can be asked for.
const MostPPM = 100_000

// Threshold returns the least score of which the model is 90 % sure that at most a share of honest texts reach it, in parts per million,
// 1 to MostPPM. It knows that from the scores that honest texts had before they were learned (Blum, Kalai and Langford, Beating the
// hold-out, COLT 1999, call that progressive validation), the last Config.Held of them. As many of these may reach it as the share allows:
// the limit of a binomial proportion (Clopper and Pearson, Biometrika 26, 1934). Who asks for 0.2 % needs 1151 honest labels; with less the
// answer is Never.
//
// It takes a sort of what is held: ask once for many texts.
func (m *Model) Threshold(ppm int) (int64, error) {
	if ppm < 1 || ppm > MostPPM {
		return Never, fmt.Errorf("text: a share of honest texts is 1 to %d ppm, not %d", MostPPM, ppm)
	}
	n := len(m.held.scores)
	may := allowed(n, ppm)
	if may < 0 {
		return Never, nil
	}
	sorted := slices.Sorted(slices.Values(m.held.scores))
	return sorted[n-1-may] + 1, nil
}

// allowed returns the largest number of n honest texts that may reach a threshold: if in truth more than the share reached it, so few
// would with a probability of at most 10 %. It is -1 if even none is too many.
//
// Products are converted before they are added: Go then never fuses the two, and the result is the same on each architecture.
func allowed(n, ppm int) int {
	p := float64(ppm) / 1e6
	term := 1.0 // the probability of exactly so many
	for range n {
		term *= 1 - p
	}
	sum, may := 0.0, -1
	for k := 0; k < n; k++ {
		if sum += term; 100*sum > 100-confidence {
			break
		}
		may = k
		term = float64(term * (float64(n-k) / float64(k+1)) * (p / (1 - p)))
	}
	return may
}

// Policy says how many honest texts may suffer, in parts per million.
type Policy struct {
	BlockPPM  int // may be blocked; zero: 2000
	UnsurePPM int // may be held back for somebody to look at, those included that are blocked; zero: 20,000
}

// Validate says what is wrong.
func (p Policy) Validate() error {
	p = p.whole()
	if p.BlockPPM < 1 || p.BlockPPM > p.UnsurePPM || p.UnsurePPM > MostPPM {
		return fmt.Errorf("text: %d ppm blocked and %d ppm unsure are not 1 to %d, in this order", p.BlockPPM, p.UnsurePPM, MostPPM)
	}
	return nil
}

func (p Policy) whole() Policy {
	if p.BlockPPM == 0 {
		p.BlockPPM = 2000
	}
	if p.UnsurePPM == 0 {
		p.UnsurePPM = 20_000
	}
	return p
}

// Verdict says what becomes of a text.
type Verdict string

// The verdicts.
const (
	Clean   Verdict = "clean"
	Unsure  Verdict = "unsure"
	Blocked Verdict = "blocked"
)

// Thresholds are the scores from which on a text is unsure, or blocked.
type Thresholds struct{ Unsure, Block int64 }

// Thresholds returns what a policy comes to. Nothing is blocked that the model does not take for spam, however rare it is: a model that has
// seen no spam blocks nothing.
func (m *Model) Thresholds(p Policy) (Thresholds, error) {
	if err := p.Validate(); err != nil {
		return Thresholds{}, err
	}
	p = p.whole()
	block, err := m.Threshold(p.BlockPPM)
	if err != nil {
		return Thresholds{}, err
	}
	unsure, err := m.Threshold(p.UnsurePPM)
	block = max(block, 1)
	return Thresholds{Unsure: min(unsure, block), Block: block}, err
}

// Verdict says what becomes of a text with a score.
func (t Thresholds) Verdict(score int64) Verdict {
	switch {
	case score >= t.Block:
		return Blocked
	case score >= t.Unsure:
		return Unsure
	}
	return Clean
}
