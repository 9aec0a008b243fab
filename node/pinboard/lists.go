package pinboard

import (
	"context"
	"net/http"
	"strings"

	"picloud/node/api"
)

// pageSize is how many posts an answer lists.
const pageSize = 20

// page is a list of posts, the newest first, or a part of it.
type page struct {
	Posts []*shownPost `json:"posts"`
	Next  string       `json:"next,omitempty"` // what to ask for to go on (before)
}

// profile is a user as others see him.
type profile struct {
	Name      string `json:"name"`
	Created   int64  `json:"created_ms"`
	Followers int    `json:"followers"`
	Followed  bool   `json:"followed"` // by who asks
	page
}

// profile shows a user and the user's posts.
func (p *Pinboard) profile(ctx context.Context, c *call) error {
	h, err := p.whose(c)
	if err != nil {
		return err
	}
	before, err := c.before(func(text string) bool { _, ok := timeOf(text); return ok })
	if err != nil {
		return err
	}
	ops := []api.Op{get(h.user()), after(h.posts(), before, pageSize), get(h.count())}
	if c.who != nil {
		ops = append(ops, get(c.who.follows(h.name)))
	}
	found, err := c.reading.all(ctx, ops...)
	if err != nil {
		return err
	}
	u, err := decode[user](first(&found[0]))
	if err != nil || !u.active() {
		return orNone(err, noUser(h.name))
	}
	followers, err := decode[count](first(&found[2]))
	if err != nil {
		return err
	}
	shown := profile{Name: h.name, Created: u.Created}
	if followers != nil {
		shown.Followers = followers.N
	}
	if c.who != nil {
		r, err := decode[relation](first(&found[3]))
		if err != nil {
			return err
		}
		shown.Followed = r != nil
	}
	if shown.page, err = p.pageOf(ctx, c, h, &found[1]); err != nil {
		return err
	}
	return c.answer(http.StatusOK, &shown)
}

// pageOf returns the posts of a list that are for who asks. Where none is left it goes on.
func (p *Pinboard) pageOf(ctx context.Context, c *call, author home, list *api.Result) (page, error) {
	shown := page{Posts: []*shownPost{}}
	for rounds := 0; ; rounds++ {
		for i := range list.Records {
			n, err := decode[post](&list.Records[i])
			if err != nil {
				return page{}, err
			}
			if s := p.show(c.who, author.name, last(list.Records[i].Key), n); s != nil {
				shown.Posts = append(shown.Posts, s)
			}
		}
		if shown.Next = ""; !list.More {
			return shown, nil
		}
		shown.Next = last(list.Records[len(list.Records)-1].Key)
		if len(shown.Posts) > 0 || rounds == maxTimeline/pageSize {
			return shown, nil
		}
		var err error
		if list, err = c.reading.do(ctx, after(author.posts(), shown.Next, pageSize)); err != nil {
			return page{}, err
		}
	}
}

// timeline shows the posts of those whom a user follows, and the user's own.
func (p *Pinboard) timeline(ctx context.Context, c *call) error {
	before, err := c.before(func(text string) bool { _, ok := parseEntry(text); return ok })
	if err != nil {
		return err
	}
	shown := page{Posts: []*shownPost{}}
	for rounds := 0; len(shown.Posts) == 0 && rounds < maxTimeline/pageSize; rounds++ { // until something is left of it
		list, err := c.reading.do(ctx, after(c.who.timeline(), before, pageSize))
		if err != nil {
			return err
		}
		entries := make([]entry, len(list.Records))
		for i := range list.Records {
			e, err := decode[entry](&list.Records[i])
			if err != nil {
				return err
			}
			entries[i] = *e
		}
		if shown.Posts, err = p.resolve(ctx, c, entries); err != nil {
			return err
		}
		shown.Next = ""
		if !list.More {
			break
		}
		before = entries[len(entries)-1].key()
		shown.Next = before
	}
	return c.answer(http.StatusOK, &shown)
}

// resolve returns the posts to which entries refer. Those that are deleted, or whose author is, and those that are not for who
// asks are left out.
func (p *Pinboard) resolve(ctx context.Context, c *call, entries []entry) ([]*shownPost, error) {
	ops := make([]api.Op, len(entries), 2*len(entries)) // the posts, and then the authors
	authors := map[string]int{}                         // where each stands among them
	for i, e := range entries {
		author := p.home(e.Author)
		ops[i] = get(author.post(e.Place))
		if _, is := authors[e.Author]; !is {
			authors[e.Author] = len(ops)
			ops = append(ops, get(author.user()))
		}
	}
	found, err := c.reading.all(ctx, ops...)
	if err != nil {
		return nil, err
	}
	shown := []*shownPost{}
	for i, e := range entries {
		u, err := decode[user](first(&found[authors[e.Author]]))
		if err != nil {
			return nil, err
		}
		n, err := decode[post](first(&found[i]))
		if err != nil {
			return nil, err
		}
		if !u.active() || n == nil {
			continue
		}
		if s := p.show(c.who, e.Author, e.Place, n); s != nil {
			shown = append(shown, s)
		}
	}
	return shown, nil
}

// parseEntry reads the key of an entry.
func parseEntry(key string) (entry, bool) {
	if len(key) < placeLength+2 || key[placeLength] != '-' {
		return entry{}, false
	}
	e := entry{Place: key[:placeLength], Author: key[placeLength+1:]}
	_, ok := timeOf(e.Place)
	return e, ok && validName(e.Author)
}

// before reads from where on a list goes on, which is empty for its beginning.
func (c *call) before(valid func(string) bool) (string, error) {
	text := c.r.URL.Query().Get("before")
	if text != "" && !valid(text) {
		return "", api.Errorf(api.BadRequest, "read the query", "before", "it is what an answer has said as next, not %.80q", text)
	}
	return strings.Clone(text), nil
}
