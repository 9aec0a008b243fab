package pinboard

import (
	"context"
	"net/http"

	"picloud/node/api"
)

// maxFollows is how many others a user follows, but for some more who are followed at the same moment.
const maxFollows = 500

// followed is who is followed, or not any more.
type followed struct {
	Name  string `json:"name"`
	Since int64  `json:"since_ms,omitempty"` // none if not
}

// follow lets a user follow another one: from now on, and with the newest posts that there are.
func (p *Pinboard) follow(ctx context.Context, c *call) error {
	other, err := p.relating(c)
	if err != nil {
		return err
	}
	if other.name == c.who.name {
		return api.Errorf(api.BadRequest, "follow", other.name, "nobody follows himself")
	}
	theirs, err := p.read(ctx, get(other.user()), all(other.posts(), 1))
	if err != nil {
		return err
	}
	author, err := decode[user](first(&theirs[0]))
	if err != nil || !author.active() {
		return orNone(err, noUser(other.name))
	}
	row := c.who.follows(other.name)
	found, err := p.read(ctx, get(row), all(c.who.allFollows(), maxFollows))
	if err != nil {
		return err
	}
	r, err := decode[relation](first(&found[0]))
	if err != nil {
		return err
	}
	if r != nil {
		return c.answer(http.StatusOK, followed{other.name, r.Since})
	}
	if len(found[1].Records) >= maxFollows {
		return api.Errorf(api.TooLarge, "follow", other.name, "you follow %d already, which is the limit", maxFollows)
	}
	jobs, err := p.enqueue(c.who.home, kindFollow, letter{Other: other.name})
	if err != nil {
		return err
	}
	r = &relation{Since: now()}
	if newest := first(&theirs[1]); newest != nil {
		r.Last = last(newest.Key)
	}
	reply, err := p.run(ctx, &api.Txn{If: append(c.who.still(), api.Absent(row)), Then: append([]api.Op{put(row, r, 0)}, jobs...), Else: []api.Op{get(row)}})
	if err != nil {
		return err
	}
	if !reply.Succeeded {
		if r, err = decode[relation](first(&reply.Results[0])); err != nil || r == nil {
			return orNone(err, errGone(c.who.name))
		}
	}
	return c.answer(http.StatusOK, followed{other.name, r.Since})
}

// unfollow ends that. The newest of the other's posts leave the timeline at once, and a job removes the rest.
func (p *Pinboard) unfollow(ctx context.Context, c *call) error {
	other, err := p.relating(c)
	if err != nil {
		return err
	}
	row := c.who.follows(other.name)
	found, err := p.read(ctx, get(row), all(c.who.timeline(), maxTimeline))
	if err != nil {
		return err
	}
	if first(&found[0]) == nil {
		return c.answer(http.StatusOK, followed{Name: other.name})
	}
	jobs, err := p.enqueue(c.who.home, kindFollow, letter{Other: other.name})
	if err != nil {
		return err
	}
	entries, _ := entriesOf(found[1].Records, other.name, mostEntries)
	reply, err := p.run(ctx, &api.Txn{If: c.who.still(), Then: append(append([]api.Op{remove(row)}, jobs...), entries...)})
	if err == nil && !reply.Succeeded {
		err = errGone(c.who.name)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, followed{Name: other.name})
}

// relating reads a request that follows or unfollows.
func (p *Pinboard) relating(c *call) (home, error) {
	if err := c.noBody(); err != nil {
		return home{}, err
	}
	return p.whose(c)
}

// listFollows lists whom a user follows.
func (p *Pinboard) listFollows(ctx context.Context, c *call) error {
	list, err := c.reading.do(ctx, all(c.who.allFollows(), 2*maxFollows))
	if err != nil {
		return err
	}
	shown := struct {
		Follows []followed `json:"follows"`
	}{[]followed{}}
	for i := range list.Records {
		r, err := decode[relation](&list.Records[i])
		if err != nil {
			return err
		}
		shown.Follows = append(shown.Follows, followed{last(list.Records[i].Key), r.Since})
	}
	return c.answer(http.StatusOK, &shown)
}
