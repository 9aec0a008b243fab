package users

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"picloud/scenarios/history"
)

// post is what somebody wants to post.
type post struct {
	id, text string // of the ID its beginning
	photo    []byte // a file, if there is one
	shows    motif  // of the photo
	spam     bool   // it is meant to harm
}

func (s *seat) post(ctx context.Context, n post) history.Outcome {
	n.id += n.truth()
	o := history.Operation{Key: s.self.name, Use: &history.Visit{Action: "post", ID: n.id, Spam: n.spam, Tags: tagsOf(n.text, n.photo)}}
	c := &call{method: "POST", path: "/api/posts", body: map[string]string{"id": n.id, "text": n.text}}
	if n.photo != nil {
		form, err := upload(n.id, n.text, n.photo)
		if err != nil {
			panic(err) // it is made in memory
		}
		o.Use.Action, c.body = "photo", form
	}
	p := s.self
	return s.visit(ctx, o, c, func(a *answer, v *history.Visit) (*call, error) {
		var shown shownPost
		if err := json.Unmarshal(a.body, &shown); err == nil && a.status/100 == 2 {
			s.posted(p, &shown, n.spam, v)
		}
		return nil, wanted(a)
	})
}

// posted keeps in mind what was posted.
func (s *seat) posted(p *person, shown *shownPost, spam bool, v *history.Visit) {
	if v.State = shown.State; shown.Picture != "" {
		s.with(p, func(p *person) { p.photos = append(p.photos, shown.sight()) })
	}
	switch {
	case spam:
		s.remember(shown.sight()) // who spams spreads the word
	case shown.State != "":
		s.contest(shown)
	}
}

func (s *seat) photograph(ctx context.Context) {
	shows := motif(rand.Uint64())
	file, err := variant(shows.draw(random()), variants-1)
	if err != nil {
		panic(err) // it is made in memory
	}
	s.post(ctx, post{id: s.key(), text: s.texts.Ham(random()), photo: file, shows: shows})
}

func wanted(a *answer) error {
	if a.status == http.StatusNotFound {
		return fmt.Errorf("status %d: %.200s", a.status, a.body)
	}
	return nil
}

// picture looks at a photo of somebody.
func (s *seat) picture(ctx context.Context, of *person) {
	p, has := s.photo(of)
	if !has {
		s.profile(ctx, of.name, false)
		return
	}
	s.open(ctx, of.name, &p, "photo", false)
}

// open looks at a picture of somebody: the photo of a post, or its thumbnail ("thumb"); as it is now, if that is wanted.
func (s *seat) open(ctx context.Context, of string, p *sight, what string, fresh bool) history.Outcome {
	path := p.picture
	if what == "thumb" {
		path = p.thumbnail
	}
	if fresh {
		path += "?fresh=true"
	}
	return s.visit(ctx, history.Operation{Key: of, Use: &history.Visit{Action: "picture", ID: p.id + ":" + what, Fresh: fresh}},
		&call{method: "GET", path: path}, func(a *answer, v *history.Visit) (*call, error) {
			s.seePicture(p, what, a, v)
			return nil, nil
		})
}

// seePicture writes down what a picture shows: the photo of a post, or its thumbnail.
func (s *seat) seePicture(p *sight, what string, a *answer, v *history.Visit) {
	if a.status != http.StatusOK {
		return
	}
	v.Seen = append(v.Seen, p.author+"/"+p.id+":"+what)
	comparePicture(p, what, a.body, v)
	if p.author != v.User {
		v.Find(tagsOf("", a.body))
	}
}

// look goes back to a post that somebody has seen, and to its pictures, whether it is still shown or not. Spam draws people as well as
// all else together: it is spread so that it does.
func (s *seat) look(ctx context.Context) {
	spam := rand.IntN(2) == 0
	p, has := s.recall(func(p *sight) bool { return isSpam(p.id) == spam })
	if !has {
		s.glance(ctx)
		return
	}
	if rand.IntN(4) == 0 {
		s.profile(ctx, p.author, false)
		return
	}
	s.lookAt(ctx, &p)
}

func (s *seat) lookAt(ctx context.Context, p *sight) {
	var next []*call // after the post itself
	whats := []string{"photo", "thumb"}
	for _, path := range []string{p.picture, p.thumbnail} {
		if path != "" {
			next = append(next, &call{method: "GET", path: path})
		}
	}
	asked := 0
	s.visit(ctx, history.Operation{Key: p.author, Use: &history.Visit{Action: "look", ID: p.id}},
		&call{method: "GET", path: postPath(p)}, func(a *answer, v *history.Visit) (*call, error) {
			var err error
			if asked++; asked > 1 {
				s.seePicture(p, whats[asked-2], a, v)
			} else if a.status == http.StatusOK {
				err = s.seePost(p, a, v)
			}
			if err != nil || asked > len(next) {
				return nil, err
			}
			return next[asked-1], nil
		})
}

func (s *seat) seePost(p *sight, a *answer, v *history.Visit) error {
	var shown shownPost
	if err := json.Unmarshal(a.body, &shown); err != nil {
		return err
	}
	if v.Seen = append(v.Seen, shown.Author+"/"+shown.ID); shown.Author != p.author || shown.ID != p.id {
		wrong(v, p.author, p.id, "what is shown is %s/%s", shown.Author, shown.ID)
	}
	s.notice(&shown, v)
	return nil
}

func postPath(p *sight) string { return "/api/posts/" + p.author + "/" + p.id }

// report says that a post that somebody has seen is spam, if one of those is.
func (s *seat) report(ctx context.Context) {
	p, has := s.recall(func(p *sight) bool { return isSpam(p.id) })
	if !has {
		s.timeline(ctx, false)
		return
	}
	s.visit(ctx, history.Operation{Key: p.author, Use: &history.Visit{Action: "report", ID: p.id}},
		&call{method: "POST", path: postPath(&p) + "/report", body: map[string]string{"why": "it is spam"}, fine: []int{http.StatusConflict}},
		func(*answer, *history.Visit) (*call, error) { return nil, nil }) // it may be gone, or reported
}

// held is a post of one's own that is not shown, and when its author will say that this is wrong.
type held struct {
	id string
	at time.Duration
}

// hesitation is the longest time before somebody appeals.
const hesitation = 4 * time.Second

// contest makes up somebody's mind to appeal, once for each post.
func (s *seat) contest(p *shownPost) {
	for _, h := range s.held {
		if h.id == p.ID {
			return
		}
	}
	s.held = append(s.held, held{p.ID, s.config.sinceStart() + rand.N(hesitation)})
}

// appeal asks moderators for the post whose time has come, and tells whether there was one.
func (s *seat) appeal(ctx context.Context) bool {
	for i := range s.held {
		h := &s.held[i]
		if h.at == appealed || h.at > s.config.sinceStart() {
			continue
		}
		outcome := s.visit(ctx, history.Operation{Key: s.self.name, Use: &history.Visit{Action: "appeal", ID: h.id}},
			&call{method: "POST", path: postPath(&sight{author: s.self.name, id: h.id}) + "/appeal", body: map[string]string{"why": "I meant well"},
				fine: []int{http.StatusConflict}}, // it is shown by now
			func(*answer, *history.Visit) (*call, error) { return nil, nil })
		if h.at = appealed; outcome == history.Unknown {
			h.at = s.config.sinceStart() + hesitation
		}
		return true
	}
	return false
}

// appealed stands for the time of what has been done.
const appealed = -1
