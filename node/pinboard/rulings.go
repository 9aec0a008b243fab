package pinboard

import (
	"context"
	"net/http"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/queue"
)

// byModerator is why a post is blocked that a moderator has blocked.
const byModerator = "moderator"

// ruling is what is decided about a post.
type ruling struct {
	to     standing // shown or blocked
	reason string   // of what is blocked
	by     string   // a moderator's name, or itself
	why    string
}

// rule lets a post stand as a ruling says, and returns what writes that: the post, a line of its history, the end of its
// case, and the jobs that follow. A case in which the author has asked for a moderator ends by one, or when all is well.
func (p *Pinboard) rule(t *target, r *ruling) ([]api.Op, []queue.Job) {
	n, was := t.post, t.post.Standing
	n.Standing, n.Reason, n.By = r.to, r.reason, r.by
	if r.by == itself {
		n.By = ""
	}
	var ops []api.Op
	if r.by != itself || r.to == shown || !n.Appealed {
		if n.Case != "" {
			ops = append(ops, remove(t.caseAt(n.Case)))
		}
		n.Case, n.Appealed = "", false
	}
	did := didBlock
	if r.to == shown {
		did = didAllow
	}
	ops = append(ops, put(t.home.post(t.place), n, 0), t.note(line{now(), r.by, did, r.why}))
	var jobs []queue.Job
	job := func(kind string) {
		jobs = append(jobs, *p.options.job(kind, letter{Name: t.name, Place: t.place}))
	}
	switch {
	case r.to == shown && was != shown:
		job(kindTimeline)
		if n.Picture != nil && n.Picture.Thumbnail == nil {
			job(kindThumbnail)
		}
	case r.to != shown && was == shown:
		job(kindRetract)
	}
	return ops, jobs
}

// put returns what enqueues jobs in a user's partition.
func (h home) put(jobs []queue.Job) (ops []api.Op, _ error) {
	for i := range jobs {
		more, err := jobs[i].Put(h.partition)
		if err != nil {
			return nil, err
		}
		ops = append(ops, more...)
	}
	return ops, nil
}

// verdict is what a moderator decides about a post, and what the rules are to learn from it.
type verdict struct {
	Verdict string       `json:"verdict"`
	Why     string       `json:"why"`
	Label   string       `json:"label"`
	List    []abuse.List `json:"list"`
	Opened  int64        `json:"opened_ms"` // when the case was opened that it is about; 0 for whatever case there is
}

// The words of a verdict.
const (
	toBlock = "block"
	toAllow = "allow"
	spam    = "spam"
	ham     = "ham"
)

func (c *call) verdict() (*verdict, error) {
	w := &verdict{}
	err := c.body(w)
	if err == nil {
		w.Why, err = cleanText("why", w.Why, maxWhy)
	}
	if err != nil {
		return nil, err
	}
	bad := func(what, detail string) error {
		return api.Errorf(api.BadRequest, "read the verdict", what, "%s", detail)
	}
	if w.Verdict != toBlock && w.Verdict != toAllow {
		return nil, bad("verdict", "it is block or allow")
	}
	if w.Label != "" && w.Label != spam && w.Label != ham {
		return nil, bad("label", "it is spam, ham or empty")
	}
	for _, list := range w.List {
		if list != abuse.Links && list != abuse.Pictures {
			return nil, bad("list", "it names links or pictures")
		}
	}
	if w.Verdict == toAllow && len(w.List) > 0 {
		return nil, bad("list", "what is allowed comes onto no list")
	}
	return w, nil
}

// giveVerdict lets a moderator decide about a post. Repeated it changes nothing more.
func (p *Pinboard) giveVerdict(ctx context.Context, c *call) error {
	w, err := c.verdict()
	var t *target
	var stands bool
	if err == nil {
		t, stands, err = p.decide(ctx, c, w)
	}
	if stands {
		err = api.Partly(p.learn(ctx, c.who.name, t.post, w))
	}
	p.metrics.verdicts.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, p.show(c.who, t.name, t.place, t.post))
}

// decide lets the post of a request stand as a verdict says. It does not if the verdict is of a case that has ended.
func (p *Pinboard) decide(ctx context.Context, c *call, w *verdict) (t *target, stands bool, err error) {
	r := &ruling{to: blocked, reason: byModerator, by: c.who.name, why: w.Why}
	if w.Verdict == toAllow {
		r.to, r.reason = shown, ""
	}
	for tries := 0; ; tries++ {
		t, err := p.target(ctx, c)
		if err != nil {
			return nil, false, err
		}
		if n := t.post; n.Standing == r.to && n.By == r.by && n.Case == "" {
			return t, true, nil // it was said already
		}
		if w.Opened != 0 && t.post.Case != newPlace(w.Opened, t.name, t.post.ID) {
			return t, false, nil // what came after it is another case
		}
		from, err := p.addressOf(ctx, t)
		if err != nil {
			return nil, false, err
		}
		ops, jobs := p.rule(t, r)
		more, err := t.put(jobs)
		if err != nil {
			return nil, false, err
		}
		reply, err := p.run(ctx, &api.Txn{If: t.unchanged(), Then: append(ops, more...)})
		switch {
		case err != nil:
			return nil, false, err
		case reply.Succeeded:
			p.metrics.ruled(r.to, byModerator)
			if r.to == blocked {
				p.guard.Offence(tenant, abuse.Post, t.name, from)
			}
			return t, true, nil
		case tries == mostTries:
			return nil, false, errBusy("decide about the post", t)
		}
	}
}

// addressOf returns from where a post came, empty if nobody knows it any more.
func (p *Pinboard) addressOf(ctx context.Context, t *target) (string, error) {
	found, err := p.read(ctx, get(t.home.origin(t.place)))
	if err != nil {
		return "", err
	}
	o, err := decode[origin](first(&found[0]))
	if err != nil || o == nil {
		return "", err
	}
	return o.Address, nil
}

// learn gives the rules what a verdict says beside the post.
func (p *Pinboard) learn(ctx context.Context, moderator string, n *post, w *verdict) error {
	if text := n.words(); w.Label != "" && text != "" {
		if err := p.guard.rules.Label(ctx, abuse.Label{Source: moderator, Text: text, Spam: w.Label == spam}); err != nil {
			return err
		}
	}
	for _, list := range w.List {
		entries := n.looks(true)
		if list == abuse.Links {
			var err error
			if entries, err = linksOf(n.words()); err != nil {
				return api.Errorf(api.Internal, "list the links of the post", n.ID, "%s", err)
			}
		}
		for _, entry := range entries {
			if err := p.guard.rules.Add(ctx, list, entry, moderator, w.Why); err != nil {
				return err
			}
		}
		if len(entries) > 0 {
			if err := p.sweepAll(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
