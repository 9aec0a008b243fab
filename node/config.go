package node

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/db"
	"picloud/node/store"
)

// Config is a node's configuration. The roles that a node has are the parts that are there.
type Config struct {
	Cloud     string   `yaml:"cloud,omitempty"` // the cloud's name, which is also on its disks; picloud if it is left out
	Nodes     []string `yaml:"nodes"`           // all nodes of the cloud that have the role store
	StorePort string   `yaml:"store-port"`      // where they listen; 7000 if it is left out
	HTTP      string   `yaml:"http"`            // the port for HTTP, with metrics and what roles serve there; 8080 if it is left out

	Board    *Board   `yaml:"board,omitempty"`    // what is looked for if it is left out: any
	Watchdog Duration `yaml:"watchdog,omitempty"` // after which a machine whose node hangs is reset, 10s or more; it is not started if it is left out

	Store   *Store   `yaml:"store"`
	DB      *DB      `yaml:"db"`
	LB      *LB      `yaml:"lb,omitempty"`
	Cache   *Cache   `yaml:"cache,omitempty"`
	Queue   *Queue   `yaml:"queue,omitempty"`
	Abuse   *Abuse   `yaml:"abuse,omitempty"`
	Proof   *Proof   `yaml:"proof,omitempty"`
	Apps    []App    `yaml:"apps,omitempty"`
	Lambda  *Lambda  `yaml:"lambda,omitempty"`
	Monitor *Monitor `yaml:"monitor,omitempty"`
	Health  *Health  `yaml:"health,omitempty"`

	applications map[string]app.New // of a test, in place of those that are compiled in
}

// Monitor is the role that looks at the metrics of all nodes, and at its own, and says which alerts stand.
type Monitor struct {
	Every    Duration `yaml:"every"`              // 5s if it is left out, at most 10s: rules look back 30 s
	Machines []string `yaml:"machines,omitempty"` // whose nodes it looks at beside its own; those with the store if it is left out
}

// Store is the role that keeps data.
type Store struct {
	// Groups are the members of the groups with which the cloud begins. A node that comes later, or whose
	// card was replaced, has Join in their place.
	Groups [][]string `yaml:"groups,omitempty"`
	Join   bool       `yaml:"join"`

	// for tests and small machines; zero for what store.DefaultConfig says
	Patience      Duration `yaml:"patience"`
	SnapshotEvery uint64   `yaml:"snapshot-every"`
	TrailingLogs  uint64   `yaml:"trailing-logs"`
	DigestEvery   uint64   `yaml:"digest-every"`
	ScrubEvery    Duration `yaml:"scrub-every"`
	DiskLimit     Duration `yaml:"disk-limit,omitempty"` // after which a write that has not ended ends the node
	MemTable      uint64   `yaml:"memtable-bytes"`
	Cache         int64    `yaml:"cache-bytes"`
}

// DB is the role that applications talk to.
type DB struct {
	RESP   string  `yaml:"resp"` // the port for Redis' protocol; none if it is left out
	Tokens []Token `yaml:"tokens"`

	Config db.Config `yaml:"-"`
}

// Token is a db.Token in a file.
type Token struct {
	Token      string   `yaml:"token"`
	Role       string   `yaml:"role"`
	Namespaces []string `yaml:"namespaces"`
}

