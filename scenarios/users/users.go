// Package users is people who use Pinboard over the web, as a scenario wants them: each registers, posts, reads, follows and
// perhaps leaves, one action at a time, and writes down what was done and seen. At the end all that was acknowledged is looked
// up once more. A sink takes the mail that Pinboard sends.
//
// Invariants: names are never used twice in a run; a user who is not sure whether something took effect does it again with the
// same key until its time is over, and writes down one operation for that.
package users

import (
	"cmp"
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
	"picloud/scenarios/users/texts"
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
	Returns     bool          // then each logs in once more, too
	Until       time.Duration // since the run began: no action begins after it
	Epoch       int64         // wall-clock time at which the run began, ns since 1970
	Sink        string        // the port on which this machine takes mail; none if it is empty
	Groups      []Group       // of people of other sorts, on this machine
	Plan        Plan          // what groups know of each other
	Replay      Replay        `json:",omitempty"` // who comes beside them because a log says so
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
	if c.Newcomers < 0 || total == 0 || c.Count < 0 || len(c.Balancers) == 0 || c.Port == "" || c.Pause <= 0 || c.Patience <= 0 || c.Timeout <= 0 {
		return errors.New("users: they need balancers, a port, a count, actions, a pause, patience and a timeout")
	}
	for i := range c.Groups {
		if err := c.Groups[i].Validate(); err != nil {
			return fmt.Errorf("users: %w", err)
		}
	}
	return nil
}

// Actions returns what users can do, by the names that scenario files use, in a fixed order.
func Actions() []string {
	return []string{"timeline", "profile", "picture", "look", "post", "photo", "report", "follow", "unfollow", "login", "leave"}
}

// sinceStart returns the time since the run began.
func (c *Config) sinceStart() time.Duration { return time.Duration(time.Now().UnixNano() - c.Epoch) }

// Run lets the users of a machine live until their time is over.
func Run(ctx context.Context, h *host.Host, c Config, record func(history.Operation)) error {
	if err := c.Validate(); err != nil {
		return err
	}
	var mu sync.Mutex
	crowd := &crowd{config: c, tokens: map[string]string{}, texts: texts.New(vocabulary), record: func(o history.Operation) {
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
		sink := &sink{crowd: crowd, number: mailClient + c.First}
		serving, end := context.WithCancel(ctx)
		defer end()
		all.Go(func() { sink.serve(serving, l) })
	}
	time.Sleep(c.Start - c.sinceStart())
	var living sync.WaitGroup
	if err := crowd.gather(ctx, h, &living); err != nil {
		return err
	}
	if err := crowd.replay(ctx, h, living.Go); err != nil {
		return err
	}
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

// vocabulary is the seed of the words that all machines' people use.
const vocabulary = 1

// mailClient is the number of the client as which the sink of the first machine writes down what it gets.
const mailClient = 1_000_000

// crowd is what the users of a machine know of each other.
type crowd struct {
	config Config
	texts  *texts.Writer
	record func(history.Operation)

	mu     sync.Mutex
	people []*person         // all who have registered on this machine, or tried
	sights []sight           // posts that somebody has seen or advertises, the latest
	tokens map[string]string // by which passwords can be set anew, by names, as mails say
}

// person is an account.
type person struct {
	name, password string
	photos         []sight
	left           bool // or may have
}

// sight is a post as who has seen it can find it again.
type sight struct{ author, id, picture, thumbnail string }

// sightsKept is how many posts people remember.
const sightsKept = 300

// remember keeps a post in mind.
func (c *crowd) remember(s sight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sights {
		if old := &c.sights[i]; old.author == s.author && old.id == s.id {
			old.picture, old.thumbnail = cmp.Or(s.picture, old.picture), cmp.Or(s.thumbnail, old.thumbnail)
			return
		}
	}
	if c.sights = append(c.sights, s); len(c.sights) > sightsKept {
		c.sights = c.sights[1:]
	}
}

// recall returns a post that somebody has seen and that fits.
func (c *crowd) recall(fits func(*sight) bool) (sight, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []sight
	for i := range c.sights {
		if fits(&c.sights[i]) {
			all = append(all, c.sights[i])
		}
	}
	if len(all) == 0 {
		return sight{}, false
	}
	return all[rand.IntN(len(all))], true
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

// share returns the people that a seat looks up at the end. Where there are only groups, nobody does.
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
func (c *crowd) photo(p *person) (_ sight, has bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p.photos) == 0 {
		return sight{}, false
	}
	return p.photos[rand.IntN(len(p.photos))], true
}

// with changes a person.
func (c *crowd) with(p *person, change func(*person)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(p)
}
