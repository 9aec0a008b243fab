package pinboard

import (
	"context"
	"fmt"
	"net/http"

	"picloud/node/api"
	"picloud/node/web"
)

// createPost posts what the request says. When it is repeated it is answered as it was the first time.
func (p *Pinboard) createPost(ctx context.Context, c *call) error {
	if !c.isForm() {
		return p.postDraft(ctx, c)
	}
	return p.uploads.through(ctx, func() error { return p.postDraft(ctx, c) })
}

func (p *Pinboard) postDraft(ctx context.Context, c *call) error {
	d, err := c.draft()
	var s *shownPost
	replayed := false
	if err == nil {
		s, replayed, err = p.post(ctx, c.who, d)
	}
	p.metrics.posts.WithLabelValues(outcome(err)).Inc()
	if err != nil {
		return err
	}
	if replayed {
		c.w.Header().Set(web.ReplayedHeader, "true")
	}
	return c.answer(http.StatusCreated, s)
}

func (p *Pinboard) post(ctx context.Context, who *visitor, d *draft) (_ *shownPost, replayed bool, _ error) {
	content := d.fingerprint()
	found, err := p.read(ctx, get(who.sent(d.ID)), all(who.posts(), 1))
	if err != nil {
		return nil, false, err
	}
	if before := first(&found[0]); before != nil {
		s, err := p.replay(ctx, who, d, content, before)
		return s, true, err
	}
	at := now()
	if newest := first(&found[1]); newest != nil { // the clocks of servers differ, and posts stay in their order
		before, _ := timeOf(last(newest.Key))
		at = max(at, before+1)
	}
	n := &post{ID: d.ID, At: at, Text: d.Text, Alt: d.Alt}
	place := newPlace(at, who.name, d.ID)
	t, err := p.posting(ctx, who, place, n, d)
	if err != nil {
		return nil, false, err
	}
	reply, err := p.run(ctx, t)
	if err != nil {
		return nil, false, err
	}
	if reply.Succeeded {
		p.metrics.ruled(n.Standing, "posting")
		return p.show(who, who.name, place, n), false, nil
	}
	before := first(&reply.Results[0])
	if before == nil {
		return nil, false, errGone(who.name)
	}
	s, err := p.replay(ctx, who, d, content, before)
	return s, true, err
}

// posting returns the transaction that posts something, if it may be posted. A picture is judged before anything of it is stored.
func (p *Pinboard) posting(ctx context.Context, who *visitor, place string, n *post, d *draft) (*api.Txn, error) {
	made, err := p.picture(ctx, n, d)
	if err == nil {
		err = p.examine(ctx, who.home, n, d.from)
	}
	if err != nil {
		return nil, err
	}
	own := entry{who.name, place}
	t := &api.Txn{
		If:   append(who.still(), api.Absent(who.sent(n.ID))),
		Then: []api.Op{put(who.sent(n.ID), &sent{place, d.fingerprint()}, 0), put(who.entry(own), own, 0)},
		Else: []api.Op{get(who.sent(n.ID))},
	}
	if p.guard != nil && d.from != "" {
		t.Then = append(t.Then, put(who.origin(place), &origin{d.from}, originTTL))
	}
	var follows []api.Op
	if n.Standing == held {
		follows, err = p.hold(&target{home: who.home, place: place, post: n})
	} else {
		follows, err = p.enqueue(who.home, kindTimeline, letter{Place: place})
	}
	if err == nil && made != nil {
		err = p.illustrate(ctx, who.home, place, n, made, t)
	}
	t.Then = append(append(t.Then, follows...), put(who.post(place), n, 0))
	return t, err
}

// replay answers a request that has taken effect before, if it is the same.
func (p *Pinboard) replay(ctx context.Context, who *visitor, d *draft, content string, before *api.Record) (*shownPost, error) {
	s, err := decode[sent](before)
	if err != nil {
		return nil, err
	}
	refused := func(why string) error { return api.Errorf(api.Conflict, "post", d.ID, "%s", why) }
	if s.Content != content {
		return nil, refused("another post has this ID")
	}
	if s.Place == "" {
		return nil, refused("a post with this ID was deleted")
	}
	found, err := p.read(ctx, get(who.post(s.Place)))
	if err != nil {
		return nil, err
	}
	n, err := decode[post](first(&found[0]))
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, refused("a post with this ID was deleted")
	}
	return p.show(who, who.name, s.Place, n), nil
}

