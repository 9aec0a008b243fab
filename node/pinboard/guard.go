package pinboard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/mutant"
)

// tenant is the application's name among those that are protected.
const tenant = namespace

// What is judged costs this much of what limits allow.
const (
	costOfText    = 1
	costOfPicture = 5
)

// guard is what stands between users and what would harm them.
type guard struct {
	abuse.Guard
	rules *abuse.Rules
}

// newGuard returns none where the option abuse is off.
func newGuard(kit app.Kit, o options) (*guard, error) {
	if !o.abuse {
		return nil, nil
	}
	if kit.Abuse == nil {
		return nil, errors.New("pinboard: the option abuse is on, and nobody judges on this node")
	}
	rules, err := abuse.NewRules(kit.Store, tenant)
	return &guard{kit.Abuse, rules}, err
}

// judge decides about an event.
func (p *Pinboard) judge(ctx context.Context, e *abuse.Event) abuse.Verdict {
	e.Tenant = tenant
	v := p.guard.Judge(ctx, e)
	p.metrics.judged.WithLabelValues(string(e.What), string(v.Decision), string(v.Reason)).Inc()
	return v
}

// knock refuses who may not register or log in now. What nobody could judge is no login's fault; a registration can wait.
func (p *Pinboard) knock(ctx context.Context, c *call, what abuse.What, name string) error {
	if p.guard == nil {
		return nil
	}
	v := p.judge(ctx, &abuse.Event{What: what, Who: name, From: c.from()})
	switch {
	case v.Decision == abuse.Refuse:
		return errRefused(string(what), name, &v)
	case v.Decision != abuse.Allow && what == abuse.Register:
		return api.Errorf(api.Unavailable, string(what), name, "nobody can say now whether it may be")
	}
	return nil
}

// guessed says that somebody gave a wrong password.
func (p *Pinboard) guessed(c *call, name string) {
	if p.guard != nil {
		p.guard.Offence(tenant, abuse.Login, name, c.from())
	}
}

// examine judges a post that is to be stored, and notes in it what comes of that.
func (p *Pinboard) examine(ctx context.Context, author home, n *post, from string) error {
	if p.guard == nil {
		return nil
	}
	e := n.event(author.name, from)
	v := p.judge(ctx, e)
	if mutant.Planted == mutant.FailsOpen && v.Reason == abuse.Undecided {
		v.Decision = abuse.Allow
	}
	switch v.Decision {
	case abuse.Allow:
	case abuse.Refuse:
		return errRefused("post", n.ID, &v)
	default:
		n.Standing, n.Reason = held, string(v.Reason)
	}
	return nil
}

// event returns what is judged of a post.
func (p *post) event(author, from string) *abuse.Event {
	e := &abuse.Event{What: abuse.Post, Who: author, From: from, Cost: costOfText, Text: p.words(), Pictures: p.looks(false)}
	if p.Picture != nil {
		e.Cost = costOfPicture
	}
	return e
}

// words returns all that others would read of a post.
func (p *post) words() string {
	if p.Alt == "" {
		return p.Text
	}
	return p.Text + "\n" + p.Alt
}

// looks returns the hashes of a post's picture, or of them only those that may come onto a list.
func (p *post) looks(clear bool) (hashes []string) {
	if p.Picture == nil {
		return nil
	}
	for _, l := range p.Picture.Looks {
		if l.Clear || !clear {
			hashes = append(hashes, l.Hash)
		}
	}
	return hashes
}

// errRefused returns the error that answers what was refused.
func errRefused(doing, subject string, v *abuse.Verdict) error {
	kind, why := api.Refused, "it is not taken"
	switch v.Reason {
	case abuse.ByLimit:
		kind, why = api.TooMany, "too much in too short a time"
	case abuse.ByReputation:
		why = "nothing is taken from you for now, as there was too much harm"
	case abuse.ByLink:
		why = "it has a link that is not taken"
	case abuse.ByPicture:
		why = "it has a picture that is not taken"
	case abuse.ByText:
		why = "it reads like spam"
	}
	e := api.Errorf(kind, doing, subject, "%s", why)
	e.RetryAfter = v.RetryAfter
	return e
}

// from returns the address from which the request came: what the load balancer says, or else who has connected.
func (c *call) from() string {
	if hops := c.r.Header.Values("X-Forwarded-For"); len(hops) > 0 {
		last := hops[len(hops)-1]
		last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		if validAddress(last) {
			return last
		}
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil || !validAddress(host) {
		return ""
	}
	return host
}

// validAddress tells whether a text may be an address. Machines of a cloud may be known by names.
func validAddress(text string) bool {
	return text != "" && len(text) <= abuse.MaxName && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

// role is what some users may do beyond others.
type role string

// The roles.
const (
	labeller  role = "label"    // to say of texts whether they are spam
	moderator role = "moderate" // that, and to decide about posts and rules
)

// may tells whether a user has a role.
func (p *Pinboard) may(who *visitor, r role) bool {
	if p.guard == nil || who == nil {
		return false
	}
	return p.options.moderators[who.name] || r == labeller && p.options.labellers[who.name]
}

// authorise refuses who does not have the role that an endpoint takes. Who is to change something must be there still:
// what is changed lies elsewhere, so its transaction does not ask.
func (p *Pinboard) authorise(ctx context.Context, c *call, e *endpoint) error {
	if e.role == "" {
		return nil
	}
	if !p.may(c.who, e.role) {
		return api.Errorf(api.Forbidden, e.name, "", "%s may not %s", c.who.name, e.role)
	}
	if c.reads() {
		return nil
	}
	reply, err := p.run(ctx, &api.Txn{If: c.who.still(), Then: []api.Op{get(c.who.user())}})
	if err == nil && !reply.Succeeded {
		err = errGone(c.who.name)
	}
	return err
}

// privileges returns what a page may offer to a user.
func (p *Pinboard) privileges(name string) []string {
	if p.guard == nil {
		return nil
	}
	may := []string{"report"}
	if p.options.moderators[name] {
		may = append(may, string(moderator))
	}
	return may
}

// pictureCaching says how browsers may keep pictures. One that may be blocked is asked for each time.
func (p *Pinboard) pictureCaching(h http.Header) {
	if p.guard == nil {
		h.Set("Cache-Control", "private, max-age=604800, immutable")
		h.Del("Vary")
		return
	}
	h.Set("Cache-Control", "private, no-cache")
}
