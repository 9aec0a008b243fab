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

// Kept judges whether all that was acknowledged is there at the end, as it was posted: accounts, their posts, but for those that are held or
// blocked, which their authors alone see, and the pictures that these mention. It counts the posts of the profiles that somebody read
// from `final` on; accounts that nobody read, and pictures that nobody opened, make it inconclusive. What is not as it was posted fails
// it whenever it was shown, as nobody can change a post.
func Kept(h history.History, final time.Duration, minimum int) reports.Check {
	k := &keeper{board: boardOf(h), final: final, check: reports.Check{Name: "kept", Status: reports.Pass}}
	for _, name := range k.names {
		if a := k.account[name]; a.register != nil && a.register.Outcome == history.OK && a.register.Return <= final {
			k.look(name, a)
		}
	}
	k.compare(h)
	c := &k.check
	k.harm.into(c)
	switch {
	case c.Status == reports.Fail:
	case k.unseen != "":
		c.Status, c.Detail = reports.Inconclusive, fmt.Sprintf("nobody %s at the end", k.unseen)
	default:
		c.Detail = fmt.Sprintf("%d posts of %d accounts are there, and %d of their pictures, and %d accounts have left", c.Count, k.accounts-k.gone, k.pictures, k.gone)
	}
	atLeast(c, minimum, "acknowledged posts")
	return *c
}

// keeper looks for what is not there at the end, or not as it was.
type keeper struct {
	*board
	final  time.Duration
	check  reports.Check
	harm   wronged
	unseen string // what nobody did to see whether something is there

	accounts, gone, pictures int
}

// lost notes what somebody misses of an account, which was made by an operation, if it is known.
func (k *keeper) lost(a *account, made, o *history.Operation, format string, args ...any) {
	if made != nil {
		k.harm.promised(made.Return)
	}
	k.harm.at(a.register.Client, o.Return)
	if k.check.Status == reports.Pass {
		k.check.Status, k.check.Detail = reports.Fail, fmt.Sprintf(format, args...)
	}
}

// look judges an account by how it was seen at the end.
func (k *keeper) look(name string, a *account) {
	o := last(a.reads, k.final)
	if o == nil {
		if !a.register.Use.Attacker() { // whom nobody needs to look up
			k.unseen = "read the profile of " + name
		}
		return
	}
	k.accounts++
	for _, p := range a.posts {
		if o.Use.Status == http.StatusOK && a.rulings.shows(p, o.Use.User, o.Call, o.Return) {
			k.check.Count++
		}
	}
	if a.leave != nil {
		k.gone++
	}
	for _, o := range a.reads {
		if !o.Use.Fresh || o.Call < k.final || o.Use.More {
			continue
		}
		if why, made := a.wrong(o, 0, false); why != "" {
			k.lost(a, made, o, "the profile of %s at the end: %s; %s", name, why, o)
		}
	}
	k.album(a, o)
}

// album judges the pictures of the posts that a profile lists: those that it mentions were opened later. Where the post may have been
// blocked meanwhile, or its author may have left, they may be gone.
func (k *keeper) album(a *account, listed *history.Operation) {
	seen := shownPosts(listed)
	for _, p := range a.posts {
		mentioned, is := seen[p.Use.ID]
		if !is || p.Use.Action != actPhoto {
			continue
		}
		if mentioned == "" {
			k.lost(a, p, listed, "%s at the end: it is listed without its photo: %s; %s", postOf(p), p, listed)
			continue
		}
		for _, what := range strings.Split(mentioned, ":") {
			o := a.opening(p.Use.ID+":"+what, listed.Return)
			switch {
			case o == nil && !a.register.Use.Attacker():
				k.unseen = fmt.Sprintf("opened the %s of %s", what, postOf(p))
			case o == nil:
			case o.Use.Status != http.StatusNotFound:
				k.pictures++
			case a.there(listed.Call, o.Return) && a.rulings.shows(p, o.Use.User, listed.Call, o.Return):
				k.lost(a, p, o, "%s at the end: its %s is gone: %s; %s", postOf(p), what, p, o)
			}
		}
	}
}

// opening returns how somebody opened a picture from a time on, nil if nobody did.
func (a *account) opening(picture string, from time.Duration) *history.Operation {
	at := slices.IndexFunc(a.opened, func(o *history.Operation) bool { return o.Use.ID == picture && o.Call >= from })
	if at < 0 {
		return nil
	}
	return a.opened[at]
}

// compare looks for what was shown otherwise than it was posted.
func (k *keeper) compare(h history.History) {
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use {
			continue
		}
		for _, entry := range o.Use.Wrong {
			post, what, _ := strings.Cut(entry, ": ")
			author, _, _ := strings.Cut(post, "/")
			a := k.account[author]
			if a == nil || a.register == nil { // it is nobody's: then it is a wrong answer to who asked
				a = &account{register: o}
			}
			var made *history.Operation
			if at := slices.IndexFunc(a.posts, func(p *history.Operation) bool { return postOf(p) == post && p.Outcome == history.OK }); at >= 0 {
				made = a.posts[at]
			}
			k.lost(a, made, o, "%s is shown otherwise than it was posted: %s; %s", post, what, o)
		}
	}
}
