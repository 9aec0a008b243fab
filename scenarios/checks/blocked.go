package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Blocked judges whether nothing is served of what moderators have blocked: `delay` after a verdict on a post, or an entry of a list,
// was acknowledged, no answer to anybody but the author and moderators shows the post, or a link or picture that is listed, until
// a verdict may have brought it back. What was refused when it was posted is never shown. It counts the times that others asked for
// something of what was blocked: such a post, its pictures, or its author's profile.
func Blocked(h history.History, delay time.Duration, minimum int) reports.Check {
	c := reports.Check{Name: "blocked", Status: reports.Pass}
	s := &lookout{rulings: rulingsOf(h), delay: delay, posts: map[string]*history.Operation{}, bans: map[string][]ban{}, authors: map[string]time.Duration{}}
	for i := range h {
		if o := &h[i]; isPost(o) {
			s.posts[postOf(o)] = o
		}
	}
	s.index()
	var wrong []string
	var harm wronged
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use {
			continue
		}
		if o.Outcome == history.OK && s.asks(o) { // what was seen counts too if the rest did not come
			c.Count++
		}
		if why := s.wrong(o); why != "" {
			harm.by(o)
			wrong = append(wrong, fmt.Sprintf("%s sees %s", nobody(o.Use.User), why))
		}
	}
	if len(wrong) > 0 {
		c.Status = reports.Fail
		c.Detail = fmt.Sprintf("%d answers show what was blocked or refused; %s", len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "\n"))
		harm.into(&c)
		return c
	}
	c.Detail = fmt.Sprintf("%d posts were blocked, and %d tags listed; of what was blocked others asked %d times", len(s.bans)-s.tags, s.tags, c.Count)
	atLeast(&c, minimum, "times that others asked for what was blocked")
	return c
}

func isPost(o *history.Operation) bool {
	return o.Kind == history.Use && (o.Use.Action == actPost || o.Use.Action == actPhoto)
}

// lookout looks for what should not be there.
type lookout struct {
	*rulings
	delay   time.Duration
	posts   map[string]*history.Operation
	bans    map[string][]ban         // by post, AUTHOR/ID, and by tag
	authors map[string]time.Duration // since when an author has something that is blocked
	tags    int                      // that are listed
}

// index finds out when what is certainly blocked. A post is blocked by verdicts, and by lists that have one of its tags.
func (s *lookout) index() {
	for tag := range s.listings {
		if bans := s.listedBy(tag); len(bans) > 0 {
			s.bans[tag] = bans
			s.tags++
		}
	}
	for post := range s.verdicts {
		if bans := s.bansOf(post); len(bans) > 0 {
			s.bans[post] = bans
		}
	}
	for post, o := range s.posts {
		for _, tag := range o.Use.Tags {
			if bans := s.bans[tag]; len(bans) > 0 {
				s.bans[post] = append(s.bans[post], bans...)
			}
		}
		for _, b := range s.bans[post] {
			at := max(b.from, o.Return)
			if since, known := s.authors[o.Key]; o.Outcome == history.OK && (!known || at < since) {
				s.authors[o.Key] = at
			}
		}
	}
}

// asks tells whether an operation asks for something of what was blocked, and is somebody's who may not see it.
func (s *lookout) asks(o *history.Operation) bool {
	if s.privileged(o.Use.User, o.Key) {
		return false
	}
	switch o.Use.Action {
	case actProfile:
		since, known := s.authors[o.Key]
		return known && o.Call > since+s.delay
	case actLook:
		return s.banned(postOf(o), o) != nil
	}
	return false
}

// banned returns what something was blocked by at the time of an answer, with the delay.
func (s *lookout) banned(what string, o *history.Operation) *ban {
	for i := range s.bans[what] {
		if b := &s.bans[what][i]; o.Call > b.from+s.delay && o.Return < b.to {
			return b
		}
	}
	return nil
}

// wrong says what an answer shows that it should not; nothing if there is no such thing.
func (s *lookout) wrong(o *history.Operation) string {
	for _, post := range shownIn(o) {
		author, _, _ := strings.Cut(post, "/")
		if p := s.posts[post]; p != nil && p.Outcome == history.Failed && p.Use.Refused {
			return fmt.Sprintf("%s, which was refused: %s; %s", post, p, o)
		}
		if s.privileged(o.Use.User, author) {
			continue
		}
		if b := s.banned(post, o); b != nil {
			return fmt.Sprintf("%s, which was blocked: %s; %s", post, b.by, o)
		}
	}
	if s.moderators[o.Use.User] {
		return ""
	}
	at := slices.IndexFunc(o.Use.Found, func(tag string) bool { return s.banned(tag, o) != nil })
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("%s, which was listed: %s; %s", o.Use.Found[at], s.banned(o.Use.Found[at], o).by, o)
}
