package pinboard

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"picloud/node/abuse"
	"picloud/node/api"
)

// guarded returns the endpoints that there are with abuse protection only.
func (p *Pinboard) guarded() map[string]map[string]endpoint {
	if p.guard == nil {
		return nil
	}
	return map[string]map[string]endpoint{
		"/api/posts/{name}/{id}/report": {
			http.MethodPost: {name: "report", serve: p.report}},
		"/api/posts/{name}/{id}/appeal": {
			http.MethodPost: {name: "appeal", serve: p.appeal}},
		"/api/posts/{name}/{id}/history": {
			http.MethodGet: {name: "history", serve: p.history}},
		"/api/posts/{name}/{id}/verdict": {
			http.MethodPut: {name: "verdict", role: moderator, serve: p.giveVerdict}},
		"/api/cases": {
			http.MethodGet: {name: "cases", role: moderator, parameters: []string{"before"}, serve: p.cases}},
		"/api/lists/{list}": {
			http.MethodGet: {name: "list", role: moderator, parameters: []string{"after"}, serve: p.listings}},
		"/api/lists/{list}/{entry}": {
			http.MethodPut:    {name: "list an entry", role: moderator, serve: p.enlist},
			http.MethodDelete: {name: "take an entry from a list", role: moderator, serve: p.unlist}},
		"/api/labels": {
			http.MethodPost: {name: "label", role: labeller, serve: p.label}},
		"/api/sources/{name}": {
			http.MethodPut: {name: "trust", role: moderator, serve: p.trust}},
		"/api/condemned/{address}": {
			http.MethodDelete: {name: "pardon", role: moderator, serve: p.pardon}},
		"/api/audit": {
			http.MethodGet: {name: "audit", role: moderator, parameters: []string{"before"}, serve: p.audit}},
	}
}

// rulesAtOnce is how many entries of a list or lines of the audit trail an answer has.
const rulesAtOnce = 100

// list reads which list the path names.
func (c *call) list() (abuse.List, error) {
	switch list := abuse.List(c.r.PathValue("list")); list {
	case abuse.Links, abuse.Pictures:
		return list, nil
	default:
		return "", api.Errorf(api.NotFound, "look for the list", "", "there are the lists %s and %s, not %.40q", abuse.Links, abuse.Pictures, list)
	}
}

// listings shows what stands on a list.
func (p *Pinboard) listings(ctx context.Context, c *call) error {
	list, err := c.list()
	if err != nil {
		return err
	}
	after := strings.Clone(c.r.URL.Query().Get("after"))
	entries, err := p.guard.rules.Listings(ctx, list, after, rulesAtOnce)
	if err != nil {
		return api.ReadError(err)
	}
	shown := struct {
		Entries []abuse.Listing `json:"entries"`
		Next    string          `json:"next,omitempty"` // what to ask for to go on (after)
	}{append([]abuse.Listing{}, entries...), ""}
	if len(entries) == rulesAtOnce {
		shown.Next = entries[rulesAtOnce-1].Entry
	}
	return c.answer(http.StatusOK, &shown)
}

// enlist puts an entry on a list, and has what is stored compared with it.
func (p *Pinboard) enlist(ctx context.Context, c *call) error {
	err := p.changeList(ctx, c, p.guard.rules.Add)
	if err == nil {
		err = api.Partly(p.sweepAll(ctx))
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

// unlist takes an entry from a list. What it has blocked stays so until a moderator allows it.
func (p *Pinboard) unlist(ctx context.Context, c *call) error {
	if err := p.changeList(ctx, c, p.guard.rules.Remove); err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

func (p *Pinboard) changeList(ctx context.Context, c *call, change func(ctx context.Context, list abuse.List, entry, by, why string) error) error {
	list, err := c.list()
	if err != nil {
		return err
	}
	why, err := c.why()
	if err != nil {
		return err
	}
	return change(ctx, list, c.r.PathValue("entry"), c.who.name, why)
}

// label says of a text whether it is spam.
func (p *Pinboard) label(ctx context.Context, c *call) error {
	var w struct {
		Text string `json:"text"`
		Spam bool   `json:"spam"`
	}
	err := c.body(&w)
	if err == nil {
		w.Text, err = cleanText("text", w.Text, maxText)
	}
	if err == nil && w.Text == "" {
		err = api.Errorf(api.BadRequest, "label a text", "", "there is none")
	}
	if err == nil {
		err = p.guard.rules.Label(ctx, abuse.Label{Source: c.who.name, Text: w.Text, Spam: w.Spam})
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

// trust says of a source of labels whether they count.
func (p *Pinboard) trust(ctx context.Context, c *call) error {
	source, err := p.whose(c)
	if err != nil {
		return err
	}
	var w struct {
		Trusted bool   `json:"trusted"`
		Why     string `json:"why"`
	}
	if err = c.body(&w); err == nil {
		w.Why, err = cleanText("why", w.Why, maxWhy)
	}
	if err != nil {
		return err
	}
	say := p.guard.rules.Distrust
	if w.Trusted {
		say = p.guard.rules.Trust
	}
	if err := say(ctx, source.name, c.who.name, w.Why); err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

// pardon takes back that nothing is taken from an address.
func (p *Pinboard) pardon(ctx context.Context, c *call) error {
	address := c.r.PathValue("address")
	if !validAddress(address) {
		return api.Errorf(api.BadRequest, "pardon", "", "an address has 1 to %d bytes of UTF-8 without blanks, not %.80q", abuse.MaxName, address)
	}
	why, err := c.why()
	if err == nil {
		err = p.guard.rules.Pardon(ctx, address, c.who.name, why)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}

// audit shows what was done to the rules, the newest first.
func (p *Pinboard) audit(ctx context.Context, c *call) error {
	before, err := c.before(func(text string) bool {
		return len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool { return r != '-' && !unicode.IsDigit(r) && !unicode.IsLower(r) })
	})
	if err != nil {
		return err
	}
	lines, next, err := p.guard.rules.Audit(ctx, before, rulesAtOnce)
	if err != nil {
		return api.ReadError(err)
	}
	return c.answer(http.StatusOK, struct {
		Lines []abuse.Line `json:"lines"`
		Next  string       `json:"next,omitempty"`
	}{append([]abuse.Line{}, lines...), next})
}
