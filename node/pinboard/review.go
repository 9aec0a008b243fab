package pinboard

import (
	"context"
	"time"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// A review begins reviewAfter the post, and is run again while nobody can judge, as often as a queue allows. With
// the queue's waits that is half a day; what is held then is left for a moderator.
const (
	reviewAfter    = 2 * time.Second
	reviewAttempts = queue.MaxAttempts
)

// The outcomes of reviews.
const (
	reviewAllowed   = "allowed"
	reviewBlocked   = "blocked"
	reviewLeft      = "left to a moderator"
	reviewUndecided = "undecided"
	reviewGivenUp   = "given up"
)

// hold returns what is written with a post that is stored and not shown: a case, a line of its history, the job that reviews it.
func (p *Pinboard) hold(t *target) ([]api.Op, error) {
	n := t.post
	opened := t.openCase(t.place, n, &dossier{Opened: n.At})
	jobs, err := p.enqueue(t.home, kindReview, letter{Place: t.place})
	return append([]api.Op{opened, t.note(line{n.At, itself, didHold, n.Reason})}, jobs...), err
}

// doReview judges once more what is held.
func (p *Pinboard) doReview(ctx context.Context, r *lambda.Run, l letter) (*lambda.Effect, error) {
	if p.guard == nil {
		return nil, nil // nobody judges here any more: it is left to a moderator
	}
	h := p.home(l.Name)
	found, err := p.read(ctx, get(h.user()), get(h.post(l.Place)), get(h.origin(l.Place)))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil {
		return nil, err
	}
	t := &target{home: h, place: l.Place, record: first(&found[1])}
	if t.post, err = decode[post](t.record); err != nil || !u.active() || t.post == nil || t.post.Standing != held {
		return nil, err // somebody has decided, or it is gone
	}
	o, err := decode[origin](first(&found[2]))
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = &origin{}
	}
	v := p.judge(ctx, t.post.event(l.Name, o.Address))
	e, outcome := p.reviewed(t, &v)
	if outcome == reviewUndecided && r.Attempt >= reviewAttempts {
		outcome = reviewGivenUp
	}
	p.metrics.reviews.WithLabelValues(outcome).Inc()
	if outcome == reviewUndecided {
		return nil, api.Errorf(api.Unavailable, "review the post", l.Name+"/"+t.post.ID, "nobody can judge it now (%s)", v.Reason)
	}
	return e, nil
}

// reviewed returns what comes of a review. Who posts too fast for reviews has posted while nobody judged, and is no
// worse for it: that one is judged later.
func (p *Pinboard) reviewed(t *target, v *abuse.Verdict) (*lambda.Effect, string) {
	switch {
	case v.Decision == abuse.Allow:
		return p.ruled(t, &ruling{to: shown, by: itself}, "review"), reviewAllowed
	case v.Reason == abuse.ByLimit, v.Reason == abuse.Undecided:
		return nil, reviewUndecided
	case v.Decision == abuse.Refuse:
		return p.ruled(t, &ruling{to: blocked, reason: string(v.Reason), by: itself, why: string(v.Reason)}, "review"), reviewBlocked
	}
	if t.post.Reason == string(v.Reason) {
		return nil, reviewLeft
	}
	t.post.Reason = string(v.Reason)
	return &lambda.Effect{If: t.unchanged(), Then: []api.Op{put(t.home.post(t.place), t.post, 0),
		t.note(line{now(), itself, didHold, t.post.Reason})}}, reviewLeft
}

// ruled returns a ruling as the effect of a job.
func (p *Pinboard) ruled(t *target, r *ruling, by string) *lambda.Effect {
	ops, jobs := p.rule(t, r)
	p.metrics.ruled(r.to, by)
	return &lambda.Effect{If: t.unchanged(), Then: ops, Jobs: jobs}
}
