package pinboard

import (
	"context"

	"picloud/node/api"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// leftAtOnce is how much of what an account has left one run of a job removes. The next job goes on.
const leftAtOnce = 20

// doDelete removes what an account has left, a part in each run: posts, then reports and relations on both sides, then the
// rest. Nothing is added meanwhile, as all who write ask whether the account is active.
func (p *Pinboard) doDelete(ctx context.Context, _ *lambda.Run, l letter) (*lambda.Effect, error) {
	h := p.home(l.Name)
	found, err := p.read(ctx, get(h.user()), all(h.posts(), leftAtOnce), all(h.reports(), leftAtOnce), all(h.allReported(), leftAtOnce),
		all(h.allFollows(), leftAtOnce), all(h.followers(), leftAtOnce))
	if err != nil {
		return nil, err
	}
	record := first(&found[0])
	u, err := decode[user](record)
	if err != nil || u == nil || u.State != stateLeaving {
		return nil, err // nothing is left
	}
	posts, reports, reported, follows, followers := found[1].Records, found[2].Records, found[3].Records, found[4].Records, found[5].Records
	var gone []api.Op
	switch {
	case len(posts) > 0:
		gone, err = removePosts(h, posts)
	case len(reports) > 0:
		gone, err = p.removeReports(ctx, h, reports)
	case len(reported) > 0:
		gone, err = p.removeReported(ctx, h, reported)
	case len(follows) > 0:
		gone, err = p.removeFollows(ctx, h, follows)
	case len(followers) > 0:
		gone, err = p.removeFollowers(ctx, h, followers)
	default:
		u.State = stateGone
		return &lambda.Effect{If: []api.Compare{api.Unchanged(h.user(), record)}, Then: []api.Op{removeAll(h.timeline()), removeAll(h.allSent()),
			removeAll(h.histories()), removeAll(h.origins()), removeAll(h.sessions()), remove(h.count()), put(h.user(), u, nameTTL)}}, nil
	}
	if err != nil {
		return nil, err
	}
	return &lambda.Effect{Then: gone, Jobs: []queue.Job{*p.options.job(kindDelete, l)}}, nil
}

func removePosts(h home, rows []api.Record) (ops []api.Op, _ error) {
	for i := range rows {
		n, err := decode[post](&rows[i])
		if err != nil {
			return nil, err
		}
		ops = append(append(ops, remove(rows[i].Key), remove(h.sent(n.ID))), n.removePictures()...)
		if n.Case != "" {
			ops = append(ops, remove(h.caseAt(n.Case)))
		}
	}
	return ops, nil
}

// removeFollows lets those know whom the account has followed.
func (p *Pinboard) removeFollows(ctx context.Context, h home, rows []api.Record) (ops []api.Op, _ error) {
	for i := range rows {
		if _, err := p.settle(ctx, h, p.home(last(rows[i].Key))); err != nil {
			return nil, err
		}
		ops = append(ops, remove(rows[i].Key))
	}
	return ops, nil
}

// removeFollowers removes what those have of the account who have followed it.
func (p *Pinboard) removeFollowers(ctx context.Context, h home, rows []api.Record) (ops []api.Op, _ error) {
	for i := range rows {
		if err := p.forget(ctx, p.home(last(rows[i].Key)), h.name); err != nil {
			return nil, err
		}
		ops = append(ops, remove(rows[i].Key))
	}
	return ops, nil
}

// forget removes from a user's partition that the user follows an author, and the entries that this has brought.
func (p *Pinboard) forget(ctx context.Context, h home, author string) error {
	for {
		entries, more, err := p.findEntries(ctx, h, author)
		if err != nil {
			return err
		}
		_, err = p.run(ctx, &api.Txn{Then: append([]api.Op{remove(h.follows(author))}, entries...)})
		if err != nil || !more {
			return err
		}
	}
}
