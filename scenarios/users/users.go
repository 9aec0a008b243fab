// Package users is people who use Pinboard over the web, as a scenario wants them: each registers, posts, reads, follows and
// perhaps leaves, one action at a time, and writes down what was done and seen. At the end all that was acknowledged is looked
// up once more. A sink takes the mail that Pinboard sends.
//
// Invariants: names are never used twice in a run; a user who is not sure whether something took effect does it again with the
// same key until its time is over, and writes down one operation for that.
package users

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"picloud/node/host"
	"picloud/scenarios/history"
)

// Config says what the users of one machine do.
type Config struct {
	Balancers   []string      // that they talk to
	Port        string        // of the balancers, for HTTPS
	Certificate string        // theirs, in PEM: nobody else is believed
	ServerName  string        // that stands in it
	First       int           // number of the first user, where there are users on other machines too
	Count       int           // users at one time
	Visitors    int           // beside them, who never register
	Newcomers   time.Duration // mean time between two people who come, register and go, however those do who came before; none if it is zero
	Actions     map[string]int
	Start       time.Duration // since the run began: nobody comes before
	Ramp        time.Duration // in which the users come, one after another
	Pause       time.Duration // mean time between two actions of a user
	Patience    time.Duration // after which a user asks again, with the same key
	Timeout     time.Duration // after which a user gives up
	FinalReads  time.Duration // since the run began, when everything is looked up once more
	Until       time.Duration // since the run began: no action begins after it
	Epoch       int64         // wall-clock time at which the run began, ns since 1970
	Sink        string        // the port on which this machine takes mail; none if it is empty
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	total := 0
	for _, action := range slices.Sorted(maps.Keys(c.Actions)) {
		weight := c.Actions[action]
		if !slices.Contains(Actions(), action) || weight < 0 {
			return fmt.Errorf("users: weight %d for the action %q", weight, action)
		}
		total += weight
	}
	if c.Newcomers < 0 || total == 0 || c.Count < 1 || len(c.Balancers) == 0 || c.Port == "" || c.Pause <= 0 || c.Patience <= 0 || c.Timeout <= 0 {
		return errors.New("users: they need balancers, a port, a count, actions, a pause, patience and a timeout")
	}
	return nil
}

// Actions returns what users can do, by the names that scenario files use, in a fixed order.
func Actions() []string {
	return []string{"timeline", "profile", "picture", "post", "photo", "follow", "unfollow", "login", "leave"}
}

// sinceStart returns the time since the run began.
func (c *Config) sinceStart() time.Duration { return time.Duration(time.Now().UnixNano() - c.Epoch) }

// Run lets the users of a machine live until their time is over.
func Run(ctx context.Context, h *host.Host, c Config, record func(history.Operation)) error {
	if err := c.Validate(); err != nil {
		return err
	}
	var mu sync.Mutex
	crowd := &crowd{config: c, record: func(o history.Operation) {
		mu.Lock()
		defer mu.Unlock()
		record(o)
	}}
	var all sync.WaitGroup
	if c.Sink != "" {
		l, err := h.Network.Listen("tcp", ":"+c.Sink)
		if err != nil {
			return err
		}
		sink := &sink{config: &c, number: mailClient + c.First, record: crowd.record}
		serving, end := context.WithCancel(ctx)
		defer end()
		all.Go(func() { sink.serve(serving, l) })
	}
	time.Sleep(c.Start - c.sinceStart())
	var living sync.WaitGroup
	for n := range c.Count + c.Visitors {
		w, err := newBrowser(h, &c)
		if err != nil {
			return err
		}
		living.Go(func() { (&seat{crowd: crowd, web: w, number: c.First + n, place: n, visits: n >= c.Count}).live(ctx) })
	}
	err := crowd.newcomers(ctx, h, &living)
	living.Wait()
	return err
}

// newcomers lets people come after the ramp who register and go. Nobody waits for those who came before: where the cloud is slow
// there are more of them, as in life.
func (c *crowd) newcomers(ctx context.Context, h *host.Host, living *sync.WaitGroup) error {
	if c.config.Newcomers <= 0 {
		return nil
	}
	time.Sleep(c.config.Ramp)
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(c.config.Newcomers/2 + rand.N(c.config.Newcomers))
		if c.config.sinceStart() >= c.config.Until {
			break
		}
		w, err := newBrowser(h, &c.config)
		if err != nil {
			return err
		}
		living.Go(func() {
			defer w.client.CloseIdleConnections()
			(&seat{crowd: c, web: w, number: newcomerClient*(c.config.First+1) + n}).register(ctx)
		})
	}
	return nil
}

// newcomerClient is the number of the client as which the first newcomer on the first machine is written down. Each is a client of its own.
const newcomerClient = 10_000_000

// mailClient is the number of the client as which the sink of the first machine writes down what it gets.
const mailClient = 1_000_000

// crowd is what the users of a machine know of each other.
type crowd struct {
	config Config
	record func(history.Operation)

	mu     sync.Mutex
	people []*person // all who have registered on this machine, or tried
}

// person is an account.
type person struct {
	name, password string
	photos         []string
	left           bool // or may have
}

func (c *crowd) add(p *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.people = append(c.people, p)
}

// anybody returns one who is there, nil if nobody is; of the latest, as who comes back to old ones is rare.
func (c *crowd) anybody() *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 10 {
		if n := len(c.people); n > 0 {
			if p := c.people[rand.IntN(n)]; !p.left {
				return p
			}
		}
	}
	return nil
}

// share returns the people that a seat looks up at the end.
func (c *crowd) share(place int) []*person {
	c.mu.Lock()
	defer c.mu.Unlock()
	var mine []*person
	for i, p := range c.people {
		if i%c.config.Count == place {
			mine = append(mine, p)
		}
	}
	return mine
}

// photo returns a photo of a person, if it has any.
func (c *crowd) photo(p *person) (id string, has bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p.photos) == 0 {
		return "", false
	}
	return p.photos[rand.IntN(len(p.photos))], true
}

// with changes a person.
func (c *crowd) with(p *person, change func(*person)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(p)
}
