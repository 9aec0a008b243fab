package users

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"picloud/scenarios/history"
)

// seat is a place before a screen: one person after another sits there.
type seat struct {
	*crowd
	web    *browser
	number int  // of the client in the history
	place  int  // on this machine
	visits bool // nobody registers here
	count  int  // of what was done here
	self   *person
}

// live does one action after another until the time is over.
func (s *seat) live(ctx context.Context) {
	c := &s.config
	if time.Sleep(c.Ramp * time.Duration(min(s.place, c.Count)) / time.Duration(c.Count)); s.visits {
		time.Sleep(time.Duration(rand.Int64N(int64(c.Pause)))) // they come behind the users
	} else {
		s.register(ctx)
	}
	for final := !s.visits; ctx.Err() == nil; {
		pause := time.Duration(rand.Int64N(2*int64(c.Pause) + 1))
		if final {
			pause = min(pause, max(0, c.FinalReads-c.sinceStart()))
		}
		time.Sleep(pause)
		now := c.sinceStart()
		switch {
		case now >= c.Until:
			return
		case now >= c.FinalReads && final:
			final = false
			s.lookUp(ctx)
		case s.visits:
			s.glance(ctx)
		case s.self == nil:
			s.register(ctx)
		default:
			s.act(ctx, s.draw())
		}
	}
}

// draw returns what is done next.
func (s *seat) draw() string {
	total := 0
	for _, action := range Actions() {
		total += s.config.Actions[action]
	}
	n := rand.IntN(total)
	for _, action := range Actions() {
		if n -= s.config.Actions[action]; n < 0 {
			return action
		}
	}
	panic("unreachable")
}

// look takes from an answer what is wanted of it, and returns what is to be asked next for the same action, if anything.
type look func(a *answer, v *history.Visit) (next *call, err error)

// visit makes calls as the action of whoever sits here, and writes it down.
func (s *seat) visit(ctx context.Context, o history.Operation, c *call, see look) history.Outcome {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	o.Client, o.Kind, o.Outcome = s.number, history.Use, history.OK
	if s.web.session != "" {
		o.Use.User = s.self.name
	}
	o.Call = s.config.sinceStart()
	for c != nil {
		a, sent, err := s.web.do(ctx, c)
		next := (*call)(nil)
		if a != nil {
			o.Use.Status, o.Use.Age, o.Use.As = a.status, max(o.Use.Age, a.age()), a.header.Get("Pinboard-User")
			if next, err = see(a, o.Use); a.status/100 != 2 && a.status != http.StatusNotFound {
				err = fmt.Errorf("status %d: %.200s", a.status, a.body)
			}
		}
		if err != nil {
			o.Error, o.Outcome, next = err.Error(), history.Failed, nil
			if sent && c.method != http.MethodGet {
				o.Outcome = history.Unknown
			}
		}
		c = next
	}
	o.Return = s.config.sinceStart()
	s.record(o)
	return o.Outcome
}

// key returns what nobody else says.
func (s *seat) key() string {
	s.count++
	return fmt.Sprintf("u%d-%d", s.number, s.count)
}

func (s *seat) register(ctx context.Context) {
	p := &person{name: s.key(), password: fmt.Sprintf("%016x", rand.Uint64())}
	s.add(p)
	s.web.session = ""
	body := map[string]string{"name": p.name, "password": p.password, "mail": p.name + "@example.org"}
	outcome := s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "register"}},
		&call{method: "POST", path: "/api/users", body: body, key: p.name},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, s.sit(p, a) })
	if outcome == history.Failed {
		s.with(p, func(p *person) { p.left = true })
	}
}

// sit lets a person sit down who has a session.
func (s *seat) sit(p *person, a *answer) error {
	var session struct{ Token string }
	if err := json.Unmarshal(a.body, &session); err != nil || session.Token == "" {
		return fmt.Errorf("no session in %.100q", a.body)
	}
	s.self, s.web.session = p, session.Token
	return nil
}

// glance looks at the profile of somebody who is there.
func (s *seat) glance(ctx context.Context) {
	if p := s.anybody(); p != nil {
		s.profile(ctx, p.name, false)
	}
}

func (s *seat) act(ctx context.Context, action string) {
	other := s.anybody()
	if other == nil {
		other = s.self
	}
	switch action {
	case "timeline":
		s.timeline(ctx, false)
	case "profile":
		s.profile(ctx, other.name, false)
	case "picture":
		s.picture(ctx, other)
	case "post":
		s.post(ctx)
	case "photo":
		s.photograph(ctx)
	case "follow", "unfollow":
		s.follow(ctx, other, action)
	case "login":
		s.login(ctx)
	case "leave":
		s.leave(ctx)
	}
}

func (s *seat) login(ctx context.Context) {
	p := s.self
	s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "login"}},
		&call{method: "POST", path: "/api/session", body: map[string]string{"name": p.name, "password": p.password}},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, s.sit(p, a) })
}

func (s *seat) leave(ctx context.Context) {
	p := s.self
	s.with(p, func(p *person) { p.left = true })
	s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "leave"}},
		&call{method: "DELETE", path: "/api/me", body: map[string]string{"password": p.password}, key: p.name + "-leaves"},
		func(*answer, *history.Visit) (*call, error) { return nil, nil })
	s.self, s.web.session = nil, "" // whatever came of it
}

