package users

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"picloud/node/abuse/phash"
	"picloud/scenarios/history"
	"picloud/scenarios/users/texts"
)

// moderate is what a moderator does: label texts until the filter knows enough, put pictures onto the list, and judge cases by what is true.
func (m *member) moderate(ctx context.Context) {
	if !m.come(ctx, AccountOf(m.group.Kind, m.nth)) {
		return
	}
	m.train(ctx)
	m.listed = map[string]bool{}
	listed := 0 // of the bad pictures
	distrusted := 0
	seen := map[string]time.Duration{} // cases, since when
	for m.rest(ctx) {
		if m.nth == 1 {
			listed = m.listPictures(ctx, listed)
			distrusted = m.distrust(ctx, distrusted)
		}
		m.judge(ctx, seen)
	}
}

// train labels this moderator's share of the texts that the filter learns from.
func (m *member) train(ctx context.Context) {
	for n := range m.group.Labels / m.config.Plan.Moderators {
		spam, text := n%2 == 0, m.texts.Ham(random())
		if spam {
			text = m.texts.Spam(random(), rand.IntN(1000))
		}
		m.until(ctx, func() history.Outcome { return m.label(ctx, text, spam, spam) })
	}
}

// listPictures puts onto the list those of the bad pictures that are known by now, and returns how many are on it.
func (m *member) listPictures(ctx context.Context, listed int) int {
	known := families / 2
	if late := m.config.Plan.LateList; late > 0 && m.config.sinceStart() >= late {
		known = families
	}
	for ; listed < known && m.present(ctx); listed++ {
		for _, hash := range phash.ForList(familyMotif(listed).draw(random())) {
			m.until(ctx, func() history.Outcome { return m.enlist(ctx, "pictures", hash.String(), pictureTag(listed)) })
		}
	}
	return listed
}

// enlist puts an entry, which is what a tag stands for, onto a list.
func (m *member) enlist(ctx context.Context, list, entry, tag string) history.Outcome {
	return m.visit(ctx, history.Operation{Key: list, Use: &history.Visit{Action: "list", ID: entry, Tags: []string{tag}}},
		&call{method: "PUT", path: "/api/lists/" + list + "/" + url.PathEscape(entry), body: map[string]string{"why": "it is known"}},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
}

// distrust says of feeds that were found out that they count for nothing, and returns how many are done with.
func (m *member) distrust(ctx context.Context, done int) int {
	for _, d := range m.config.Plan.Distrust[done:] {
		if m.config.sinceStart() < d.At {
			break
		}
		m.until(ctx, func() history.Outcome {
			return m.visit(ctx, history.Operation{Key: d.Source, Use: &history.Visit{Action: "distrust"}},
				&call{method: "PUT", path: "/api/sources/" + url.PathEscape(d.Source), body: map[string]any{"trusted": false, "why": "it labels the wrong way round"}},
				func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
		})
		done++
	}
	return done
}

// matter is a case as Pinboard lists it.
type matter struct {
	Author  string `json:"author"`
	ID      string `json:"id"`
	Opened  int64  `json:"opened_ms"`
	State   string `json:"state"`
	Text    string `json:"text"`
	Picture string `json:"picture"`
}

// casePages is how many pages of cases a moderator looks through at a time.
const casePages = 5

// judge looks at the cases and gives a verdict on those of this moderator's share that it has thought about long enough.
func (m *member) judge(ctx context.Context, seen map[string]time.Duration) {
	var cases []matter
	pages := 0
	m.visit(ctx, history.Operation{Key: m.self.name, Use: &history.Visit{Action: "cases"}}, &call{method: "GET", path: "/api/cases"},
		func(a *answer, v *history.Visit) (*call, error) {
			var page struct {
				Cases []matter `json:"cases"`
				Next  string   `json:"next"`
			}
			if err := json.Unmarshal(a.body, &page); err != nil || a.status != http.StatusOK {
				return nil, err
			}
			cases = append(cases, page.Cases...)
			v.Count = len(cases)
			if pages++; page.Next == "" || pages == casePages {
				return nil, nil
			}
			return &call{method: "GET", path: "/api/cases?before=" + url.QueryEscape(page.Next)}, nil
		})
	for i := range cases {
		c := &cases[i]
		name := c.Author + "/" + c.ID
		since, known := seen[name]
		switch now := m.config.sinceStart(); {
		case !m.mine(name) || !m.present(ctx):
		case !known:
			seen[name] = now
		case now-since >= m.group.Delay:
			if m.verdict(ctx, c) == history.OK {
				delete(seen, name) // it may become a case again, by an appeal
			}
		}
	}
}

// mine tells whether a case is one of this moderator's share.
func (m *member) mine(name string) bool {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32())%m.config.Plan.Moderators == m.nth-1
}

// verdict judges a case by the truth, teaches the filter, and puts what bad posts lead to onto the lists: the links themselves with
// the verdict, and then the whole host.
func (m *member) verdict(ctx context.Context, c *matter) history.Outcome {
	o := history.Operation{Key: c.Author, Use: &history.Visit{Action: "allow", ID: c.ID, Spam: isSpam(c.ID)}}
	body := map[string]any{"verdict": "allow", "why": "it is harmless", "label": "ham"}
	if isSpam(c.ID) {
		o.Use.Action = "block"
		label, lists := "spam", []string{}
		if family, picture := familyOf(c.ID); picture { // its text is harmless
			label, lists, o.Use.Tags = "", []string{"pictures"}, []string{pictureTag(family)}
		} else if o.Use.Tags = exactLinks(c.Text); len(o.Use.Tags) > 0 {
			lists = []string{"links"}
		}
		body = map[string]any{"verdict": "block", "why": "it is spam", "label": label, "list": lists}
	}
	body["opened_ms"] = c.Opened
	outcome := m.visit(ctx, o, &call{method: "PUT", path: postPath(&sight{author: c.Author, id: c.ID}) + "/verdict", body: body},
		func(*answer, *history.Visit) (*call, error) { return nil, nil }) // who posted may have left
	if _, picture := familyOf(c.ID); isSpam(c.ID) && !picture && outcome == history.OK {
		m.listHosts(ctx, c.Text)
	}
	return outcome
}

// listHosts puts the hosts to which a text leads onto the list, if this moderator has not done so yet.
func (m *member) listHosts(ctx context.Context, text string) {
	for _, host := range texts.Links(text) {
		if !strings.Contains(host, "/") && !m.listed[host] && m.enlist(ctx, "links", host, linkTag(host)) == history.OK {
			m.listed[host] = true
		}
	}
}

// exactLinks returns the tags of a text's links, without those of whole hosts.
func exactLinks(text string) []string {
	return slices.DeleteFunc(tagsOf(text, nil), func(tag string) bool { return !strings.Contains(tag, "/") })
}
