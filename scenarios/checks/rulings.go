package checks

import (
	"slices"
	"strings"
	"time"

	"picloud/scenarios/history"
)

// rulings is what moderators said of posts, links and pictures, and who they are.
type rulings struct {
	verdicts   map[string][]*history.Operation // on a post, AUTHOR/ID, by their calls
	listings   map[string][]*history.Operation // of a tag
	moderators map[string]bool                 // by name
}

// ruling tells whether an action is about posts or lists, and not about whose account the operation names.
func ruling(action string) bool {
	return slices.Contains([]string{actBlock, actAllow, actList, actDistrust, actLabel}, action)
}

func rulingsOf(h history.History) *rulings {
	r := &rulings{verdicts: map[string][]*history.Operation{}, listings: map[string][]*history.Operation{}, moderators: map[string]bool{}}
	for i := range h {
		o := &h[i]
		if o.Kind != history.Use {
			continue
		}
		if o.Use.Sort == history.Moderator {
			r.moderators[o.Use.User] = o.Use.User != ""
		}
		if o.Outcome == history.Failed && o.Use.Status/100 == 4 {
			continue // with any other answer a part of it may have been done
		}
		if o.Use.Action == actBlock || o.Use.Action == actAllow {
			r.verdicts[postOf(o)] = append(r.verdicts[postOf(o)], o)
		}
		if o.Use.Action == actBlock || o.Use.Action == actList {
			for _, tag := range o.Use.Tags {
				r.listings[tag] = append(r.listings[tag], o)
			}
		}
	}
	return r
}

// postOf returns the name of the post that an operation is about.
func postOf(o *history.Operation) string { return o.Key + "/" + o.Use.ID }

// attached tells whether a post has what lists are asked about: a link, or a picture.
func attached(p *history.Operation) bool {
	return p.Use.Action == actPhoto || len(p.Use.Tags) > 0
}

// privileged tells whether somebody may see what is held or blocked of an author.
func (r *rulings) privileged(user, author string) bool {
	return user != "" && (user == author || r.moderators[user])
}

// shownBy returns by what a post was made visible to all for certain until a time: the post itself, or the last verdict that
// allowed it. It is nil if nothing did, or something later may have taken it back.
func (r *rulings) shownBy(p *history.Operation, until time.Duration) *history.Operation {
	var by *history.Operation
	if p.Outcome == history.OK && p.Use.State == "" && p.Return <= until {
		by = p
	}
	for _, v := range r.verdicts[postOf(p)] {
		switch {
		case v.Use.Action == actAllow && v.Outcome == history.OK && v.Return <= until && by == nil:
			by = v
		case v.Use.Action == actBlock && v.Call <= until:
			by = nil
		}
	}
	return by
}

// shows tells whether a post was certainly visible to somebody from the first time to the second one: it was acknowledged and
// shown, and nothing of it may have been blocked.
func (r *rulings) shows(p *history.Operation, user string, from, to time.Duration) bool {
	if p.Outcome != history.OK || p.Return > from {
		return false
	}
	if r.privileged(user, p.Key) {
		return true
	}
	since := r.shownBy(p, from)
	if since == nil {
		return false
	}
	for _, v := range r.verdicts[postOf(p)] {
		if v.Use.Action == actBlock && v.Call <= to && (v.Return > since.Call || v.Outcome != history.OK) {
			return false
		}
	}
	return !slices.ContainsFunc(p.Use.Tags, func(tag string) bool {
		return slices.ContainsFunc(r.listings[tag], func(o *history.Operation) bool { return o.Call <= to })
	})
}

// ban is a stretch of time in which a post is certainly blocked: from an acknowledged word of a moderator on, until another one may have
// taken it back.
type ban struct {
	by       *history.Operation
	from, to time.Duration
}

// bansOf returns when a post was certainly blocked by verdicts.
func (r *rulings) bansOf(post string) []ban {
	var bans []ban
	for _, b := range r.verdicts[post] {
		if b.Use.Action != actBlock || b.Outcome != history.OK {
			continue
		}
		to := forever
		for _, a := range r.verdicts[post] {
			if a.Use.Action == actAllow && (a.Outcome != history.OK || a.Return > b.Call) {
				to = min(to, a.Call)
			}
		}
		if to > b.Return {
			bans = append(bans, ban{b, b.Return, to})
		}
	}
	return bans
}

// listedBy returns when a tag was certainly on a list. Nobody takes anything off lists.
func (r *rulings) listedBy(tag string) []ban {
	var bans []ban
	for _, o := range r.listings[tag] {
		if o.Outcome == history.OK {
			bans = append(bans, ban{o, o.Return, forever})
		}
	}
	return bans
}

// shownIn returns the posts, as AUTHOR/ID, of which an answer shows something, each once.
func shownIn(o *history.Operation) []string {
	var posts []string
	for _, entry := range o.Use.Seen {
		entry, _, _ = strings.Cut(entry, ":")
		switch o.Use.Action {
		case actProfile:
			entry = o.Key + "/" + entry
		case actTimeline, actLook, actPicture:
		default:
			continue
		}
		if !slices.Contains(posts, entry) {
			posts = append(posts, entry)
		}
	}
	return posts
}
