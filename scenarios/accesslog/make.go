package accesslog

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Shape says what a log that is made looks like.
type Shape struct {
	Requests int `yaml:"requests"` // of one day
	Clients  int `yaml:"clients"`
	Crawlers int `yaml:"crawlers"` // of them: who ask for page after page, day and night
	Probers  int `yaml:"probers"`  // of them: who look for what is not there
	Crowds   int `yaml:"crowds"`   // times of ten minutes in which very many come for one page
}

// Validate says what is wrong with the shape.
func (s *Shape) Validate() error {
	switch {
	case s.Requests < 1 || s.Requests > 1_000_000 || s.Clients < 1 || s.Clients > 100_000:
		return errors.New("a log has 1 to 1000000 requests of 1 to 100000 clients")
	case s.Crawlers < 0 || s.Probers < 0 || s.Crawlers+s.Probers >= s.Clients:
		return errors.New("crawlers and probers are fewer than all clients")
	case s.Crowds < 0 || s.Crowds > 100:
		return errors.New("there are 0 to 100 crowds")
	}
	return nil
}

// hours is how busy the hours of a day are: people sleep.
func hours() [24]int {
	return [24]int{30, 20, 14, 10, 10, 14, 25, 45, 70, 85, 90, 92, 88, 90, 92, 90, 86, 84, 88, 95, 100, 92, 70, 45}
}

// Of a hundred requests so many are of each sort of client.
const (
	ofCrawlers = 15
	ofProbers  = 5
	ofCrowds   = 15 // if there are any
)

// firstDay is when all logs that are made begin.
func firstDay() time.Time { return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) }

// maker makes a log.
type maker struct {
	Shape
	random *rand.Rand
	crowds []crowd
	log    []Request
}

// crowd is a time in which many come for one page.
type crowd struct {
	at   time.Time
	page int
}

// Make makes a log of a day, as text in the format "combined": visits of people with a page and what belongs to it, by day more than by night; few
// clients who come often and many who come once; crawlers; probers; and crowds.
func Make(random *rand.Rand, shape Shape) string {
	m := &maker{Shape: shape, random: random}
	for range shape.Crowds {
		m.crowds = append(m.crowds, crowd{m.time().Truncate(time.Minute), m.page()})
	}
	for len(m.log) < shape.Requests {
		switch n := random.IntN(100); {
		case n < ofCrawlers && shape.Crawlers > 0:
			m.ask(address(random.IntN(shape.Crawlers)), m.anytime(), m.either("GET /robots.txt", pagePath(random.IntN(pages))), 200)
		case n < ofCrawlers+ofProbers && shape.Probers > 0:
			m.probe()
		case n < ofCrawlers+ofProbers+ofCrowds && len(m.crowds) > 0:
			c := m.crowds[random.IntN(len(m.crowds))]
			m.visit(c.at.Add(time.Duration(random.IntN(600))*time.Second), c.page)
		default:
			m.visit(m.time(), m.page())
		}
	}
	m.log = m.log[:shape.Requests]
	slices.SortStableFunc(m.log, func(a, b Request) int { return a.At.Compare(b.At) })
	var text strings.Builder
	for i := range m.log {
		one := &m.log[i]
		fmt.Fprintf(&text, "%s - - [%s] %q %d %d \"-\" \"made/1.0\"\n", one.Client, one.At.Format(timeFormat), one.Method+" "+one.Path+" HTTP/1.1", one.Status, one.Bytes)
	}
	return text.String()
}

// address returns that of a client.
func address(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255) }

// anytime returns a time of the day.
func (m *maker) anytime() time.Time {
	return firstDay().Add(time.Duration(m.random.IntN(24*3600)) * time.Second)
}

// time returns one when people are awake.
func (m *maker) time() time.Time {
	busy := hours()
	for {
		if at := m.anytime(); m.random.IntN(100) < busy[at.Hour()] {
			return at
		}
	}
}

// popular returns one of some, of which the nth is asked for an nth as often as the first, or nearly.
func (m *maker) popular(of int) int {
	for {
		if n := m.random.IntN(of); m.random.IntN(n+1) == 0 {
			return n
		}
	}
}

// pages is how many the site has.
const pages = 60

func (m *maker) page() int { return m.popular(pages) }

func pagePath(n int) string { return fmt.Sprintf("GET /articles/%d/", n) }

func (m *maker) either(rare, often string) string {
	if m.random.IntN(10) == 0 {
		return rare
	}
	return often
}

// person returns the number of a client that is a person.
func (m *maker) person() int {
	robots := m.Crawlers + m.Probers
	return robots + m.popular(m.Clients-robots)
}

// visit is a person who looks at a page, with what belongs to it, and now and then says something.
func (m *maker) visit(at time.Time, page int) {
	who := address(m.person())
	m.ask(who, at, pagePath(page), 200)
	later := func() time.Time { return at.Add(time.Duration(m.random.IntN(20)) * time.Second) }
	if m.random.IntN(2) == 0 { // the others have it from before
		m.ask(who, at, "GET /style.css", 200)
	}
	for n := range m.random.IntN(4) {
		m.ask(who, later(), fmt.Sprintf("GET /images/%d-%d.png", page, n), cmp.Or(m.random.IntN(5)/4*304, 200))
	}
	if m.random.IntN(20) == 0 {
		m.ask(who, later(), fmt.Sprintf("POST /articles/%d/comments", page), 201)
	}
}

// probe is a burst of somebody who looks for holes.
func (m *maker) probe() {
	who, at := address(m.Crawlers+m.random.IntN(m.Probers)), m.anytime()
	for n := range 1 + m.random.IntN(10) {
		m.ask(who, at.Add(time.Duration(n)*time.Second/2), fmt.Sprintf("GET /admin/%d.php", m.random.IntN(1000)), 404)
	}
}

// ask writes a request down.
func (m *maker) ask(who string, at time.Time, what string, status int) {
	method, path, _ := strings.Cut(what, " ")
	size := int64(500 + m.random.IntN(8_000))
	switch {
	case status == 304:
		size = 0
	case strings.HasSuffix(path, ".png"):
		size <<= m.random.IntN(6) // few are large
	}
	m.log = append(m.log, Request{Client: who, At: at.Truncate(time.Second), Method: method, Path: path, Status: status, Bytes: size})
}
