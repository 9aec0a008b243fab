package pinboard

import (
	"fmt"

	"picloud/node/abuse"
)

// shownPost is a post as others see it.
type shownPost struct {
	Author    string `json:"author"`
	ID        string `json:"id"`
	At        int64  `json:"at_ms"`
	Text      string `json:"text"`
	Alt       string `json:"alt,omitempty"`
	Picture   string `json:"picture,omitempty"`   // where it is
	Thumbnail string `json:"thumbnail,omitempty"` // once there is one
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`

	// What the author and moderators are told of a post that nobody else sees.
	Standing standing `json:"state,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Appealed bool     `json:"appealed,omitempty"`
}

// show returns a post as a visitor sees it, nil if it is not for the visitor's eyes. All that is shown of posts comes by here.
func (p *Pinboard) show(to *visitor, author, place string, n *post) *shownPost {
	open, as, reason := p.standing(n)
	insider := to != nil && to.name == author || p.may(to, moderator)
	if !open && !insider {
		return nil
	}
	s := &shownPost{Author: author, ID: n.ID, At: n.At, Text: n.Text, Alt: n.Alt}
	if n.Picture != nil {
		s.Picture = fmt.Sprintf("/pictures/%s/%s", author, place)
		s.Width, s.Height = n.Picture.Width, n.Picture.Height
		if n.Picture.Thumbnail != nil {
			s.Thumbnail = s.Picture + "/thumbnail"
		}
	}
	if insider {
		s.Standing, s.Reason, s.Appealed = as, reason, n.Appealed
	}
	return s
}

// standing tells whether a post is open to all now, and what its author is told if not: what is listed is as good as
// blocked. While nobody knows the lists, what may be listed is closed for the moment, and that is nothing to be told.
func (p *Pinboard) standing(n *post) (open bool, as standing, reason string) {
	if n.Standing != shown {
		return false, n.Standing, n.Reason
	}
	if p.guard == nil {
		return true, shown, ""
	}
	on, known := p.listed(n)
	switch {
	case on.Reason != "":
		p.metrics.leftOut.WithLabelValues("listed").Inc()
		return false, blocked, string(on.Reason)
	case !known:
		p.metrics.leftOut.WithLabelValues("lists unknown").Inc()
		return false, shown, ""
	}
	return true, shown, ""
}

// listed tells what the lists say of a post, and whether that can be known now. No list has anything to say of a post
// without links and pictures.
func (p *Pinboard) listed(n *post) (on abuse.Listed, known bool) {
	on = p.guard.Listed(tenant, n.words(), n.looks(false))
	return on, on.Known || n.Picture == nil && !hasLinks(n.words())
}
