package users

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strings"
)

// flock is what honest newcomers do who come because of one thing, all at once.
func (m *member) flock(ctx context.Context) {
	if !m.come(ctx, m.key()) {
		return
	}
	star := m.crew.admire(m.crowd, m.self)
	for m.rest(ctx) {
		switch n := rand.IntN(10); {
		case n < 4:
			m.profile(ctx, star, false)
		case n < 7:
			m.post(ctx, post{id: m.key(), text: m.texts.About(random(), thing)})
		case n < 8:
			m.follow(ctx, &person{name: star}, "follow")
		case n < 9:
			m.timeline(ctx, false)
		default:
			m.look(ctx)
		}
		m.appeal(ctx)
	}
}

// thing is what it is that all talk about.
const thing = "the meteor over the lake"

// admire returns whom all of the crew look at: an honest user who is there.
func (c *crew) admire(all *crowd, self *person) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 20 {
		if p := all.anybody(); c.star == "" && p != nil && strings.HasPrefix(p.name, "u") {
			c.star = p.name
		}
	}
	return cmp.Or(c.star, self.name)
}
