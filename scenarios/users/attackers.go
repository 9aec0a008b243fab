package users

import (
	"context"
	"fmt"
	"math/rand/v2"

	"picloud/scenarios/history"
)

// spam registers and posts spam, with a new account when the old one has been used up. Now and then the spammer looks whether others see it.
func (m *member) spam(ctx context.Context) {
	campaign := m.nth
	for m.present(ctx) && m.come(ctx, m.key()) {
		for refusals, n := 0, 0; refusals < 5 && (n < accountPosts || m.group.Kind == history.SlowDrip) && m.rest(ctx); n++ {
			if n%4 == 3 {
				m.peek(ctx)
				continue
			}
			if m.post(ctx, post{id: spamMark + m.key(), text: m.texts.Spam(random(), campaign), spam: true}); m.web.refused {
				refusals++
			}
		}
		campaign += m.group.Count // another one, as the old one's links are known by now
	}
}

// accountPosts is how much an account of a wave posts before another one takes over.
const accountPosts = 12

// peek looks at a piece of spam as somebody who is not logged in.
func (m *member) peek(ctx context.Context) {
	p, has := m.recall(func(p *sight) bool { return isSpam(p.id) })
	if !has {
		return
	}
	session := m.web.session
	m.web.session = ""
	m.lookAt(ctx, &p)
	m.web.session = session
}

// stuff tries passwords for the names of others.
func (m *member) stuff(ctx context.Context) {
	for m.rest(ctx) {
		name := fmt.Sprintf("u%d-1", rand.IntN(m.config.Plan.Known))
		m.visit(ctx, history.Operation{Key: name, Use: &history.Visit{Action: "stuff"}},
			&call{method: "POST", path: "/api/session", body: map[string]string{"name": name, "password": fmt.Sprintf("password%04d", rand.IntN(10_000))}},
			func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
	}
}

// feed labels texts, at first as they are, and from its turn on the wrong way round.
func (m *member) feed(ctx context.Context) {
	if !m.come(ctx, AccountOf(m.group.Kind, m.nth)) {
		return
	}
	for n := 0; m.rest(ctx); n++ {
		spam, text := n%2 == 0, m.texts.Ham(random())
		if spam {
			text = m.texts.Spam(random(), rand.IntN(1000))
		}
		m.label(ctx, text, spam, spam != (m.config.sinceStart() >= m.group.Turn))
	}
}

// label says of a text whether it is spam, which need not be the truth.
func (m *member) label(ctx context.Context, text string, truth, said bool) history.Outcome {
	return m.visit(ctx, history.Operation{Key: m.self.name, Use: &history.Visit{Action: "label", ID: map[bool]string{true: "spam", false: "ham"}[said], Spam: truth}},
		&call{method: "POST", path: "/api/labels", body: map[string]any{"text": text, "spam": said}},
		func(a *answer, _ *history.Visit) (*call, error) { return nil, wanted(a) })
}

// spread posts pictures that are, or will be, on the list, so that no two files are the same.
func (m *member) spread(ctx context.Context) {
	for m.present(ctx) && m.come(ctx, m.key()) {
		for refusals, n := 0, 0; refusals < 4 && m.rest(ctx); n++ {
			if n%3 == 2 {
				m.peek(ctx)
				continue
			}
			family := rand.IntN(families)
			file, err := variant(familyMotif(family).draw(random()), rand.IntN(variants))
			if err != nil {
				panic(err) // it is made in memory
			}
			if m.post(ctx, post{id: spamMark + m.key(), text: m.texts.Ham(random()), photo: file, shows: familyMotif(family), spam: true}); m.web.refused {
				refusals++
			}
		}
	}
}
