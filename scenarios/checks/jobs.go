package checks

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Jobs judges by their effects whether jobs that were enqueued by what was acknowledged were done, and their effects written
// once: mail to who registered, posts that are neither held nor blocked in the timelines of who follows and in no others, thumbnails of photos, the number of followers, and
// nothing of accounts that have left. It counts the effects that must be there, as users read them from `final` on: those of
// what was acknowledged `within` before that, which is how long jobs may take once everything is healed.
func Jobs(h history.History, final, within time.Duration, minimum int) reports.Check {
	c := reports.Check{Name: "jobs", Status: reports.Pass}
	l := &ledger{board: boardOf(h), final: final, settled: final - within}
	for _, name := range l.names {
		a := l.account[name]
		l.mail(name, a)
		l.timeline(name, a)
		l.profile(name, a)
	}
	c.Count = l.mails + l.entries + l.thumbnails + l.followers
	c.Detail = fmt.Sprintf("%d mails, %d entries of timelines, %d thumbnails and %d followers", l.mails, l.entries, l.thumbnails, l.followers)
	if len(l.wrong) > 0 {
		c.Status = reports.Fail
		c.Detail = fmt.Sprintf("%d effects are missing or were written twice; %s", len(l.wrong), strings.Join(l.wrong[:min(len(l.wrong), 5)], "\n"))
		l.harm.into(&c)
		return c
	}
	atLeast(&c, minimum, "effects of jobs")
	return c
}

type ledger struct {
	*board
	final   time.Duration
	settled time.Duration // what was acknowledged until then has had its effects at the end
	wrong   []string
	harm    wronged

	mails, entries, thumbnails, followers int
}

// miss notes what somebody misses, or has and should not have, and which operation had promised it, if one had.
func (l *ledger) miss(whose *account, promise *history.Operation, format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	if promise != nil {
		l.harm.promised(promise.Return)
	}
	if whose.register != nil {
		l.harm.at(whose.register.Client, l.final)
	}
}

// mail looks for the mail that greets whoever has registered: the sink may get it more than once, under one ID.
func (l *ledger) mail(name string, a *account) {
	var ids []string
	for _, m := range a.mails {
		if !slices.Contains(ids, m.Use.ID) {
			ids = append(ids, m.Use.ID)
		}
	}
	registered := a.register != nil && a.register.Outcome == history.OK
	switch {
	case registered && a.register.Return < l.settled && len(ids) == 0 && a.leave == nil: // who leaves at once gets none
		l.miss(a, a.register, "%s got no mail: %s", name, a.register)
	case len(ids) > 1:
		l.miss(a, a.register, "%s got %d mails, %v", name, len(ids), ids)
	case len(ids) == 1 && (a.register == nil || a.register.Outcome == history.Failed):
		l.miss(a, nil, "%s got mail and has not registered", name)
	case registered && len(ids) == 1:
		l.mails++
	}
}

// timeline looks for the posts of those whom somebody follows.
func (l *ledger) timeline(name string, a *account) {
	o := last(a.lines, l.final)
	if o == nil || o.Use.Status != http.StatusOK {
		return
	}
	times := map[string]int{}
	for _, entry := range o.Use.Seen {
		times[entry]++
		author, id, _ := strings.Cut(entry, "/")
		if times[entry] == 2 {
			l.miss(a, nil, "%s stands twice in the timeline of %s", entry, name)
		}
		if p := l.of(author).post(id); p == nil || p.Outcome == history.Failed {
			l.miss(a, nil, "%s stands in the timeline of %s, and %s never made it", entry, name, author)
		}
		if l.of(author).gone(o.Call) {
			l.miss(a, nil, "%s stands in the timeline of %s, and %s has left", entry, name, author)
		}
		if may, _ := a.following(author, l.settled); author != name && !may && !a.followed(author, l.settled, o.Return) {
			l.miss(a, nil, "%s stands in the timeline of %s, and %s does not follow %s", entry, name, name, author)
		}
	}
	since := l.cutAt(o)
	for _, author := range l.names {
		if !a.always(author, name) || l.account[author].leave != nil {
			continue
		}
		for _, p := range l.account[author].posts {
			if p.Call < since || !l.shows(p, name, l.settled, o.Return) || author != name && !l.account[author].reaches(p, a.follows[author][0], l.settled) {
				continue
			}
			if times[author+"/"+p.Use.ID] == 0 {
				l.miss(a, a.promise(p, author, name), "%s/%s is missing in the timeline of %s: %s", author, p.Use.ID, name, p)
			} else {
				l.entries++
			}
		}
	}
}

