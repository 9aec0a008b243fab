package node

import (
	"cmp"
	"context"
	"slices"

	"picloud/node/abuse"
	"picloud/node/abuse/text"
)

// Abuse is the role that judges what users want to store. All nodes that have it have the same tenants.
type Abuse struct {
	Port    string        `yaml:"port"` // for HTTP; 9200 if it is left out
	Tenants []AbuseTenant `yaml:"tenants"`
	Drain   Duration      `yaml:"drain,omitempty"` // 500ms if it is left out
}

// AbuseTenant is an abuse.Tenant in a file.
type AbuseTenant struct {
	Name        string       `yaml:"name"` // of the application
	Limits      []AbuseLimit `yaml:"limits,omitempty"`
	UserHarm    int          `yaml:"user-harm,omitempty"`    // 12 if it is left out
	AddressHarm int          `yaml:"address-harm,omitempty"` // 60 if it is left out
	Forgive     Duration     `yaml:"forgive,omitempty"`      // 20s if it is left out
	BlockPPM    int          `yaml:"block-ppm,omitempty"`    // of honest texts that may be blocked; 2000 if it is left out
	UnsurePPM   int          `yaml:"unsure-ppm,omitempty"`   // of honest texts that may be held back; 20000 if it is left out
}

// AbuseLimit is an abuse.Limit in a file.
type AbuseLimit struct {
	What  string   `yaml:"what"` // post, register or login
	Of    string   `yaml:"of"`   // user or address
	Burst int      `yaml:"burst"`
	Every Duration `yaml:"every"`
}

func (c *Abuse) config() abuse.Config {
	config := abuse.Config{Port: c.Port, Drain: c.Drain.Duration}
	for _, t := range c.Tenants {
		tenant := abuse.Tenant{Name: t.Name, UserHarm: t.UserHarm, AddressHarm: t.AddressHarm, Forgive: t.Forgive.Duration,
			Texts: text.Policy{BlockPPM: t.BlockPPM, UnsurePPM: t.UnsurePPM}}
		for _, l := range t.Limits {
			tenant.Limits = append(tenant.Limits, abuse.Limit{What: abuse.What(l.What), Of: abuse.Of(l.Of), Burst: l.Burst, Every: l.Every.Duration})
		}
		config.Tenants = append(config.Tenants, tenant)
	}
	return config
}

// validate puts defaults where nothing stands, and says what is wrong.
func (c *Abuse) validate() error {
	c.Port = cmp.Or(c.Port, "9200")
	config := c.config()
	return config.Validate()
}

// beginAbuse starts the abuse server, which others find through the store.
func (n *node) beginAbuse(run func(string, func(context.Context) error)) error {
	s, err := n.client()
	if err != nil {
		return err
	}
	server, err := abuse.New(n.config.Abuse.config(), n.host.Name, s, n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	l, err := n.listen(n.config.Abuse.Port)
	if err != nil {
		return err
	}
	run("abuse", func(ctx context.Context) error { return server.Run(ctx, l) })
	return nil
}

// guard returns what all applications of the node ask before they store anything.
func (n *node) guard(run func(string, func(context.Context) error)) (abuse.Guard, error) {
	if n.abuse != nil {
		return n.abuse, nil
	}
	s, err := n.client()
	if err != nil {
		return nil, err
	}
	c, err := abuse.NewClient(n.host.Network, s, n.config.tenants(), n.metrics, n.host.Log)
	if err != nil {
		return nil, err
	}
	n.abuse = c
	run("abuse client", func(ctx context.Context) error { c.Run(ctx); return nil })
	return c, nil
}

// tenants returns the names of the applications that run on the node and are compiled in.
func (c *Config) tenants() []string {
	var names []string
	for i := range c.Apps {
		if c.Apps[i].Program == nil {
			names = append(names, c.Apps[i].Name)
		}
	}
	if c.Lambda != nil {
		for i := range c.Lambda.Apps {
			names = append(names, c.Lambda.Apps[i].Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
