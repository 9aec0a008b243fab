package checks

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"picloud/scenarios/history"
)

// The actions of users that checks look at, and what the sink for mail records.
const (
	actRegister  = "register"
	actLeave     = "leave"
	actPost      = "post"
	actPhoto     = "photo"
	actProfile   = "profile"
	actTimeline  = "timeline"
	actFollow    = "follow"
	actUnfollow  = "unfollow"
	actMail      = history.ActMail
	actLogin     = "login"
	actReturn    = "return" // a login at the end, with the first password
	actReset     = "reset"
	actResetMail = history.ActResetMail
	actPicture   = "picture"
	actLook      = "look"
	actStuff     = "stuff"
	actLabel     = "label"
	actDistrust  = "distrust"
	actBlock     = "block"
	actAllow     = "allow"
	actList      = "list"
)

// board is what users did with Pinboard, by whose data it is about. Names are never used twice in a run.
type board struct {
	*rulings
	names   []string // of all accounts, in order
	account map[string]*account
}

type account struct {
	rulings  *rulings
	register *history.Operation // nil if nobody tried
	leave    *history.Operation // the first attempt that was not refused
	posts    []*history.Operation
	reads    []*history.Operation // profiles that were seen, or said not to be there
	opened   []*history.Operation // pictures that were asked for as they are now, which were seen or said not to be there
	lines    []*history.Operation // timelines
	mails    []*history.Operation
	follows  map[string][]*history.Operation // follow and unfollow, by the one who is followed
}

func boardOf(h history.History) *board {
	b := &board{rulings: rulingsOf(h), account: map[string]*account{}}
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use || ruling(o.Use.Action) {
			continue
		}
		a := b.of(o.Key)
		switch o.Use.Action {
		case actRegister:
			if a.register == nil || a.register.Outcome == history.Failed || o.Outcome == history.OK { // who is refused tries again
				a.register = o
			}
		case actLeave:
			if a.leave == nil && o.Outcome != history.Failed {
				a.leave = o
			}
		case actPost, actPhoto:
			a.posts = append(a.posts, o)
		case actProfile:
			if o.Outcome == history.OK {
				a.reads = append(a.reads, o)
			}
		case actPicture:
			if o.Outcome == history.OK && o.Use.Fresh {
				a.opened = append(a.opened, o)
			}
		case actTimeline:
			if o.Outcome == history.OK {
				a.lines = append(a.lines, o)
			}
		case actMail:
			a.mails = append(a.mails, o)
		case actFollow, actUnfollow:
			if me := b.of(o.Use.User); o.Outcome == history.Unknown || o.Outcome == history.OK && o.Use.Status != http.StatusNotFound {
				me.follows[o.Key] = append(me.follows[o.Key], o)
			}
		}
	}
	return b
}

func (b *board) of(name string) *account {
	a := b.account[name]
	if a == nil {
		a = &account{rulings: b.rulings, follows: map[string][]*history.Operation{}}
		b.account[name] = a
		at, _ := slices.BinarySearch(b.names, name)
		b.names = slices.Insert(b.names, at, name)
	}
	return a
}

// post returns the post of the account with an ID, nil if nobody tried to make one.
func (a *account) post(id string) *history.Operation {
	if i := slices.IndexFunc(a.posts, func(p *history.Operation) bool { return p.Use.ID == id }); i >= 0 {
		return a.posts[i]
	}
	return nil
}

// there tells whether the account was certainly there from the first time to the second one.
func (a *account) there(from, to time.Duration) bool {
	return a.register != nil && a.register.Outcome == history.OK && a.register.Return < from && (a.leave == nil || a.leave.Call > to)
}

// gone tells whether the account was certainly gone at a time.
func (a *account) gone(at time.Duration) bool {
	return a.leave != nil && a.leave.Outcome == history.OK && a.leave.Return < at
}

// last returns the last of the reads that asked for what is so now, from a time on; nil if there is none.
func last(reads []*history.Operation, from time.Duration) *history.Operation {
	var found *history.Operation
	for _, o := range reads {
		if o.Use.Fresh && o.Call >= from && !o.Use.More {
			found = o
		}
	}
	return found
}

// shownPosts returns the posts that a profile lists, and what it says of each: "photo", or "photo:thumb".
func shownPosts(o *history.Operation) map[string]string {
	seen := map[string]string{}
	for _, entry := range o.Use.Seen {
		id, what, _ := strings.Cut(entry, ":")
		seen[id] = what
	}
	return seen
}