// longest is how many entries a timeline has at most; the oldest go (node/pinboard keeps as many).
const longest = 500

// cutAt returns before when posts may be gone from a timeline because it has become too long: 0 if it has not.
func (l *ledger) cutAt(o *history.Operation) time.Duration {
	if len(o.Use.Seen) < longest {
		return 0
	}
	author, id, _ := strings.Cut(o.Use.Seen[len(o.Use.Seen)-1], "/")
	if p := l.of(author).post(id); p != nil {
		return p.Return
	}
	return o.Call // of whom nobody knows
}

// promise returns what was acknowledged last of what promises that a post comes into the timeline of the account: the post, or that it
// follows the author.
func (a *account) promise(p *history.Operation, author, self string) *history.Operation {
	if author != self && a.follows[author][0].Return > p.Return {
		return a.follows[author][0]
	}
	return p
}

// brought is how many of their last posts people bring along when somebody begins to follow them.
const brought = 20

// reaches tells whether a post of the account certainly is in the timeline of who began to follow it then and has not ceased to:
// later posts come by themselves, and of earlier ones the last were brought along.
func (a *account) reaches(p, follow *history.Operation, settled time.Duration) bool {
	since := a.rulings.shownBy(p, settled)
	if since == nil {
		return false
	}
	if since.Call >= follow.Return {
		return true
	}
	later := 0 // posts that may be
	for _, q := range a.posts {
		if q != p && q.Outcome != history.Failed && q.Return > p.Call {
			later++
		}
	}
	return follow.Return <= settled && since.Return < follow.Call && later < brought
}

// always tells whether the account certainly followed an author since the first time that it said so. It sees its own posts.
func (a *account) always(author, self string) bool {
	f := a.follows[author]
	if author == self {
		return true
	}
	return len(f) > 0 && f[0].Outcome == history.OK && !slices.ContainsFunc(f, func(o *history.Operation) bool { return o.Use.Action == actUnfollow })
}

// profile looks for thumbnails, and at the number of followers.
func (l *ledger) profile(name string, a *account) {
	o := last(a.reads, l.final)
	if o == nil || o.Use.Status != http.StatusOK {
		return
	}
	seen := shownPosts(o)
	for _, p := range a.posts {
		if p.Use.Action != actPhoto || !l.shows(p, "", l.settled, o.Return) {
			continue
		}
		if seen[p.Use.ID] == "photo:thumb" {
			l.thumbnails++
		} else {
			l.miss(a, p, "the photo %s/%s has no thumbnail: %q", name, p.Use.ID, seen[p.Use.ID])
		}
	}
	least, most := 0, 0
	for _, other := range l.names {
		f := l.account[other]
		may, certainly := f.following(name, l.settled)
		_, still := f.following(name, o.Return)
		if f.leave == nil && certainly && still {
			least++
		}
		if (may || f.followed(name, l.settled, o.Return)) && !f.gone(l.settled) {
			most++
		}
	}
	if n := o.Use.Count; n < least || n > most {
		l.miss(a, nil, "%s has %d followers by the number that is shown, and %d to %d follow", name, n, least, most)
	}
	l.followers += least
}

// following tells whether the account may follow another one at a time, and whether it certainly does.
func (a *account) following(other string, at time.Duration) (may, certainly bool) {
	lateOn, lateOff := false, false // what was sent without an answer may be done behind what came after it
	for _, o := range a.follows[other] {
		is := o.Use.Action == actFollow
		if o.Call > at {
			break
		}
		if o.Outcome != history.OK || o.Use.Again {
			lateOn, lateOff = lateOn || is, lateOff || !is
		}
		if o.Outcome == history.OK && o.Return <= at {
			may, certainly = is, is
		} else {
			may, certainly = may || is, certainly && is
		}
	}
	return may || lateOn, certainly && !lateOff
}

// followed tells whether the account may have begun to follow another one within a time.
func (a *account) followed(other string, from, to time.Duration) bool {
	return slices.ContainsFunc(a.follows[other], func(o *history.Operation) bool {
		return o.Use.Action == actFollow && o.Return > from && o.Call <= to
	})
}
