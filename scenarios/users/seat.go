package users

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
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
	sort   string // of who sits here, one of history.Sorts; empty for a user
	held   []held // posts of who sits here that were held or blocked
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
		case s.appeal(ctx):
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
	o.Client, o.Kind, o.Outcome, o.Use.Sort = s.number, history.Use, history.OK, s.sort
	s.web.refused = false
	if s.web.session != "" {
		o.Use.User = s.self.name
	}
	o.Call = s.config.sinceStart()
	for c != nil {
		a, sent, err := s.web.do(ctx, c)
		next := (*call)(nil)
		if a != nil {
			o.Use.Status, o.Use.Age = a.status, max(o.Use.Age, a.age())
			if as := a.header.Get("Pinboard-User"); o.Use.As == "" || o.Use.As == o.Use.User { // the first that is somebody else's is kept
				o.Use.As = cmp.Or(as, o.Use.As)
			}
			if next, err = see(a, o.Use); a.status/100 != 2 && a.status != http.StatusNotFound && !slices.Contains(c.fine, a.status) {
				err = fmt.Errorf("status %d: %.200s", a.status, a.body)
			}
			if err == nil && a.status/100 != 2 && sent && c.method != http.MethodGet {
				err = fmt.Errorf("status %d of the last one that was sent, but another one may have been done: %.200s", a.status, a.body)
			}
		}
		o.Use.Again = o.Use.Again || sent && c.method != http.MethodGet
		if err != nil {
			o.Error, o.Outcome, next = err.Error(), history.Failed, nil
			if sent && c.method != http.MethodGet {
				o.Outcome = history.Unknown
			}
		}
		c = next
	}
	o.Return, o.Use.Refused = s.config.sinceStart(), s.web.refused
	s.record(o)
	return o.Outcome
}

// key returns what nobody else says.
func (s *seat) key() string {
	s.count++
	who := "u"
	if (&history.Visit{Sort: s.sort}).Attacker() {
		who = "a"
	}
	return fmt.Sprintf("%s%d-%d", who, s.number, s.count)
}

func (s *seat) register(ctx context.Context) {
	p := &person{name: s.key(), password: fmt.Sprintf("%016x", rand.Uint64())}
	s.add(p)
	if s.enrol(ctx, p) == history.Failed {
		s.with(p, func(p *person) { p.left = true })
	}
}

// enrol registers somebody, who then sits here.
func (s *seat) enrol(ctx context.Context, p *person) history.Outcome {
	s.web.session, s.held = "", nil
	body := map[string]string{"name": p.name, "password": p.password, "mail": p.name + "@example.org"}
	return s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "register"}},
		&call{method: "POST", path: "/api/users", body: body, key: p.name},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, s.sit(p, a) })
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
	case "look":
		s.look(ctx)
	case "report":
		s.report(ctx)
	case "post":
		s.post(ctx, post{id: s.key(), text: s.texts.Ham(random())})
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

// lookUp looks at all that this seat's share of the people has, each until it is seen.
func (s *seat) lookUp(ctx context.Context) {
	for _, p := range s.share(s.place) {
		var album []sight
		s.until(ctx, func() (outcome history.Outcome) {
			album, outcome = s.album(ctx, p.name, true)
			return outcome
		})
		s.openAll(ctx, p.name, album)
	}
	if s.config.Returns {
		s.comeBack(ctx)
	}
	if s.self != nil {
		s.until(ctx, func() history.Outcome { return s.timeline(ctx, true) })
	}
}

// openAll opens the pictures of somebody's posts, each until it is seen: all of them, as they are small, and people have few.
func (s *seat) openAll(ctx context.Context, of string, album []sight) {
	for i := range album {
		p := &album[i]
		s.until(ctx, func() history.Outcome { return s.open(ctx, of, p, "photo", true) })
		if p.thumbnail != "" {
			s.until(ctx, func() history.Outcome { return s.open(ctx, of, p, "thumb", true) })
		}
	}
}

// until does something until it is done.
func (s *seat) until(ctx context.Context, do func() history.Outcome) {
	for ctx.Err() == nil && s.config.sinceStart() < s.config.Until && do() != history.OK {
		time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond)) // who was turned away is so at once the next time
	}
}
