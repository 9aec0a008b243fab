package users

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"picloud/scenarios/history"
)

// shownPost is a post as Pinboard shows it.
type shownPost struct {
	ID        string `json:"id"`
	Author    string `json:"author"`
	Text      string `json:"text"`
	Picture   string `json:"picture"`
	Thumbnail string `json:"thumbnail"`
	State     string `json:"state"` // held or blocked; nothing if it is shown to all
}

func (p *shownPost) sight() sight { return sight{p.Author, p.ID, p.Picture, p.Thumbnail} }

// page is a profile, or a page of a timeline.
type page struct {
	Posts     []shownPost `json:"posts"`
	Next      string      `json:"next"`
	Followers int         `json:"followers"`
}

// profile looks at somebody's profile; all of it, if what is so now is wanted.
func (s *seat) profile(ctx context.Context, name string, fresh bool) history.Outcome {
	_, outcome := s.album(ctx, name, fresh)
	return outcome
}

// album looks at somebody's profile, and returns the posts on it that have pictures.
func (s *seat) album(ctx context.Context, name string, fresh bool) (album []sight, _ history.Outcome) {
	outcome := s.list(ctx, history.Operation{Key: name, Use: &history.Visit{Action: "profile", Fresh: fresh}}, "/api/users/"+url.PathEscape(name),
		func(p *shownPost) string {
			entry := p.ID
			if p.Picture != "" {
				entry += ":photo"
				album = append(album, p.sight())
			}
			if p.Thumbnail != "" {
				entry += ":thumb"
			}
			return entry
		})
	return album, outcome
}

func (s *seat) timeline(ctx context.Context, fresh bool) history.Outcome {
	return s.list(ctx, history.Operation{Key: s.self.name, Use: &history.Visit{Action: "timeline", Fresh: fresh}}, "/api/timeline",
		func(p *shownPost) string { return p.Author + "/" + p.ID })
}

// list looks at a list of posts: at its first page, or at all of it, if what is so now is wanted.
func (s *seat) list(ctx context.Context, o history.Operation, path string, entry func(*shownPost) string) history.Outcome {
	ask := func(next string) *call {
		q := url.Values{}
		if o.Use.Fresh {
			q.Set("fresh", "true")
		}
		if next != "" {
			q.Set("before", next)
		}
		return &call{method: "GET", path: path + "?" + q.Encode()}
	}
	return s.visit(ctx, o, ask(""), func(a *answer, v *history.Visit) (*call, error) {
		if a.status == http.StatusNotFound {
			return nil, nil
		}
		var p page
		if err := json.Unmarshal(a.body, &p); err != nil {
			return nil, err
		}
		for i := range p.Posts {
			v.Seen = append(v.Seen, entry(&p.Posts[i]))
			s.notice(&p.Posts[i], v)
		}
		if v.More, v.Count = p.Next != "", p.Followers; v.More && v.Fresh {
			return ask(p.Next), nil
		}
		return nil, nil
	})
}

// notice writes down what a post that is shown shows, and keeps it in mind.
func (s *seat) notice(p *shownPost, v *history.Visit) {
	compareText(p, v)
	if v.User != "" && p.Author == v.User {
		if p.State != "" {
			v.Held = append(v.Held, p.ID)
			s.contest(p)
		}
		return
	}
	s.remember(p.sight())
	v.Find(tagsOf(p.Text, nil))
}
