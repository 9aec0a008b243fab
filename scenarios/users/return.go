package users

import (
	"context"
	"net/http"
	"time"

	"picloud/scenarios/history"
)

// comeBack lets this seat's share of the people log in once more, each with the password that was chosen at first. Who is asked to set
// a new one does, if the mail has come.
func (s *seat) comeBack(ctx context.Context) {
	self, session := s.self, s.web.session
	var out []*person
	for _, p := range s.share(s.place) {
		if p.left {
			continue
		}
		s.self, s.web.session = nil, ""
		s.until(ctx, func() history.Outcome { return s.admitted(ctx, p) })
		if s.self == nil && !s.setAnew(ctx, p) {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		time.Sleep(mailsTake)
	}
	for _, p := range out {
		s.setAnew(ctx, p)
	}
	s.self, s.web.session = self, session
}

// mailsTake is how long whoever is locked out waits for a mail before looking for it once more.
const mailsTake = 5 * time.Second

// setAnew sets a new password by the link of a mail. It tells whether such a mail has come.
func (s *seat) setAnew(ctx context.Context, p *person) bool {
	s.crowd.mu.Lock()
	token := s.tokens[p.name]
	s.crowd.mu.Unlock()
	if token == "" {
		return false
	}
	s.with(p, func(p *person) { p.password += "-anew" })
	s.until(ctx, func() history.Outcome { return s.reset(ctx, p, token) })
	return true
}

// admitted tries to log in. That the password is refused is an answer too.
func (s *seat) admitted(ctx context.Context, p *person) history.Outcome {
	return s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "return"}},
		&call{method: "POST", path: "/api/session", body: map[string]string{"name": p.name, "password": p.password},
			fine: []int{http.StatusUnauthorized, http.StatusForbidden}}, s.perhaps(p))
}

// reset sets a new password by the link of a mail.
func (s *seat) reset(ctx context.Context, p *person, token string) history.Outcome {
	return s.visit(ctx, history.Operation{Key: p.name, Use: &history.Visit{Action: "reset"}},
		&call{method: "PUT", path: "/api/password", body: map[string]string{"token": token, "password": p.password},
			fine: []int{http.StatusUnauthorized}}, s.perhaps(p))
}

// perhaps lets a person sit down if the answer has a session.
func (s *seat) perhaps(p *person) look {
	return func(a *answer, _ *history.Visit) (*call, error) {
		if a.status != http.StatusOK {
			return nil, nil
		}
		return nil, s.sit(p, a)
	}
}