func (s *seat) follow(ctx context.Context, other *person, action string) {
	if other == s.self {
		return
	}
	method := map[string]string{"follow": "PUT", "unfollow": "DELETE"}[action]
	s.visit(ctx, history.Operation{Key: other.name, Use: &history.Visit{Action: action}},
		&call{method: method, path: "/api/follows/" + url.PathEscape(other.name), key: s.key()},
		func(*answer, *history.Visit) (*call, error) { return nil, nil }) // who is followed may have left
}

// created is how Pinboard answers a post.
type created struct {
	ID      string `json:"id"`
	Picture string `json:"picture"`
}

func (s *seat) post(ctx context.Context) {
	id := s.key()
	s.visit(ctx, history.Operation{Key: s.self.name, Use: &history.Visit{Action: "post", ID: id}},
		&call{method: "POST", path: "/api/posts", body: map[string]string{"id": id, "text": "the post " + id + " says " + strings.Repeat("so ", rand.IntN(40))}},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
}

func (s *seat) photograph(ctx context.Context) {
	id := s.key()
	body, err := upload(id)
	if err != nil {
		panic(err) // it is made in memory
	}
	p := s.self
	s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "photo", ID: id}},
		&call{method: "POST", path: "/api/posts", body: body},
		func(a *answer, _ *history.Visit) (*call, error) {
			var c created
			if err := json.Unmarshal(a.body, &c); err == nil && c.Picture != "" {
				s.with(p, func(p *person) { p.photos = append(p.photos, c.Picture) })
			}
			return nil, wanted(a)
		})
}

func (s *seat) picture(ctx context.Context, of *person) {
	path, has := s.photo(of)
	if !has {
		s.profile(ctx, of.name, false)
		return
	}
	s.visit(ctx, history.Operation{Key: of.name, Use: &history.Visit{Action: "picture", ID: path}}, &call{method: "GET", path: path},
		func(a *answer, _ *history.Visit) (*call, error) {
			if a.status == http.StatusOK && !isPicture(a.body) {
				return nil, fmt.Errorf("it is no picture: %.40q", a.body)
			}
			return nil, nil
		})
}

func wanted(a *answer) error {
	if a.status == http.StatusNotFound {
		return fmt.Errorf("status %d: %.200s", a.status, a.body)
	}
	return nil
}

// shownPost is a post as Pinboard shows it.
type shownPost struct {
	ID        string `json:"id"`
	Author    string `json:"author"`
	Picture   string `json:"picture"`
	Thumbnail string `json:"thumbnail"`
}

// page is a profile, or a page of a timeline.
type page struct {
	Posts     []shownPost `json:"posts"`
	Next      string      `json:"next"`
	Followers int         `json:"followers"`
}

// profile looks at somebody's profile; all of it, if what is so now is wanted.
func (s *seat) profile(ctx context.Context, name string, fresh bool) history.Outcome {
	return s.list(ctx, history.Operation{Key: name, Use: &history.Visit{Action: "profile", Fresh: fresh}}, "/api/users/"+url.PathEscape(name),
		func(p *shownPost) string {
			entry := p.ID
			if p.Picture != "" {
				entry += ":photo"
			}
			if p.Thumbnail != "" {
				entry += ":thumb"
			}
			return entry
		})
}

func (s *seat) timeline(ctx context.Context, fresh bool) history.Outcome {
	return s.list(ctx, history.Operation{Key: s.self.name, Use: &history.Visit{Action: "timeline", Fresh: fresh}}, "/api/timeline",
		func(p *shownPost) string { return p.Author + "/" + p.ID })
}

// list looks at a list of posts: at its first page, or at all of it, if what is so now is wanted.
func (s *seat) list(ctx context.Context, o history.Operation, path string, entry func(*shownPost) string) history.Outcome {
	ask := func(next string) *call {
		q := url.Values{}
		if o.Use.Fresh {
			q.Set("fresh", "true")
		}
		if next != "" {
			q.Set("before", next)
		}
		return &call{method: "GET", path: path + "?" + q.Encode()}
	}
	return s.visit(ctx, o, ask(""), func(a *answer, v *history.Visit) (*call, error) {
		if a.status == http.StatusNotFound {
			return nil, nil
		}
		var p page
		if err := json.Unmarshal(a.body, &p); err != nil {
			return nil, err
		}
		for i := range p.Posts {
			v.Seen = append(v.Seen, entry(&p.Posts[i]))
		}
		if v.More, v.Count = p.Next != "", p.Followers; v.More && v.Fresh {
			return ask(p.Next), nil
		}
		return nil, nil
	})
}

// lookUp looks at all that this seat's share of the people has, each until it is seen.
func (s *seat) lookUp(ctx context.Context) {
	for _, p := range s.share(s.place) {
		s.until(ctx, func() history.Outcome { return s.profile(ctx, p.name, true) })
	}
	if s.self != nil {
		s.until(ctx, func() history.Outcome { return s.timeline(ctx, true) })
	}
}

// until does something until it is done.
func (s *seat) until(ctx context.Context, do func() history.Outcome) {
	for ctx.Err() == nil && s.config.sinceStart() < s.config.Until && do() != history.OK {
	}
}
