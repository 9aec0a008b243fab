package pinboard

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"picloud/node/abuse"
	"picloud/node/api"
)

// script is a guard that decides as it is told. Its lists are those of the store.
type script struct {
	t     testing.TB
	rules *abuse.Rules

	mu       sync.Mutex
	decide   func(*abuse.Event) abuse.Verdict // allow, if there is none
	unknown  bool                             // nobody knows the lists
	events   []abuse.Event
	offences []string
}

func newScript(t testing.TB, store api.Store) *script {
	t.Helper()
	rules, err := abuse.NewRules(store, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, rules: rules}
}

func (s *script) Judge(_ context.Context, e *abuse.Event) abuse.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := e.Validate(); err != nil || e.Tenant != "pinboard" {
		s.t.Errorf("an event that breaks the rules: %v, %+v", err, e)
	}
	s.events = append(s.events, *e)
	if s.decide == nil {
		return abuse.Verdict{Decision: abuse.Allow}
	}
	return s.decide(e)
}

func (s *script) Offence(tenant string, what abuse.What, who, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offences = append(s.offences, fmt.Sprintf("%s %s by %s from %s", tenant, what, who, from))
}

func (s *script) Listed(_, text string, pictures []string) abuse.Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unknown {
		return abuse.Listed{}
	}
	for _, entry := range s.list(abuse.Links) {
		if strings.Contains(text, entry) {
			return abuse.Listed{Known: true, Reason: abuse.ByLink, Detail: entry}
		}
	}
	for _, entry := range s.list(abuse.Pictures) {
		if slices.Contains(pictures, entry) { // copies that were changed are the guard's business
			return abuse.Listed{Known: true, Reason: abuse.ByPicture, Detail: entry}
		}
	}
	return abuse.Listed{Known: true}
}

// list returns what stands on a list.
func (s *script) list(list abuse.List) (entries []string) {
	found, err := s.rules.Listings(context.Background(), list, "", 1000)
	if err != nil {
		s.t.Error(err)
	}
	for _, l := range found {
		entries = append(entries, l.Entry)
	}
	return entries
}

// says lets the guard decide from now on.
func (s *script) says(v abuse.Verdict, what ...abuse.What) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide = func(e *abuse.Event) abuse.Verdict {
		if len(what) > 0 && !slices.Contains(what, e.What) {
			return abuse.Verdict{Decision: abuse.Allow}
		}
		return v
	}
}

// asked returns the events since it was asked last.
func (s *script) asked() []abuse.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

// blamed returns the offences since it was asked last.
func (s *script) blamed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	offences := s.offences
	s.offences = nil
	return offences
}

func (s *script) forgetLists(unknown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown = unknown
}

// What the guard says in stories.
var (
	allows    = abuse.Verdict{Decision: abuse.Allow}
	undecided = abuse.Verdict{Decision: abuse.Quarantine, Reason: abuse.Undecided}
	suspects  = abuse.Verdict{Decision: abuse.Quarantine, Reason: abuse.ByText}
)

// square is a lab with abuse protection: mod moderates, feed labels, ann has the follower bob, and eve is nobody's friend.
type square struct {
	*lab
	mod, feed, ann, bob, eve *person
}

func newSquare(t testing.TB) *square {
	t.Helper()
	s := &square{lab: newLabWith(t, map[string]string{"abuse": "on", "moderators": "mod", "labellers": "feed"})}
	for name, p := range map[string]**person{"mod": &s.mod, "feed": &s.feed, "ann": &s.ann, "bob": &s.bob, "eve": &s.eve} {
		*p = s.register(name)
	}
	s.bob.follow(s.ann)
	s.settle()
	s.guard.asked()
	return s
}

// settle lets time go on until no job waits or sleeps.
func (s *square) settle() {
	s.t.Helper()
	s.drain()
	s.store.Tick(2 * sweepAfter)
	s.drain()
}

// scene is a PNG with detail enough to be listed, of another look for each number.
func scene(t testing.TB, w, h, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for range 60 {
		x, y := r.IntN(w), r.IntN(h)
		c := color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		draw.Draw(m, image.Rect(x, y, x+w/8+r.IntN(w/3), y+h/8+r.IntN(h/3)), image.NewUniform(c), image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// work does the jobs of a kind that wait.
func (s *square) work(kind string) {
	s.t.Helper()
	for _, j := range s.waiting() {
		if j.run.Job.Kind != kind {
			continue
		}
		if err := s.do(s.t.Context(), &j); err != nil {
			s.t.Fatal(err)
		}
	}
}

// write posts a text with an ID, and returns the reply.
func (p *person) write(id, text string) *reply {
	p.t.Helper()
	return p.ask("POST", "/api/posts", draft{ID: id, Text: text})
}

// sees tells whether a person sees a post: in all places, or in none. Its author and moderators need not follow.
func (s *square) sees(p *person, author, id, text string) bool {
	s.t.Helper()
	read := p.ask("GET", "/api/posts/"+author+"/"+id, nil)
	places := map[string]bool{"the post": read.status == 200, "the profile": slices.Contains(p.texts("/api/users/"+author), text)}
	if p == s.bob || p.name == author {
		places["the timeline"] = slices.Contains(p.lines(), text)
	}
	for place, seen := range places {
		if seen != places["the post"] {
			s.t.Errorf("%s sees %s/%s: %v, and in %s: %v", p.name, author, id, places["the post"], place, seen)
		}
	}
	return places["the post"]
}

// wantSeen fails the test unless the author and moderators see a post, and others do if it is open.
func (s *square) wantSeen(author *person, id, text string, open bool) {
	s.t.Helper()
	for _, p := range []*person{author, s.mod} {
		if !s.sees(p, author.name, id, text) {
			s.t.Errorf("%s does not see %s/%s", p.name, author.name, id)
		}
	}
	for _, p := range []*person{s.bob, s.eve} {
		if s.sees(p, author.name, id, text) != open {
			s.t.Errorf("%s sees %s/%s: %v", p.name, author.name, id, !open)
		}
	}
}

// did returns what a history says was done, the newest first.
func (p *person) did(author, id string) (did []string) {
	p.t.Helper()
	var h struct{ Lines []line }
	p.ask("GET", "/api/posts/"+author+"/"+id+"/history", nil).want(200).into(&h)
	for _, l := range h.Lines {
		did = append(did, strings.TrimSpace(l.By+" "+l.Did))
	}
	return did
}

// cases returns the cases that a moderator sees, the newest first.
func (s *square) cases() (cases []*shownCase) {
	s.t.Helper()
	for next := ""; ; {
		var list struct {
			Cases []*shownCase
			Next  string
		}
		s.mod.ask("GET", "/api/cases?before="+next, nil).want(200).into(&list)
		cases = append(cases, list.Cases...)
		if next = list.Next; next == "" {
			return cases
		}
	}
}

// decide gives a verdict as the moderator.
func (s *square) decide(author, id, what string, more ...any) *reply {
	s.t.Helper()
	w := map[string]any{"verdict": what, "why": "because"}
	for i := 0; i < len(more); i += 2 {
		w[more[i].(string)] = more[i+1]
	}
	return s.mod.ask("PUT", "/api/posts/"+author+"/"+id+"/verdict", w)
}
