package checks

import (
	"fmt"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Vigilance is what is asked of abuse protection about spam.
type Vigilance struct {
	SharePPM int64         // of spam that others may have seen, at most, in parts per million
	Settle   time.Duration // how long after the moderators' last label the filter has learnt them
	Recovery time.Duration // how long after a lying feed is cut off the filter is as good as before
	Minimum  int           // posts of spam
}

// Caught judges whether spam is kept from others once moderators have taught the filter what it is, and, where a feed of labels began to
// lie, until then and again soon after it was cut off, both by themselves. It counts posts of spam: all but those that the cloud
// could not answer.
func Caught(h history.History, want Vigilance) reports.Check {
	c := reports.Check{Name: "caught", Status: reports.Pass}
	t := turnsOf(h)
	before := &phase{what: "once the filter was taught", from: t.taught + want.Settle, to: t.lies}
	after := &phase{what: "after the feed was cut off", from: t.cutOff + want.Recovery, to: forever}
	phases := []*phase{before}
	if t.lies < forever {
		phases = append(phases, after)
	}
	shown := showings(h)
	for i := range h {
		o := &h[i]
		if !isPost(o) || o.Use.Sort != history.SpamWave && o.Use.Sort != history.SlowDrip {
			continue
		}
		seen := len(shown[postOf(o)]) > 0 || o.Outcome == history.OK && o.Use.State == ""
		if !seen && o.Outcome != history.OK && !denied(o) {
			continue
		}
		for _, p := range phases {
			if o.Call >= p.from && o.Return <= p.to {
				p.spam.add(o, !seen)
			}
		}
	}
	for i, p := range phases {
		c.Count += p.spam.of
		if i > 0 {
			c.Detail += "; "
		}
		c.Detail += fmt.Sprintf("%s %d of %d posts of spam were kept from others", p.what, p.spam.good, p.spam.of)
	}
	for _, p := range phases {
		if p.spam.below(1_000_000 - want.SharePPM) {
			c.Status = reports.Fail
			c.Detail += fmt.Sprintf("; others may see %d ppm at most, and saw %s", want.SharePPM, p.spam.bad)
			return c
		}
		if p.spam.of < want.Minimum/len(phases) {
			c.Status = reports.Inconclusive
			c.Detail = fmt.Sprintf("saw %d posts of spam %s, the minimum is %d", p.spam.of, p.what, want.Minimum/len(phases))
			return c
		}
	}
	return c
}

// phase is a part of the run.
type phase struct {
	what     string
	from, to time.Duration
	spam     tally // that was kept from others
}

// turns is when what the filter learns from changed.
type turns struct {
	taught time.Duration // the moderators' last label was acknowledged
	lies   time.Duration // a feed labelled a text the wrong way round for the first time
	cutOff time.Duration // a moderator's word that a feed is not to be trusted was acknowledged
}

func turnsOf(h history.History) turns {
	t := turns{taught: forever, lies: forever, cutOff: forever / 2} // a phase after it may begin
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use || o.Outcome == history.Failed {
			continue
		}
		ok := o.Outcome == history.OK
		switch {
		case o.Use.Action == actDistrust && ok:
			t.cutOff = o.Return
		case o.Use.Action == actLabel && o.Use.Sort == history.Moderator && ok:
			t.taught = o.Return
		case o.Use.Action == actLabel && o.Use.Spam != (o.Use.ID == "spam"):
			t.lies = min(t.lies, o.Call)
		}
	}
	return t
}
