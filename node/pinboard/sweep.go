package pinboard

import (
	"context"
	"strings"
	"time"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/lambda"
)

// A run of a sweep looks at sweptAtOnce posts and blocks blockedAtOnce of them at most. The next job goes on.
const (
	sweptAtOnce   = 50
	blockedAtOnce = 10
)

// sweepAfter is how long a sweep waits, until whoever does it knows of what has come onto a list: ListBound, and a second
// for the clock of jobs.
const sweepAfter = abuse.ListBound + time.Second

// sweepAll has all that is stored compared with the lists.
func (p *Pinboard) sweepAll(ctx context.Context) error {
	for _, partition := range p.options.partitions.All() {
		ops, err := p.options.job(kindSweep, letter{}).Put(partition)
		if err != nil {
			return err
		}
		if _, err := p.run(ctx, &api.Txn{Then: ops}); err != nil {
			return err
		}
	}
	return nil
}

// doSweep blocks what is listed of the posts of one partition, which nobody is shown any more. So it stays away when it is
// asked for where the lists are not known.
func (p *Pinboard) doSweep(ctx context.Context, r *lambda.Run, l letter) (*lambda.Effect, error) {
	if p.guard == nil {
		return nil, nil
	}
	posts := postsOf(r.Partition)
	found, err := p.read(ctx, after(posts, l.After, sweptAtOnce))
	if err != nil {
		return nil, err
	}
	rows := found[0].Records
	more := found[0].More
	e := &lambda.Effect{}
	for i := range rows {
		l.After = strings.TrimPrefix(rows[i].Key, posts)
		one, err := p.sweep(ctx, &rows[i], l.After)
		if err != nil {
			return nil, err
		}
		if one == nil {
			continue
		}
		e.If, e.Then, e.Jobs = append(e.If, one.If...), append(e.Then, one.Then...), append(e.Jobs, one.Jobs...)
		if len(e.If) == 2*blockedAtOnce {
			more = more || i+1 < len(rows)
			break
		}
	}
	if more {
		e.Jobs = append(e.Jobs, *p.options.job(kindSweep, l))
	}
	return e, nil
}

// sweep returns what blocks a post, nil if it is not to be blocked.
func (p *Pinboard) sweep(ctx context.Context, record *api.Record, at string) (*lambda.Effect, error) {
	name, place, _ := strings.Cut(at, "/")
	t := &target{home: p.home(name), place: place, record: record}
	var err error
	if t.post, err = decode[post](record); err != nil || t.post.Standing == blocked {
		return nil, err
	}
	on, known := p.listed(t.post)
	switch {
	case on.Reason != "":
	case !known:
		return nil, api.Errorf(api.Unavailable, "sweep", record.Key, "the lists are not known")
	default:
		return nil, nil
	}
	found, err := p.read(ctx, get(t.user()))
	if err != nil {
		return nil, err
	}
	if u, err := decode[user](first(&found[0])); err != nil || !u.active() {
		return nil, err // another job removes it
	}
	return p.ruled(t, &ruling{to: blocked, reason: string(on.Reason), by: itself, why: string(on.Reason)}, "sweep"), nil
}
