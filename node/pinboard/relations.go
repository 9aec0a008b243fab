package pinboard

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/wait"
)

const (
	maxTimeline = 500 // entries that a timeline keeps
	backfill    = 20  // posts that somebody brings along who is followed
	// mostBackfill is how many there are at most, if more are made before the job that lets a relation take effect is done.
	mostBackfill = 100
	mostEntries  = 80 // that one transaction removes
	mostTries    = 10 // to change what others change too
)

// tie is what two users' partitions say of whether one follows the other.
type tie struct {
	row     *api.Record // of the one who follows, nil for none
	follows bool        // the row counts: both accounts are there
	leaving bool        // the account of the one who follows is not there
}

// settle makes the other side of a relation what this side says. The other side is read first and written only if it is
// still so: it is written by each run, even where that changes nothing, so a run that comes too late, with what this side
// said before, fails.
func (p *Pinboard) settle(ctx context.Context, self, other home) (*tie, error) {
	for tries := 0; ; tries++ {
		theirs, err := p.read(ctx, get(other.user()), get(other.follower(self.name)), get(other.count()))
		if err != nil {
			return nil, err
		}
		ours, err := p.read(ctx, get(self.user()), get(self.follows(other.name)))
		if err != nil {
			return nil, err
		}
		u, err := decode[user](first(&ours[0]))
		if err != nil {
			return nil, err
		}
		author, err := decode[user](first(&theirs[0]))
		if err != nil {
			return nil, err
		}
		there := author.active()
		t := &tie{row: first(&ours[1]), leaving: !u.active()}
		t.follows = t.row != nil && !t.leaving && there
		done, err := p.mirror(ctx, other, self.name, &mirrored{first(&theirs[1]), first(&theirs[2]), there}, t.follows)
		if done || err != nil && api.KindOf(err) != api.Unknown {
			return t, err
		}
		if tries == mostTries || !wait.For(ctx, rand.N(10*time.Millisecond<<min(tries, 5))) {
			return nil, api.Errorf(api.Unavailable, "write to the followers of", other.name, "others do so all the time")
		}
	}
}

// mirrored is what the other side says: the row of a follower, nil for none, how many there are, and whether the account is
// there.
type mirrored struct {
	row, number *api.Record
	there       bool
}

// mirror writes whether somebody follows, and how many do, if the other side is as it was read.
func (p *Pinboard) mirror(ctx context.Context, h home, name string, m *mirrored, follows bool) (done bool, _ error) {
	if !m.there {
		return true, nil // who removes what the account has left finds its followers by these rows
	}
	n, err := decode[count](m.number)
	if err != nil {
		return false, err
	}
	if n == nil {
		n = &count{}
	}
	t := &api.Txn{If: []api.Compare{h.active(), api.Unchanged(h.follower(name), m.row), api.Unchanged(h.count(), m.number)}}
	switch {
	case follows:
		t.Then = []api.Op{put(h.follower(name), relation{Since: now()}, 0)}
		if m.row == nil {
			n.N++
		}
	case m.row != nil:
		t.Then = []api.Op{remove(h.follower(name))}
		n.N--
	}
	t.Then = append(t.Then, put(h.count(), n, 0))
	reply, err := p.run(ctx, t)
	return err == nil && reply.Succeeded, err
}

// doFollow lets a relation take effect on the other side and in the timeline.
func (p *Pinboard) doFollow(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	self, other := p.home(l.Name), p.home(l.Other)
	t, err := p.settle(ctx, self, other)
	if err != nil || t.leaving {
		return nil, err // what an account has left is removed by another job
	}
	row := self.follows(other.name)
	e := &lambda.Effect{If: []api.Compare{self.active(), api.Unchanged(row, t.row)}}
	if !t.follows {
		entries, more, err := p.findEntries(ctx, self, other.name)
		if err != nil {
			return nil, err
		}
		if e.Then = entries; more {
			e.Jobs = append(e.Jobs, *p.options.job(kindFollow, l))
		}
		if t.row != nil { // the other account is gone
			e.Then = append(e.Then, remove(row))
		}
		return e, nil
	}
	// From here on the other's new posts come by themselves. Those do not that were made before, and after it was said that they do:
	// all of them are brought, and the newest of those that there were.
	since, err := decode[relation](t.row)
	if err != nil {
		return nil, err
	}
	found, err := p.read(ctx, all(other.posts(), mostBackfill))
	if err != nil {
		return nil, err
	}
	for i := range found[0].Records {
		of, err := decode[post](&found[0].Records[i])
		if err != nil {
			return nil, err
		}
		place := last(found[0].Records[i].Key)
		if i >= backfill && since.Last != "" && place >= since.Last {
			break // it was there already
		}
		if n := (entry{other.name, place}); of.Standing == shown {
			e.Then = append(e.Then, put(self.entry(n), n, 0))
		}
	}
	return e, nil
}

// findEntries returns what removes entries of an author from a timeline, however long it is, and whether there may be more of them.
func (p *Pinboard) findEntries(ctx context.Context, h home, author string) (ops []api.Op, more bool, _ error) {
	for from := ""; ; {
		found, err := p.read(ctx, after(h.timeline(), from, 2*maxTimeline))
		if err != nil {
			return nil, false, err
		}
		ops, more = entriesOf(found[0].Records, author, mostEntries)
		if !found[0].More || len(ops) > 0 {
			return ops, more || found[0].More, nil
		}
		from = last(found[0].Records[len(found[0].Records)-1].Key)
	}
}

// entriesOf returns what removes the entries of one author from a timeline, so many at most, and whether there are more.
func entriesOf(timeline []api.Record, author string, most int) (ops []api.Op, more bool) {
	of := slices.DeleteFunc(slices.Clone(timeline), func(r api.Record) bool {
		e, ok := parseEntry(last(r.Key))
		return !ok || e.Author != author
	})
	for i := range of[:min(len(of), most)] {
		ops = append(ops, remove(of[i].Key))
	}
	return ops, len(of) > most
}