// whose returns whose data the request's path is about.
func (p *Pinboard) whose(c *call) (home, error) {
	name := c.r.PathValue("name")
	if !validName(name) {
		return home{}, badName(name)
	}
	return p.home(name), nil
}

func noUser(name string) error {
	return api.Errorf(api.NotFound, "look for the user", name, "there is none")
}

// readPost shows one post.
func (p *Pinboard) readPost(ctx context.Context, c *call) error {
	h, err := p.whose(c)
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	none := api.Errorf(api.NotFound, "read the post", fmt.Sprintf("%s/%.80q", h.name, id), "there is none")
	if !validPostID(id) {
		return none
	}
	if active, err := c.reading.isActive(ctx, h); err != nil || !active {
		return orNone(err, none)
	}
	s, err := find[sent](ctx, c.reading, h.sent(id))
	if err != nil || s == nil || s.Place == "" {
		return orNone(err, none)
	}
	n, err := find[post](ctx, c.reading, h.post(s.Place))
	if err != nil || n == nil {
		return orNone(err, none)
	}
	shown := p.show(c.who, h.name, s.Place, n)
	if shown == nil {
		return none
	}
	return c.answer(http.StatusOK, shown)
}

// orNone returns an error, or another one if it is none.
func orNone(err, none error) error {
	if err != nil {
		return err
	}
	return none
}

// deletePost deletes a post of one's own. A job takes it out of timelines, which do not show it any more.
func (p *Pinboard) deletePost(ctx context.Context, c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	h, err := p.whose(c)
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	if h.name != c.who.name {
		return api.Errorf(api.Forbidden, "delete the post", fmt.Sprintf("%s/%.80q", h.name, id), "it is somebody else's")
	}
	none := api.Errorf(api.NotFound, "delete the post", fmt.Sprintf("%s/%.80q", h.name, id), "there is none")
	if !validPostID(id) {
		return none
	}
	found, err := p.read(ctx, get(h.sent(id)))
	if err != nil {
		return err
	}
	s, err := decode[sent](first(&found[0]))
	if err != nil || s == nil {
		return orNone(err, none)
	}
	for tries := 0; s.Place != "" && err == nil; tries++ {
		var done bool
		if done, err = p.takeBack(ctx, c.who, id, s); done {
			break
		}
		if err == nil && tries == 3 {
			err = api.Errorf(api.Unavailable, "delete the post", id, "it is being changed")
		}
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

// takeBack deletes a post with its pictures, if it has not been changed while it was read.
func (p *Pinboard) takeBack(ctx context.Context, who *visitor, id string, s *sent) (done bool, _ error) {
	found, err := p.read(ctx, get(who.post(s.Place)), get(who.home.session(who.session)))
	if err != nil {
		return false, err
	}
	if first(&found[1]) == nil {
		return false, errGone(who.name)
	}
	n, err := decode[post](first(&found[0]))
	if err != nil || n == nil {
		return err == nil, err
	}
	kinds := []string{kindRetract}
	if n.Reported {
		kinds = append(kinds, kindUnreport)
	}
	var jobs []api.Op
	for _, kind := range kinds {
		more, err := p.enqueue(who.home, kind, letter{Place: s.Place})
		if err != nil {
			return false, err
		}
		jobs = append(jobs, more...)
	}
	gone := append([]api.Op{remove(who.post(s.Place)), put(who.sent(id), &sent{Content: s.Content}, sentTTL), remove(who.entry(entry{who.name, s.Place})),
		remove(who.origin(s.Place)), removeAll(who.history(s.Place))}, n.removePictures()...)
	if n.Case != "" {
		gone = append(gone, remove(who.caseAt(n.Case)))
	}
	reply, err := p.run(ctx, &api.Txn{If: append(who.still(), api.Unchanged(who.post(s.Place), first(&found[0]))), Then: append(gone, jobs...)})
	return err == nil && reply.Succeeded, err
}
