package pinboard

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/wait"
)

// report lets a user report a post. It lies with who reports, and a job brings it to the author's partition, where it
// counts once.
func (p *Pinboard) report(ctx context.Context, c *call) error {
	why, err := c.why()
	if err == nil {
		err = p.putReport(ctx, c, why)
	}
	p.metrics.reports.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

func (p *Pinboard) putReport(ctx context.Context, c *call, why string) error {
	t, err := p.target(ctx, c)
	if err != nil {
		return err
	}
	jobs, err := p.enqueue(c.who.home, kindReport, letter{Other: t.name, Place: t.place})
	if err != nil {
		return err
	}
	row := c.who.reported(entry{t.name, t.place})
	reply, err := p.run(ctx, &api.Txn{If: append(c.who.still(), api.Absent(row)), Then: append([]api.Op{put(row, &report{now(), why}, 0)}, jobs...),
		Else: []api.Op{get(row)}})
	if err == nil && !reply.Succeeded && first(&reply.Results[0]) == nil {
		err = errGone(c.who.name)
	}
	return err
}

// doReport brings a report to the post's author, and opens a case about a post that is shown. The other side is read first
// and written only if it is still so: whoever takes a report back writes the post too, so a run that comes too late fails.
func (p *Pinboard) doReport(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	self, t := p.home(l.Name), &target{home: p.home(l.Other), place: l.Place}
	row := self.reported(entry{l.Other, l.Place})
	for tries := 0; ; tries++ {
		theirs, err := p.read(ctx, get(t.user()), get(t.home.post(l.Place)), get(t.home.report(l.Place, l.Name)))
		if err != nil {
			return nil, err
		}
		ours, err := p.read(ctx, get(self.user()), get(row))
		if err != nil {
			return nil, err
		}
		u, err := decode[user](first(&ours[0]))
		if err != nil || !u.active() || first(&ours[1]) == nil || first(&theirs[2]) != nil {
			return nil, err // it was taken back, or it is there
		}
		author, err := decode[user](first(&theirs[0]))
		if err != nil {
			return nil, err
		}
		t.record = first(&theirs[1])
		if t.post, err = decode[post](t.record); err != nil {
			return nil, err
		}
		if !author.active() || t.post == nil {
			return &lambda.Effect{Then: []api.Op{remove(row)}}, nil
		}
		done, err := p.file(ctx, t, l.Name, first(&ours[1]))
		if done || err != nil {
			return nil, err
		}
		if tries == mostTries || !wait.For(ctx, rand.N(10*time.Millisecond<<min(tries, 5))) {
			return nil, errBusy("report", t)
		}
	}
}

// file puts a report into a post's case, if the post is as it was read.
func (p *Pinboard) file(ctx context.Context, t *target, by string, r *api.Record) (done bool, _ error) {
	n, row := t.post, t.home.report(t.place, by)
	ops := []api.Op{{Kind: api.Put, Key: row, Value: r.Value}}
	switch {
	case n.Case != "":
		d, err := p.dossier(ctx, t)
		if err != nil {
			return false, err
		}
		if d == nil {
			return false, nil // the case has ended, and so the post has changed
		}
		d.Reports++
		ops = append(ops, put(t.caseAt(n.Case), d, 0))
	case n.Standing == shown:
		ops = append(ops, t.openCase(t.place, n, &dossier{Opened: now(), Reports: 1}))
	}
	n.Reported = true
	reply, err := p.run(ctx, &api.Txn{If: append(t.unchanged(), api.Absent(row)), Then: append(ops, put(t.home.post(t.place), n, 0))})
	return err == nil && reply.Succeeded, err
}

// withdraw removes a report from where its post is. It writes the post, so that no run of a job brings the report once more.
func (p *Pinboard) withdraw(ctx context.Context, e entry, by string) error {
	h := p.home(e.Author)
	for tries := 0; ; tries++ {
		found, err := p.read(ctx, get(h.post(e.Place)))
		if err != nil {
			return err
		}
		t := &api.Txn{If: []api.Compare{api.Unchanged(h.post(e.Place), first(&found[0]))}, Then: []api.Op{remove(h.report(e.Place, by))}}
		if n := first(&found[0]); n != nil {
			t.Then = append(t.Then, api.Op{Kind: api.Put, Key: n.Key, Value: n.Value})
		}
		reply, err := p.run(ctx, t)
		if err != nil || reply.Succeeded {
			return err
		}
		if tries == mostTries || !wait.For(ctx, rand.N(10*time.Millisecond<<min(tries, 5))) {
			return api.Errorf(api.Unavailable, "take back a report of", e.key(), "others change the post all the time")
		}
	}
}

// removeReports returns what removes reports of a user's posts. Those who made them are free of them before.
func (p *Pinboard) removeReports(ctx context.Context, h home, rows []api.Record) (ops []api.Op, _ error) {
	for i := range rows {
		e, by := h.reportAt(rows[i].Key)
		if _, err := p.run(ctx, &api.Txn{Then: []api.Op{remove(p.home(by).reported(e))}}); err != nil {
			return nil, err
		}
		ops = append(ops, remove(rows[i].Key))
	}
	return ops, nil
}

// removeReported returns what removes the reports that a user has made. They are gone elsewhere before.
func (p *Pinboard) removeReported(ctx context.Context, h home, rows []api.Record) (ops []api.Op, _ error) {
	for i := range rows {
		if e, ok := parseEntry(last(rows[i].Key)); ok {
			if err := p.withdraw(ctx, e, h.name); err != nil {
				return nil, err
			}
		}
		ops = append(ops, remove(rows[i].Key))
	}
	return ops, nil
}

// doUnreport removes the reports of a post that was deleted.
func (p *Pinboard) doUnreport(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	h := p.home(l.Name)
	found, err := p.read(ctx, all(h.reportsOf(l.Place), leftAtOnce))
	if err != nil {
		return nil, err
	}
	gone, err := p.removeReports(ctx, h, found[0].Records)
	if err != nil {
		return nil, err
	}
	e := &lambda.Effect{Then: gone}
	if found[0].More {
		e.Jobs = append(e.Jobs, *p.options.job(kindUnreport, l))
	}
	return e, nil
}
