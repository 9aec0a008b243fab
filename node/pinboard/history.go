package pinboard

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"picloud/node/api"
)

// longestHistory is how many lines of a post's history are shown of what was decided, and of reports.
const longestHistory = 100

// maxWhy bounds, in characters, why somebody does something.
const maxWhy = 500

// why reads a body that says why, and nothing else.
func (c *call) why() (string, error) {
	var w struct {
		Why string `json:"why"`
	}
	if err := c.body(&w); err != nil {
		return "", err
	}
	return cleanText("why", w.Why, maxWhy)
}

// target is a post that a request is about, as it is in the store.
type target struct {
	home
	place  string
	record *api.Record
	post   *post
}

// target finds the post that the request's path names, if the caller may see it.
func (p *Pinboard) target(ctx context.Context, c *call) (*target, error) {
	h, err := p.whose(c)
	if err != nil {
		return nil, err
	}
	id := c.r.PathValue("id")
	none := api.Errorf(api.NotFound, "look for the post", fmt.Sprintf("%s/%.80q", h.name, id), "there is none")
	if !validPostID(id) {
		return nil, none
	}
	found, err := p.read(ctx, get(h.user()), get(h.sent(id)))
	if err != nil {
		return nil, err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() {
		return nil, orNone(err, none)
	}
	s, err := decode[sent](first(&found[1]))
	if err != nil || s == nil || s.Place == "" {
		return nil, orNone(err, none)
	}
	if found, err = p.read(ctx, get(h.post(s.Place))); err != nil {
		return nil, err
	}
	t := &target{home: h, place: s.Place, record: first(&found[0])}
	if t.post, err = decode[post](t.record); err != nil || t.post == nil || p.show(c.who, h.name, t.place, t.post) == nil {
		return nil, orNone(err, none)
	}
	return t, nil
}

// unchanged says what must hold while the post is changed: it is as it was read, and the account of its author is there.
func (t *target) unchanged() []api.Compare {
	return []api.Compare{t.active(), api.Unchanged(t.home.post(t.place), t.record)}
}

// note returns what writes a line of the post's history, in the transaction that changes the post.
func (t *target) note(l line) api.Op {
	revision := uint64(0)
	if t.record != nil {
		revision = t.record.Modified
	}
	at := fmt.Sprintf("%013d-%016x", l.At, revision) // no two changes are of one revision
	return put(t.home.history(t.place)+at, l, 0)
}

// errBusy says that others change a post all the time.
func errBusy(doing string, t *target) error {
	return api.Errorf(api.Unavailable, doing, t.name+"/"+t.post.ID, "it is being changed")
}

// history tells the author and moderators what was done about a post, the newest first. Who has reported it is not for the
// author to know.
func (p *Pinboard) history(ctx context.Context, c *call) error {
	t, err := p.target(ctx, c)
	if err != nil {
		return err
	}
	insider := p.may(c.who, moderator)
	if t.name != c.who.name && !insider {
		return api.Errorf(api.Forbidden, "read the history", t.name+"/"+t.post.ID, "it is somebody else's")
	}
	newest := all(t.home.history(t.place), longestHistory)
	newest.Reverse = true
	found, err := p.read(ctx, newest, all(t.reportsOf(t.place), longestHistory))
	if err != nil {
		return err
	}
	lines := []line{}
	for i := range found[0].Records {
		l, err := decode[line](&found[0].Records[i])
		if err != nil {
			return err
		}
		lines = append(lines, *l)
	}
	for i := range found[1].Records {
		r, err := decode[report](&found[1].Records[i])
		if err != nil {
			return err
		}
		l := line{At: r.At, Did: didReport}
		if insider {
			l.By, l.Why = last(found[1].Records[i].Key), r.Why
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.At, a.At) })
	return c.answer(http.StatusOK, struct {
		Lines []line `json:"lines"`
	}{lines})
}
