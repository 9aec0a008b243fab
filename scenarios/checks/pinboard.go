package checks

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Sessions judges whether answers were for those who asked, and whether nobody got into an account by trying passwords: it
// counts the answers that say for whom they are.
func Sessions(h history.History, minimum int) reports.Check {
	c := reports.Check{Name: "sessions", Status: reports.Pass}
	var harm wronged
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use {
			continue
		}
		if o.Use.Action == actStuff && o.Outcome == history.OK {
			harm.by(o)
			if c.Status == reports.Pass {
				c.Status, c.Detail = reports.Fail, fmt.Sprintf("the account of %s was taken over: %s", o.Key, o)
			}
		}
		if o.Use.As == "" {
			continue
		}
		c.Count++
		if o.Use.As == o.Use.User {
			continue
		}
		harm.by(o)
		if c.Status == reports.Pass {
			c.Status = reports.Fail
			c.Detail = fmt.Sprintf("%s asked and was answered as %s: %s", nobody(o.Use.User), o.Use.As, o)
		}
	}
	harm.into(&c)
	if c.Status == reports.Pass {
		c.Detail = fmt.Sprintf("%d answers were for those who asked", c.Count)
	}
	atLeast(&c, minimum, "answers to users who are logged in")
	return c
}

func nobody(name string) string {
	if name == "" {
		return "somebody who is not logged in"
	}
	return name
}

// Bounded judges whether what users read was so at some instant between the bound before they asked and the answer. It
// looks at profiles: at the posts that they list, and at whether the account is there. Guarded tells that posts with links or
// pictures may be left out for a moment, as nobody knows whether they are on a list.
func Bounded(h history.History, bound time.Duration, guarded bool, minimum int) reports.Check {
	c := reports.Check{Name: "bounded", Status: reports.Pass}
	b := boardOf(h)
	var harm wronged
	var oldest time.Duration
	for _, name := range b.names {
		a := b.account[name]
		for _, o := range a.reads {
			if o.Use.Fresh {
				continue
			}
			c.Count++
			oldest = max(oldest, o.Use.Age)
			why, _ := a.wrong(o, bound, guarded)
			if o.Use.Age > bound {
				why = fmt.Sprintf("it says that it is %s old", o.Use.Age)
			}
			if why == "" {
				continue
			}
			harm.by(o)
			if c.Status == reports.Pass {
				c.Status, c.Detail = reports.Fail, fmt.Sprintf("the profile of %s was seen as it was not in %s before %s: %s", name, bound, o, why)
			}
		}
	}
	harm.into(&c)
	if c.Status == reports.Pass {
		c.Detail = fmt.Sprintf("%d profiles were at most %s old, the oldest said %s", c.Count, bound, oldest)
	}
	atLeast(&c, minimum, "profiles that may have been kept in a cache")
	return c
}

// wrong says in what a profile differs from what was so at every instant from the bound before it was asked for, and returns what made it
// so; nothing if it does not differ. If some are left out, a post that has a link or a picture may be missing.
func (a *account) wrong(o *history.Operation, bound time.Duration, someLeftOut bool) (why string, made *history.Operation) {
	from := o.Call - bound
	if o.Use.Status == http.StatusNotFound {
		if a.there(from, o.Return) {
			return "the account was there", a.register
		}
		return "", nil
	}
	if a.gone(from) {
		return "the account was gone: " + a.leave.String(), a.leave
	}
	for _, entry := range o.Use.Seen {
		if id, _, _ := strings.Cut(entry, ":"); a.post(id) == nil {
			return fmt.Sprintf("a post is listed that %s never made: %s", o.Key, id), nil
		}
	}
	seen := shownPosts(o)
	leaving := bound > 0 && a.leave != nil && a.leave.Call <= o.Return // what may be old is read in parts: the user may still have been there, and the posts not
	for _, p := range a.posts {
		_, listed := seen[p.Use.ID]
		switch {
		case listed && p.Call > o.Return:
			return "a post is listed before it was made: " + p.String(), p
		case !listed && !o.Use.More && !leaving && a.rulings.shows(p, o.Use.User, from, o.Return) && !(someLeftOut && attached(p) && o.Use.User != o.Key):
			return "a post is missing: " + p.String(), p
		case listed && p.Outcome == history.Failed:
			return "a post is listed that was refused: " + p.String(), p
		}
	}
	return "", nil
}
