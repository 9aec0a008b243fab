package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Candour is what is asked of abuse protection for people who mean well.
type Candour struct {
	PostsPPM   int64         // the share of their posts that others can see, in parts per million
	Within     time.Duration // this time
	EntriesPPM int64         // the share of their registrations and logins that are served
	Minimum    int           // posts, and as many registrations and logins
}

// Honest judges whether people who mean well get through: their posts are shown, and their registrations and logins served. What
// was not answered, or with an error of the cloud's own, does not count here: that is for Live and Served. The flash crowd is
// judged by itself too. It counts posts, or registrations and logins, whichever are fewer.
func Honest(h history.History, want Candour) reports.Check {
	c := reports.Check{Name: "honest", Status: reports.Pass}
	all := &reception{what: "honest people"}
	crowd := &reception{what: "the flash crowd"}
	shown := showings(h)
	var end time.Duration
	for i := range h {
		end = max(end, h[i].Return)
	}
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use || o.Use.Attacker() || o.Use.Sort == history.Moderator {
			continue
		}
		for _, r := range []*reception{all, crowd} {
			if r == all || o.Use.Sort == history.FlashCrowd {
				r.take(o, shown[postOf(o)], want.Within, end)
			}
		}
	}
	c.Count = min(all.posts.of, all.entries.of)
	c.Detail = all.String()
	if crowd.posts.of+crowd.entries.of > 0 {
		c.Detail += "; " + crowd.String()
	}
	for _, r := range []*reception{all, crowd} {
		if why := r.wrong(&want); why != "" {
			c.Status, c.Detail = reports.Fail, why+"; "+c.Detail
			return c
		}
	}
	atLeast(&c, want.Minimum, "honest posts, or registrations and logins")
	return c
}

// tally is how many of something went well, and the first that did not.
type tally struct {
	good, of int
	bad      *history.Operation
}

func (s *tally) add(o *history.Operation, good bool) {
	s.of++
	switch {
	case good:
		s.good++
	case s.bad == nil:
		s.bad = o
	}
}

func (s *tally) below(ppm int64) bool { return int64(s.good)*1_000_000 < ppm*int64(s.of) }

// reception is how people were received.
type reception struct {
	what           string
	posts, entries tally
}

// take counts an operation, of which others saw something at the times of shown.
func (r *reception) take(o *history.Operation, shown []time.Duration, within, end time.Duration) {
	if o.Outcome != history.OK && !denied(o) {
		return
	}
	switch {
	case o.Use.Action == actRegister || o.Use.Action == actLogin:
		r.entries.add(o, o.Outcome == history.OK)
	case isPost(o) && o.Outcome != history.OK:
		r.posts.add(o, false)
	case isPost(o):
		seen := o.Use.State == "" || slices.ContainsFunc(shown, func(at time.Duration) bool { return at <= o.Return+within })
		if seen || o.Return+within <= end {
			r.posts.add(o, seen)
		}
	}
}

// denied tells whether somebody was turned away, and not by an error of the cloud's own.
func denied(o *history.Operation) bool {
	return o.Outcome != history.OK && (o.Use.Refused || o.Use.Status/100 == 4)
}

func (r *reception) String() string {
	return fmt.Sprintf("of %s %d of %d posts were shown, and %d of %d registrations and logins served", r.what, r.posts.good, r.posts.of, r.entries.good, r.entries.of)
}

func (r *reception) wrong(want *Candour) string {
	switch {
	case r.posts.below(want.PostsPPM):
		return fmt.Sprintf("posts of %s are held or refused, and %d ppm of them are to be shown within %s: %s", r.what, want.PostsPPM, want.Within, r.posts.bad)
	case r.entries.below(want.EntriesPPM):
		return fmt.Sprintf("registrations and logins of %s are refused, and %d ppm of them are to be served: %s", r.what, want.EntriesPPM, r.entries.bad)
	}
	return ""
}

// showings returns when posts, AUTHOR/ID, were known to be visible to all: when others saw them, when their authors saw them neither held
// nor blocked, and when moderators had allowed them.
func showings(h history.History) map[string][]time.Duration {
	r := rulingsOf(h)
	times := map[string][]time.Duration{}
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use || o.Outcome != history.OK {
			continue
		}
		if o.Use.Action == actAllow {
			times[postOf(o)] = append(times[postOf(o)], o.Return)
		}
		for _, post := range shownIn(o) {
			author, id, _ := strings.Cut(post, "/")
			if r.moderators[o.Use.User] || author == o.Use.User && slices.Contains(o.Use.Held, id) {
				continue
			}
			times[post] = append(times[post], o.Return)
		}
	}
	return times
}
