package pinboard

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"picloud/node/api"
)

// shownCase is a case as moderators see it: the post, and what was said of it.
type shownCase struct {
	shownPost
	Opened   int64  `json:"opened_ms"`
	Reports  int    `json:"reports"`
	Appeal   string `json:"appeal,omitempty"`      // what the author says
	Appealed int64  `json:"appealed_ms,omitempty"` // when
}

// openCase returns what opens a case about a post, and notes in the post that there is one.
func (h home) openCase(place string, n *post, d *dossier) api.Op {
	d.entry = entry{h.name, place}
	n.Case = newPlace(d.Opened, h.name, n.ID)
	return put(h.caseAt(n.Case), d, 0)
}

// dossier reads the case of a post that has one; nil if it has ended meanwhile.
func (p *Pinboard) dossier(ctx context.Context, t *target) (*dossier, error) {
	found, err := p.read(ctx, get(t.caseAt(t.post.Case)))
	if err != nil {
		return nil, err
	}
	return decode[dossier](first(&found[0]))
}

// appeal lets the author ask for a moderator, once until there is a verdict.
func (p *Pinboard) appeal(ctx context.Context, c *call) error {
	why, err := c.why()
	var t *target
	if err == nil {
		t, err = p.putAppeal(ctx, c, why)
	}
	p.metrics.appeals.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, p.show(c.who, t.name, t.place, t.post))
}

func (p *Pinboard) putAppeal(ctx context.Context, c *call, why string) (*target, error) {
	const doing = "appeal for the post"
	for tries := 0; ; tries++ {
		t, err := p.target(ctx, c)
		if err != nil {
			return nil, err
		}
		if t.name != c.who.name {
			return nil, api.Errorf(api.Forbidden, doing, t.name+"/"+t.post.ID, "it is somebody else's")
		}
		if t.post.Appealed {
			return t, nil
		}
		if _, as, _ := p.standing(t.post); as == shown {
			return nil, api.Errorf(api.Conflict, doing, t.name+"/"+t.post.ID, "it is neither held nor blocked")
		}
		done, err := p.fileAppeal(ctx, c.who, t, &report{now(), why})
		switch {
		case err != nil:
			return nil, err
		case done:
			return t, nil
		case tries == mostTries:
			return nil, errBusy(doing, t)
		}
	}
}

// fileAppeal puts an appeal into the post's case, if the post is as it was read.
func (p *Pinboard) fileAppeal(ctx context.Context, who *visitor, t *target, a *report) (done bool, _ error) {
	n, op := t.post, api.Op{}
	n.Appealed = true
	if n.Case == "" {
		op = t.openCase(t.place, n, &dossier{Opened: a.At, Appeal: a})
	} else {
		d, err := p.dossier(ctx, t)
		if err != nil || d == nil {
			return false, err
		}
		d.Appeal = a
		op = put(t.caseAt(n.Case), d, 0)
	}
	session := who.home.session(who.session)
	reply, err := p.run(ctx, &api.Txn{If: append(t.unchanged(), api.Exists(session)),
		Then: []api.Op{op, put(t.home.post(t.place), n, 0), t.note(line{a.At, t.name, didAppeal, a.Why})},
		Else: []api.Op{get(session)}})
	if err == nil && !reply.Succeeded && first(&reply.Results[0]) == nil {
		err = errGone(who.name)
	}
	return err == nil && reply.Succeeded, err
}

// cases lists for moderators what waits for them, the newest case first: of each partition the first few, merged.
func (p *Pinboard) cases(ctx context.Context, c *call) error {
	before, err := c.before(func(text string) bool { _, ok := parseEntry(text); return ok })
	if err != nil {
		return err
	}
	var ops []api.Op
	for _, partition := range p.options.partitions.All() {
		ops = append(ops, after(casesOf(partition), before, pageSize))
	}
	found, err := c.reading.all(ctx, ops...)
	if err != nil {
		return err
	}
	rows, more := merge(found)
	shown := struct {
		Cases []*shownCase `json:"cases"`
		Next  string       `json:"next,omitempty"`
	}{}
	if shown.Cases, err = p.describe(ctx, c, rows); err != nil {
		return err
	}
	if more {
		shown.Next = last(rows[len(rows)-1].Key)
	}
	return c.answer(http.StatusOK, &shown)
}

// merge returns a page of the rows of several partitions, by the last components of their keys, and whether there are more.
func merge(lists []api.Result) (rows []api.Record, more bool) {
	for i := range lists {
		rows, more = append(rows, lists[i].Records...), more || lists[i].More
	}
	slices.SortFunc(rows, func(a, b api.Record) int { return cmp.Compare(last(a.Key), last(b.Key)) })
	if len(rows) > pageSize {
		return rows[:pageSize], true
	}
	return rows, more
}

// describe returns cases with their posts. Those that have ended meanwhile are left out.
func (p *Pinboard) describe(ctx context.Context, c *call, rows []api.Record) ([]*shownCase, error) {
	dossiers, ops := make([]*dossier, len(rows)), make([]api.Op, len(rows))
	for i := range rows {
		d, err := decode[dossier](&rows[i])
		if err != nil {
			return nil, err
		}
		dossiers[i], ops[i] = d, get(p.home(d.Author).post(d.Place))
	}
	found, err := c.reading.all(ctx, ops...)
	if err != nil {
		return nil, err
	}
	cases := []*shownCase{}
	for i, d := range dossiers {
		n, err := decode[post](first(&found[i]))
		if err != nil {
			return nil, err
		}
		if n == nil || p.home(d.Author).caseAt(n.Case) != rows[i].Key {
			continue
		}
		s := &shownCase{shownPost: *p.show(c.who, d.Author, d.Place, n), Opened: d.Opened, Reports: d.Reports}
		if d.Appeal != nil {
			s.Appeal, s.Appealed = d.Appeal.Why, d.Appeal.At
		}
		cases = append(cases, s)
	}
	return cases, nil
}

// casesEvery is how often it is looked how long cases wait.
const casesEvery = 30 * time.Second

// watchCases measures how long the oldest case has waited.
func (p *Pinboard) watchCases(ctx context.Context) {
	opened, err := p.oldestCase(ctx)
	switch {
	case err != nil:
		p.kit.Log.WarnContext(ctx, "it is not known how long cases wait", "error", err)
	case opened == 0:
		p.metrics.oldestCase.Set(0)
	default:
		p.metrics.oldestCase.Set(max(0, float64(now()-opened)/1000))
	}
}

// oldestCase returns when the case was opened that waits for the longest time, 0 if none waits.
func (p *Pinboard) oldestCase(ctx context.Context) (oldest int64, _ error) {
	for _, partition := range p.options.partitions.All() {
		o := all(casesOf(partition), 1)
		o.Reverse = true
		found, err := p.read(ctx, o)
		if err != nil {
			return 0, err
		}
		d, err := decode[dossier](first(&found[0]))
		if err != nil {
			return 0, err
		}
		if d != nil && (oldest == 0 || d.Opened < oldest) {
			oldest = d.Opened
		}
	}
	return oldest, nil
}
