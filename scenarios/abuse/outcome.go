package abuse

import (
	"slices"

	"picloud/node/abuse/text"
)

// Outcome is what became of texts.
type Outcome struct {
	Count
	HamBlocked  int `json:"ham_blocked"`
	HamUnsure   int `json:"ham_unsure"`
	SpamBlocked int `json:"spam_blocked"`
	SpamUnsure  int `json:"spam_unsure"`
}

// CaughtPPM is the share of spam that was blocked.
func (o *Outcome) CaughtPPM() int { return ppm(o.SpamBlocked, o.Spam) }

// BlockedPPM is the share of honest texts that were blocked.
func (o *Outcome) BlockedPPM() int { return ppm(o.HamBlocked, o.Ham) }

// reaches tells whether enough is caught, and not too much blocked.
func (o *Outcome) reaches(a Aim) bool {
	return o.CaughtPPM() >= a.LeastPPM && o.BlockedPPM() <= a.BlockPPM
}

func (o *Outcome) add(p Outcome) {
	o.Ham += p.Ham
	o.Spam += p.Spam
	o.HamBlocked += p.HamBlocked
	o.HamUnsure += p.HamUnsure
	o.SpamBlocked += p.SpamBlocked
	o.SpamUnsure += p.SpamUnsure
}

// outcome returns what becomes of texts that have scores.
func outcome(s scores, t text.Thresholds) Outcome {
	tell := func(all []int64) (blocked, unsure int) {
		for _, score := range all {
			switch t.Verdict(score) {
			case text.Blocked:
				blocked++
			case text.Unsure:
				unsure++
			}
		}
		return blocked, unsure
	}
	o := Outcome{Count: Count{len(s.ham), len(s.spam)}}
	o.HamBlocked, o.HamUnsure = tell(s.ham)
	o.SpamBlocked, o.SpamUnsure = tell(s.spam)
	return o
}

// scores are those of labelled texts.
type scores struct{ ham, spam []int64 }

func scored(m *text.Model, labels []text.Label) (s scores) {
	for _, l := range labels {
		to := &s.ham
		if l.Spam {
			to = &s.spam
		}
		*to = append(*to, m.Score(l.Text))
	}
	return s
}

// Point is one of the ideal curve: what would be caught if the threshold were known that blocks as much as it may.
type Point struct {
	MayPPM     int `json:"may_ppm"` // of honest texts that may be blocked
	BlockedPPM int `json:"blocked_ppm"`
	CaughtPPM  int `json:"caught_ppm"`
}

// ideal returns a point of the curve.
func ideal(s scores, mayPPM int) Point {
	o := best(s, mayPPM)
	return Point{mayPPM, o.BlockedPPM(), o.CaughtPPM()}
}

// best returns the outcome with the lowest threshold that blocks no more than it may.
func best(s scores, mayPPM int) Outcome {
	ham := slices.Sorted(slices.Values(s.ham))
	may := len(ham) * mayPPM / 1_000_000
	above := int64(-text.Never)
	if may < len(ham) {
		above = ham[len(ham)-1-may] + 1
	}
	return outcome(s, text.Thresholds{Unsure: above, Block: above})
}

func ppm(part, of int) int {
	if of == 0 {
		return 0
	}
	return part * 1_000_000 / of
}
