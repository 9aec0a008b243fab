package abuse

import (
	"cmp"
	"fmt"
	"time"

	"picloud/node/abuse/text"
	"picloud/node/api"
)

// Config is a server's configuration. The zero value of a field is its default, but for Port and Tenants.
type Config struct {
	Port    string
	Tenants []Tenant      // the applications that it judges for
	Drain   time.Duration // between saying that it ends and serving no more; 500 ms
}

// Tenant is an application, and how it is protected.
type Tenant struct {
	Name   string
	Limits []Limit // DefaultLimits if there are none

	// Reputation is what somebody may do of harm; see Harm. Both bursts come back at the same pace.
	UserHarm    int           // by a user, before nothing more of the user is taken; 12
	AddressHarm int           // from an address, before nothing more is taken from it; 60: many may be behind one
	Forgive     time.Duration // in which a point is forgiven; 20 s

	// Texts says how many honest texts may suffer for spam to be caught. What that comes to is known once there are enough labels of
	// honest texts (package text says how many): until then less is held back, or nothing.
	Texts text.Policy
}

// Of is whom a limit counts.
type Of string

// Whom limits count.
const (
	User    Of = "user"
	Address Of = "address"
)

// Limit is how much of something somebody may do: Burst at once, and one more after each Every.
type Limit struct {
	What  What
	Of    Of
	Burst int // of costs
	Every time.Duration
}

// name is what a limit is called in metrics, verdicts and rows.
func (l *Limit) name() string { return string(l.What) + " " + string(l.Of) }

// DefaultLimits are what an application is given that says nothing else. A picture costs as much as five texts. Addresses may do
// as much as forty users can, as a whole house, school or mobile network may be behind one.
func DefaultLimits() []Limit {
	return []Limit{
		{Post, User, 30, 2 * time.Second},
		{Post, Address, 600, 50 * time.Millisecond},
		{Register, Address, 60, 500 * time.Millisecond},
		{Login, Address, 120, 250 * time.Millisecond},
	}
}

func (c Config) withDefaults() Config {
	c.Drain = cmp.Or(c.Drain, 500*time.Millisecond)
	tenants := make([]Tenant, len(c.Tenants))
	for i, t := range c.Tenants {
		if len(t.Limits) == 0 {
			t.Limits = DefaultLimits()
		}
		t.UserHarm = cmp.Or(t.UserHarm, 12)
		t.AddressHarm = cmp.Or(t.AddressHarm, 60)
		t.Forgive = cmp.Or(t.Forgive, 20*time.Second)
		tenants[i] = t
	}
	c.Tenants = tenants
	return c
}

// The limits of a configuration.
const (
	mostTenants = 64
	mostBurst   = 1_000_000
	leastEvery  = time.Millisecond
	mostEvery   = 24 * time.Hour
)

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	d := c.withDefaults()
	if n := len(d.Tenants); n == 0 || n > mostTenants {
		return fmt.Errorf("abuse: it judges for 1 to %d tenants, not %d", mostTenants, n)
	}
	if d.Drain < 0 || d.Drain > time.Minute {
		return fmt.Errorf("abuse: a drain is 0 to 1m, not %s", c.Drain)
	}
	names := map[string]bool{}
	for i := range d.Tenants {
		t := &d.Tenants[i]
		err := t.validate()
		if err == nil && names[t.Name] {
			err = fmt.Errorf("it stands there twice")
		}
		if err != nil {
			return fmt.Errorf("abuse: the tenant %.80q: %w", t.Name, err)
		}
		names[t.Name] = true
	}
	return nil
}

// mostFull is how long a burst may take to come back: a row of the store lives no longer.
const mostFull = time.Duration(api.MaxTTL) * time.Millisecond

func tooSlow(burst int, every time.Duration) bool { return time.Duration(burst) > mostFull/every }

func (t *Tenant) validate() error {
	if !ValidTenant(t.Name) {
		return badTenant(t.Name)
	}
	seen := map[string]bool{}
	for i := range t.Limits {
		l := &t.Limits[i]
		switch {
		case l.What != Post && l.What != Register && l.What != Login:
			return fmt.Errorf("limits[%d]: what is limited is %s, %s or %s, not %.40q", i, Post, Register, Login, l.What)
		case l.Of != User && l.Of != Address:
			return fmt.Errorf("limits[%d]: a limit is of a %s or an %s, not of %.40q", i, User, Address, l.Of)
		case l.Burst < 1 || l.Burst > mostBurst:
			return fmt.Errorf("limits[%d]: a burst is 1 to %d, not %d", i, mostBurst, l.Burst)
		case l.Every < leastEvery || l.Every > mostEvery:
			return fmt.Errorf("limits[%d]: one more comes after %s to %s, not %s", i, leastEvery, mostEvery, l.Every)
		case tooSlow(l.Burst, l.Every):
			return fmt.Errorf("limits[%d]: a burst of %d with one more after each %s takes more than %s to come back", i, l.Burst, l.Every, mostFull)
		case seen[l.name()]:
			return fmt.Errorf("limits[%d]: there is another limit of %s by %s", i, l.What, l.Of)
		}
		seen[l.name()] = true
	}
	switch {
	case min(t.UserHarm, t.AddressHarm) < 1 || max(t.UserHarm, t.AddressHarm) > mostBurst:
		return fmt.Errorf("the harm that is borne is 1 to %d, not %d of a user and %d from an address", mostBurst, t.UserHarm, t.AddressHarm)
	case t.Forgive < leastEvery || t.Forgive > mostEvery:
		return fmt.Errorf("a point is forgiven after %s to %s, not %s", leastEvery, mostEvery, t.Forgive)
	case tooSlow(max(t.UserHarm, t.AddressHarm), t.Forgive):
		return fmt.Errorf("harm of %d of which a point is forgiven after %s takes more than %s to be forgiven", max(t.UserHarm, t.AddressHarm), t.Forgive, mostFull)
	}
	return t.Texts.Validate()
}
