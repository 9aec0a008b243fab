package abuse

import (
	"context"
	"fmt"
	"sync"
	"time"

	"picloud/node/api"
)

// judge decides about an event. An error means that nobody knows.
func (s *Server) judge(ctx context.Context, e *Event) (*Verdict, error) {
	t, err := s.tenant(e.Tenant)
	if err != nil {
		return nil, err
	}
	v, err := s.pay(ctx, t, e)
	if err == nil && v == nil {
		v, err = t.read(e)
	}
	if err != nil {
		return nil, err
	}
	s.metrics.judged(e, v)
	if points := harmOf(v.Reason); v.Decision == Refuse && points > 0 {
		s.blame(t, e, points)
	}
	return v, nil
}

// pay takes what the event costs from the user and from the address; nil if they have it.
func (s *Server) pay(ctx context.Context, t *tenantState, e *Event) (*Verdict, error) {
	var all sync.WaitGroup
	subjects := subjectsOf(e)
	found, failed := make([]*denied, len(subjects)), make([]error, len(subjects))
	for i, subject := range subjects {
		all.Go(func() { found[i], failed[i] = t.ledger.pay(ctx, subject, e.What, max(e.Cost, 1)) })
	}
	all.Wait()
	for _, no := range found {
		if no != nil {
			return refusal(no), nil
		}
	}
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func subjectsOf(e *Event) []subject {
	var all []subject
	if e.Who != "" {
		all = append(all, subject{User, e.Who})
	}
	if e.From != "" {
		all = append(all, subject{Address, e.From})
	}
	return all
}

func refusal(no *denied) *Verdict {
	after := int64((no.after + time.Millisecond - 1) / time.Millisecond)
	if no.limit == harm {
		return &Verdict{Decision: Refuse, Reason: ByReputation, RetryAfter: after, Detail: fmt.Sprintf("too much harm came from this %s lately", no.of)}
	}
	return &Verdict{Decision: Refuse, Reason: ByLimit, RetryAfter: after, Detail: fmt.Sprintf("too many in too short a time from this %s", no.of)}
}

// read decides by what the event would show to others.
func (t *tenantState) read(e *Event) (*Verdict, error) {
	if e.Text == "" && len(e.Pictures) == 0 {
		return &Verdict{Decision: Allow}, nil
	}
	if age := time.Since(t.mirror.Current()); age > rulesBound {
		return nil, api.Errorf(api.Unavailable, "judge", string(e.What), "the rules have not been heard of for %s", age.Truncate(time.Second))
	}
	found, err := t.lists.find(e.Text, e.Pictures)
	if err != nil {
		return nil, err
	}
	if found.Reason != "" {
		return &Verdict{Decision: Refuse, Reason: found.Reason, Detail: found.Detail}, nil
	}
	return t.texts.judge(e.Text)
}

// harmOf returns how many points of harm a refusal for some reason is. Who is over a limit, or refused for what went before,
// does no more harm by it.
func harmOf(r Reason) int {
	switch r {
	case ByPicture:
		return 6
	case ByLink:
		return 4
	case ByText:
		return 3
	}
	return 0
}

// offence takes note that somebody has done harm.
func (s *Server) offence(e *Event) error {
	t, err := s.tenant(e.Tenant)
	if err != nil {
		return err
	}
	switch e.What {
	case Login:
		s.blame(t, &Event{Tenant: e.Tenant, From: e.From}, 1) // the user whose password was guessed is the victim
	default:
		s.blame(t, e, 3)
	}
	return nil
}

// harmed is what is to be written to accounts.
type harmed struct {
	tenant *tenantState
	event  *Event
	points int
}

const (
	mostHarms   = 1024 // that wait to be written. More are forgotten: who does so much is refused by limits
	harmsAtOnce = 8
	harmLimit   = 5 * time.Second
)

func (s *Server) blame(t *tenantState, e *Event, points int) {
	select {
	case s.harms <- harmed{t, &Event{Tenant: e.Tenant, Who: e.Who, From: e.From}, points}:
	default:
		s.metrics.forgotten.Inc()
	}
}

func (s *Server) workHarms(ctx context.Context) {
	for {
		select {
		case h := <-s.harms:
			s.writeHarm(ctx, h)
		case <-ctx.Done():
			return
		}
	}
}

// writeHarm takes points from a user, and from an address. An address that has none left is condemned: load balancers let
// nothing more through that it brings.
func (s *Server) writeHarm(ctx context.Context, h harmed) {
	ctx, cancel := context.WithTimeout(ctx, harmLimit)
	defer cancel()
	for _, who := range subjectsOf(h.event) {
		spent, err := h.tenant.ledger.offend(ctx, who, h.points)
		if err == nil && spent && who.of == Address {
			err = h.tenant.rules.condemn(ctx, who.name, h.tenant.Forgive*time.Duration(h.tenant.AddressHarm)/4)
			s.metrics.condemned.WithLabelValues(h.tenant.Name).Inc()
			s.log.WarnContext(ctx, "nothing more is taken from an address for a while", "tenant", h.tenant.Name, "address", who.name)
		}
		if err != nil {
			s.log.WarnContext(ctx, "harm could not be written down", "tenant", h.tenant.Name, "subject", who.name, "error", err)
		}
	}
}
