package abuse

import (
	"fmt"
	"strings"
	"time"
)

// Table says the report for a person.
func (r *Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "learned           %d ham, %d spam\n", r.Train.Ham, r.Train.Spam)
	fmt.Fprintf(&b, "judged            %d ham, %d spam\n", r.Judged.Ham, r.Judged.Spam)
	fmt.Fprintf(&b, "thresholds        blocked from %d, unsure from %d (a million is sure spam)\n", r.Thresholds.Block, r.Thresholds.Unsure)
	told(&b, &r.Outcome)
	fmt.Fprintf(&b, "model             %s\n", r.Digest)
	curve(&b, r.Curve)
	p := &r.Poison
	fmt.Fprintf(&b, "\nafter %d labels of one source that lie: %s of spam caught, %s of ham blocked (%s caught with the best threshold)\n",
		p.Labels, percent(p.Poisoned.CaughtPPM()), percent(p.Poisoned.BlockedPPM()), percent(p.Ideal.CaughtPPM))
	fmt.Fprintf(&b, "rebuilt without that source: %s\n", map[bool]string{true: "equal to a model that never heard it, at once", false: "NOT equal to a model that never heard it"}[p.Rebuilt])
	fmt.Fprintf(&b, "going on with true labels: the aim is reached %s by its own threshold, %s by the best one\n", after(p.Online), after(p.Ranking))
	fmt.Fprintf(&b, "  %-8s %10s %10s %20s\n", "labels", "caught", "blocked", "caught at the best")
	for i, l := range p.Looks {
		if l.Labels%200 == 0 || i == len(p.Looks)-1 {
			fmt.Fprintf(&b, "  %-8d %10s %10s %20s\n", l.Labels, percent(l.Own.CaughtPPM), percent(l.Own.BlockedPPM), percent(l.BestPoint.CaughtPPM))
		}
	}
	t := &r.Time
	fmt.Fprintf(&b, "\nCPU time on this machine (%s): a verdict %s, a label learned %s, rebuilding from 10,000 labels %s\n",
		t.Machine, micro(t.VerdictNs), micro(t.LearnNs), time.Duration(t.RebuildPer10k)*time.Millisecond)
	verdict := "reached"
	if !r.Reached() {
		verdict = "NOT reached"
	}
	fmt.Fprintf(&b, "aim: %s of spam caught, %s of ham blocked: %s\n", percent(r.Aim.LeastPPM), percent(r.Aim.BlockPPM), verdict)
	return b.String()
}

// Table says for a person what cross-validation has shown.
func (v *Validation) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cross-validated   %d verdicts on ham, %d on spam, all of the part that is learned\n", v.Outcome.Ham, v.Outcome.Spam)
	told(&b, &v.Outcome)
	curve(&b, v.Curve)
	return b.String()
}

func told(b *strings.Builder, o *Outcome) {
	fmt.Fprintf(b, "caught            %s of spam (%d), and %d more are unsure\n", percent(o.CaughtPPM()), o.SpamBlocked, o.SpamUnsure)
	fmt.Fprintf(b, "blocked           %s of ham (%d), and %d more are unsure\n", percent(o.BlockedPPM()), o.HamBlocked, o.HamUnsure)
}

func curve(b *strings.Builder, points []Point) {
	fmt.Fprintf(b, "\nthe ideal curve   %10s %10s %10s\n", "may block", "blocked", "caught")
	for _, p := range points {
		fmt.Fprintf(b, "                  %10s %10s %10s\n", percent(p.MayPPM), percent(p.BlockedPPM), percent(p.CaughtPPM))
	}
}

func after(labels int) string {
	if labels < 0 {
		return "never"
	}
	return fmt.Sprintf("after %d labels", labels)
}

func percent(ppm int) string { return fmt.Sprintf("%.2f %%", float64(ppm)/10_000) }

func micro(ns int64) string { return fmt.Sprintf("%.1f µs", float64(ns)/1000) }