// Parse reads a configuration and validates it. Unknown keys are errors. The name is for the messages.
func Parse(name string, text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return fmt.Errorf("%s:%w", name, firstWrong(err))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a second document begins, and nobody would look at it", name)
	}
	if v, is := into.(interface{ Validate() error }); is {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// firstWrong returns the first mistake of a file in words of its own: " 7: ...", or " ..." where nobody knows the line.
func firstWrong(err error) error {
	text := err.Error()
	if all, is := errors.AsType[*yaml.TypeError](err); is {
		text = all.Errors[0]
	}
	text = strings.TrimPrefix(text, "yaml: ")
	line := ""
	if rest, is := strings.CutPrefix(text, "line "); is {
		line, text, _ = strings.Cut(rest, ": ")
		line += ":"
	}
	if key, _, is := strings.Cut(strings.TrimPrefix(text, "field "), " not found in type "); is {
		text = fmt.Sprintf("unknown key %q", key)
	}
	return errors.New(line + " " + text)
}

// Validate puts defaults where nothing stands, and says what is wrong with the configuration.
func (c *Config) Validate() error {
	c.StorePort, c.HTTP = cmp.Or(c.StorePort, "7000"), cmp.Or(c.HTTP, "8080")
	if err := c.validateBoard(); err != nil {
		return err
	}
	for _, validate := range c.tiers() {
		if err := validate(); err != nil {
			return err
		}
	}
	if err := c.validateApps(); err != nil {
		return err
	}
	if c.Lambda != nil {
		if err := c.validateLambda(); err != nil {
			return err
		}
	}
	if err := errors.Join(c.validatePorts(), c.validateHealth()); err != nil {
		return err
	}
	if len(c.Nodes) == 0 {
		return errors.New("node: nodes: the cloud has nodes")
	}
	if s := c.Store; s != nil {
		if s.Join == (len(s.Groups) > 0) {
			return errors.New("node: store: a node joins, or has the groups with which the cloud begins")
		}
		for i, members := range s.Groups {
			for k, name := range members {
				if !slices.Contains(c.Nodes, name) {
					return fmt.Errorf("node: store.groups[%d]: %q is not among the nodes", i, name)
				}
				if slices.Contains(members[k+1:], name) {
					return fmt.Errorf("node: store.groups[%d]: %q is a member twice", i, name)
				}
			}
		}
		config := c.store(c.Nodes[0])
		if err := config.Validate(); err != nil {
			return err
		}
	}
	if m := c.Monitor; m != nil {
		m.Every.Duration = cmp.Or(m.Every.Duration, 5*time.Second)
		if d := m.Every.Duration; d < 10*time.Millisecond || d > 10*time.Second {
			return fmt.Errorf("node: monitor.every: rules look back 30 s, so it looks every 10ms to 10s, not every %s", d)
		}
	}
	if d := c.DB; d != nil {
		d.Config.Tokens = nil
		for _, t := range d.Tokens {
			d.Config.Tokens = append(d.Config.Tokens, db.Token{Token: t.Token, Role: db.Role(t.Role), Namespaces: t.Namespaces})
		}
		return d.Config.Validate()
	}
	return nil
}

// tiers returns what puts defaults into the tiers that are there, and says what is wrong with them.
func (c *Config) tiers() (all []func() error) {
	if c.LB != nil {
		all = append(all, c.LB.validate)
	}
	if c.Cache != nil {
		all = append(all, c.Cache.validate)
	}
	if c.Queue != nil {
		all = append(all, c.Queue.validate)
	}
	if c.Abuse != nil {
		all = append(all, c.Abuse.validate)
	}
	if c.Proof != nil {
		all = append(all, c.Proof.validate)
	}
	return all
}

func (c *Config) validatePorts() error {
	ports := map[string]string{"store-port": c.StorePort, "http": c.HTTP}
	if c.DB != nil && c.DB.RESP != "" {
		ports["db.resp"] = c.DB.RESP
	}
	if c.LB != nil {
		maps.Copy(ports, c.LB.ports())
	}
	if c.Cache != nil {
		ports["cache.port"] = c.Cache.Port
	}
	if c.Queue != nil {
		ports["queue.port"] = c.Queue.Port
	}
	if c.Abuse != nil {
		ports["abuse.port"] = c.Abuse.Port
	}
	if c.Proof != nil {
		ports["proof.port"] = c.Proof.Port
	}
	for i := range c.Apps {
		ports[fmt.Sprintf("apps[%d].port", i)] = c.Apps[i].Port
	}
	used := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(ports)) {
		port := ports[key]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("node: %s: %q is not a port", key, port)
		}
		if used[port] {
			return fmt.Errorf("node: %s: the port %s is used twice", key, port)
		}
		used[port] = true
	}
	return nil
}

// store returns the configuration of the role store.
func (c *Config) store(name string) store.Config {
	s := store.DefaultConfig(name, c.Nodes...)
	s.Cloud = cmp.Or(c.Cloud, s.Cloud)
	s.Port = c.StorePort
	if len(c.Store.Groups) > 0 {
		s.First = api.Spread(c.Store.Groups)
	}
	s.Patience = cmp.Or(c.Store.Patience.Duration, s.Patience)
	s.SnapshotEvery = cmp.Or(c.Store.SnapshotEvery, s.SnapshotEvery)
	s.TrailingLogs = cmp.Or(c.Store.TrailingLogs, s.TrailingLogs)
	s.DigestEvery = cmp.Or(c.Store.DigestEvery, s.DigestEvery)
	s.ScrubEvery = cmp.Or(c.Store.ScrubEvery.Duration, s.ScrubEvery)
	s.DiskLimit = cmp.Or(c.Store.DiskLimit.Duration, s.DiskLimit)
	s.MemTableBytes = cmp.Or(c.Store.MemTable, s.MemTableBytes)
	s.CacheBytes = cmp.Or(c.Store.Cache, s.CacheBytes)
	return s
}
