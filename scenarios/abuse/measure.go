package abuse

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"time"

	"picloud/node/abuse/text"
)

// Aim says what is asked for, in parts per million.
type Aim struct {
	BlockPPM int `json:"block_ppm"` // of honest texts, blocked at most
	LeastPPM int `json:"least_ppm"` // of spam, caught at least
}

// Validate says what is wrong.
func (a Aim) Validate() error {
	switch {
	case a.BlockPPM < 1 || a.BlockPPM > mostBlocked:
		return fmt.Errorf("of honest texts, 1 to %d ppm may be blocked, not %d", mostBlocked, a.BlockPPM)
	case a.LeastPPM < 0 || a.LeastPPM > 1_000_000:
		return fmt.Errorf("of spam, 0 to 1000000 ppm must be caught, not %d", a.LeastPPM)
	}
	return nil
}

// mostBlocked is what is unsure at most: a text that is blocked counts among these.
const mostBlocked = 20_000

// Report is what was measured.
type Report struct {
	Aim        Aim             `json:"aim"`
	Train      Count           `json:"train"`
	Judged     Count           `json:"judged"`
	Digest     string          `json:"digest"` // of the model
	Thresholds text.Thresholds `json:"thresholds"`
	Outcome    Outcome         `json:"outcome"`
	CaughtPPM  int             `json:"caught_ppm"`
	BlockedPPM int             `json:"blocked_ppm"`
	Curve      []Point         `json:"curve"`
	Poison     Poison          `json:"poison"`
	Rival      *Rival          `json:"rival,omitempty"`
	Time       Time            `json:"time"` // differs from run to run, and all else does not
}

// Reached tells whether the aim is reached: with thresholds of the training part, and again after poison.
func (r *Report) Reached() bool {
	return r.Outcome.reaches(r.Aim) && r.Poison.Rebuilt && r.Poison.Ranking >= 0 && r.Poison.Online >= 0
}

// Time is the CPU time that things took on this machine.
type Time struct {
	Machine       string `json:"machine"`
	VerdictNs     int64  `json:"verdict_ns"` // a text of the judged part
	LearnNs       int64  `json:"learn_ns"`   // a label of the training part
	RebuildPer10k int64  `json:"rebuild_per_10k_labels_ms"`
}

// allowances are the points of the curve: how many honest texts may be blocked.
func allowances() []int { return []int{0, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000} }

// Measure learns the training part and judges the rest. Whoever tunes anything must use CrossValidate, which does not look at it.
func Measure(c *Corpus, aim Aim) (*Report, error) {
	m, err := text.Fold(text.Config{}, slices.Values(c.Train))
	if err != nil {
		return nil, err
	}
	judged := slices.Concat(c.Judged[:]...)
	r := &Report{Aim: aim, Train: count(c.Train), Judged: count(judged), Digest: m.Digest()}
	if r.Thresholds, err = m.Thresholds(text.Policy{BlockPPM: aim.BlockPPM}); err != nil {
		return nil, err
	}
	s := scored(m, judged)
	r.Outcome = outcome(s, r.Thresholds)
	r.CaughtPPM, r.BlockedPPM = r.Outcome.CaughtPPM(), r.Outcome.BlockedPPM()
	for _, may := range allowances() {
		r.Curve = append(r.Curve, ideal(s, may))
	}
	if r.Poison, err = poison(c, aim); err != nil {
		return nil, err
	}
	r.Time, err = clock(m, c.Train, judged)
	return r, err
}

// clock measures CPU times, over rounds that take half a second: others may use the machine too.
func clock(m *text.Model, train, judged []text.Label) (t Time, err error) {
	t.Machine = runtime.GOOS + "/" + runtime.GOARCH
	each := func(n int, round func()) int64 {
		began, rounds := cpu(), 0
		for ; rounds == 0 || cpu()-began < time.Second/2; rounds++ {
			round()
		}
		return (cpu() - began).Nanoseconds() / int64(rounds*n)
	}
	t.VerdictNs = each(len(judged), func() { scored(m, judged) })
	t.LearnNs = each(len(train), func() { _, err = text.Fold(text.Config{}, slices.Values(train)) })
	t.RebuildPer10k = t.LearnNs * 10_000 / 1_000_000
	return t, err
}

// cpu returns the CPU time of this process, the collector's included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprintf("abuse: this process cannot know its CPU time: %v", err)) // no such error is known on Linux
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Validation is what cross-validation inside the training part says.
type Validation struct {
	Outcome Outcome // with thresholds of what was learned
	Curve   []Point // the ideal one
}

// CrossValidate learns nine tenths of the training part and judges the tenth, ten times, in several orders. It never looks at what is
// judged in the end.
func CrossValidate(c *Corpus, aim Aim) (*Validation, error) {
	const orders, folds = 4, 10
	v := &Validation{}
	var all scores
	for order := range uint64(orders) {
		labels := slices.Clone(c.Train)
		rand.New(rand.NewPCG(order, 0)).Shuffle(len(labels), func(i, k int) { labels[i], labels[k] = labels[k], labels[i] })
		for fold := range folds {
			var learned, kept []text.Label
			for i, l := range labels {
				if i%folds == fold {
					kept = append(kept, l)
				} else {
					learned = append(learned, l)
				}
			}
			m, err := text.Fold(text.Config{}, slices.Values(learned))
			if err != nil {
				return nil, err
			}
			t, err := m.Thresholds(text.Policy{BlockPPM: aim.BlockPPM})
			if err != nil {
				return nil, err
			}
			s := scored(m, kept)
			v.Outcome.add(outcome(s, t))
			all.ham, all.spam = append(all.ham, s.ham...), append(all.spam, s.spam...)
		}
	}
	for _, may := range allowances() {
		v.Curve = append(v.Curve, ideal(all, may))
	}
	return v, nil
}
