package scenarios

import (
	"fmt"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/scenarios/kv"
)

// problem is what is wrong with a scenario, at a path.
type problem struct {
	path string
	text string
	line int // of the file, if it is not that of the path
}

func (p *problem) Error() string { return p.path + ": " + p.text }

func wrong(path, format string, args ...any) error {
	return &problem{path: path, text: fmt.Sprintf(format, args...)}
}

// cards are the profiles of storage that a machine may have.
func cards() []string { return []string{pausingCard, "sd-good", "ssd", "nvme"} }

// pausingCard keeps syncs waiting for up to three seconds, now and then, with nothing wrong.
const pausingCard = "sd-a1"

// links are the ways in which a machine may be wired to its switch.
func links() []string { return []string{"gigabit", "wifi"} }

// Validate says in one sentence what is wrong with the scenario, and where.
func (s *Scenario) Validate() error {
	switch {
	case !chaos.ValidName(s.Name):
		return wrong("name", "%q is not a name: small letters, digits, points and hyphens", s.Name)
	case s.Moral == "":
		return wrong("moral", "a scenario says in one line what it shows")
	case s.Duration <= 0:
		return wrong("duration", "the run needs a duration")
	case s.Liveness < 0 || s.Liveness >= s.Duration:
		return wrong("liveness", "the last part, %s, is not shorter than the run, %s",
			time.Duration(s.Liveness), time.Duration(s.Duration))
	}
	for _, part := range []func() error{s.validateTopology, s.validateHardware, s.validateDefences, s.validateRoles, s.validateClients, s.validateStore,
		s.validateUsers, s.validateFaults, s.validateChecks, s.validateDefence} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scenario) validateTopology() error {
	t := &s.Topology
	if len(t.Switches) == 0 || len(t.Machines) == 0 {
		return wrong("topology", "a scenario needs at least one switch and one machine")
	}
	var names []string
	for i, name := range t.Switches {
		path := fmt.Sprintf("topology.switches[%d]", i)
		if !chaos.ValidName(name) || slices.Contains(names, name) {
			return wrong(path, "%q is not a name or stands twice", name)
		}
		names = append(names, name)
	}
	for i, m := range t.Machines {
		path := fmt.Sprintf("topology.machines[%d]", i)
		switch {
		case !chaos.ValidName(m.Name):
			return wrong(path+".name", "%q is not a name: small letters, digits, points and "+
				"hyphens", m.Name)
		case slices.Contains(names, m.Name):
			return wrong(path+".name", "%s stands twice", m.Name)
		case m.Role == "":
			return wrong(path+".role", "%s needs a role", m.Name)
		case m.Program == "":
			return wrong(path+".program", "%s needs a program", m.Name)
		case !slices.Contains(t.Switches, m.Switch):
			return wrong(path+".switch", "unknown switch %q%s", m.Switch,
				chaos.DidYouMean(m.Switch, t.Switches))
		case m.Link != "" && !slices.Contains(links(), m.Link):
			return wrong(path+".link", "unknown link %q%s", m.Link, chaos.DidYouMean(m.Link, links()))
		case !slices.Contains(cards(), m.Card):
			return wrong(path+".card", "unknown card %q%s", m.Card, chaos.DidYouMean(m.Card,
				cards()))
		case m.Cores < 1 || m.Cores > 64:
			return wrong(path+".cores", "%d cores, it must be 1 to 64", m.Cores)
		case m.Memory < 1<<20:
			return wrong(path+".memory", "%s needs at least 1MiB of memory", m.Name)
		}
		names = append(names, m.Name)
	}
	return nil
}

func (s *Scenario) validateClients() error {
	c := &s.Clients
	if len(s.MachinesOf(RoleClient)) == 0 {
		return wrong("topology.machines", "no machine has the role %q", RoleClient)
	}
	if s.Users != nil {
		return nil
	}
	m := c.Operations
	for i, name := range c.Mixes {
		if !slices.Contains(kv.MixNames(), name) {
			return wrong(fmt.Sprintf("clients.mixes[%d]", i), "unknown mix %q%s", name, chaos.DidYouMean(name, kv.MixNames()))
		}
	}
	switch {
	case len(c.Mixes) > 0 && (m != Mix{} || s.Store == nil || s.Store.Database):
		return wrong("clients.mixes", "mixes take the place of operations, in a store without a database")
	case c.Count < 1 || c.Count > 1000:
		return wrong("clients.count", "%d clients, it must be 1 to 1000", c.Count)
	case c.Count < len(s.MachinesOf(RoleClient)):
		return wrong("clients.count", "%d clients cannot be on %d machines of the role %q", c.Count, len(s.MachinesOf(RoleClient)), RoleClient)
	case m.Read < 0 || m.Write < 0 || m.Delete < 0 || m.CAS < 0 ||
		m.Read+m.Write+m.Delete+m.CAS == 0 && len(c.Mixes) == 0:
		return wrong("clients.operations", "the weights must not be negative, and one must be "+
			"positive")
	case c.Keys.InUse < 1:
		return wrong("clients.keys.in-use", "%d keys in use, it must be 1 or more", c.Keys.InUse)
	case c.Keys.RetireAfter < 1:
		return wrong("clients.keys.retire-after", "a key is used for %d operations, it must be "+
			"1 or more", c.Keys.RetireAfter)
	case c.Timeout <= 0:
		return wrong("clients.timeout", "clients need a timeout, or one lost reply stops them "+
			"for ever")
	}
	return nil
}

func (s *Scenario) validateStore() error {
	c := s.Store
	if c == nil {
		if s.hasMonitor() && s.Roles[RoleMonitor] == nil {
			return wrong("topology.machines", "a machine with the role %q looks at the nodes of a store, and there is none", RoleMonitor)
		}
		return nil
	}
	if len(c.Groups) == 0 || c.Partitions < 1 || c.Appenders < 0 || c.Watchers < 0 {
		return wrong("store", "a store needs groups, partitions, and no negative number of clients")
	}
	for i, members := range c.Groups {
		path := fmt.Sprintf("store.groups[%d]", i)
		if len(members) == 0 {
			return wrong(path, "a group needs members")
		}
		for k, name := range members {
			if !slices.Contains(s.Nodes(), name) {
				return wrong(path, "there is no node %q", name)
			}
			if slices.Contains(members[k+1:], name) {
				return wrong(path, "%q is a member twice", name)
			}
		}
		if c.Moves && len(members) >= len(s.Nodes()) {
			return wrong("store.moves", "members of a group move to another node, and all nodes are members of one")
		}
	}
	return nil
}

func (s *Scenario) validateFaults() error {
	f := &s.Faults
	for i, role := range f.Roles {
		if len(s.MachinesOf(role)) == 0 {
			return wrong(fmt.Sprintf("faults.roles[%d]", i), "no machine has the role %q", role)
		}
	}
	if f.Schedule.Text != "" {
		if len(f.Kinds) > 0 || len(f.Aim) > 0 || f.Start != 0 || f.Swarm != 0 {
			return wrong("faults", "faults are a schedule or generated, not both")
		}
		schedule, err := s.scripted()
		if err != nil {
			return err
		}
		for i, k := range f.Required {
			if !slices.ContainsFunc(schedule, func(f chaos.Fault) bool { return f.Kind == k }) {
				return wrong(fmt.Sprintf("faults.required[%d]", i), "%q is required and not in "+
					"the schedule", k)
			}
		}
		return nil
	}
	listed := map[string]bool{}
	for _, k := range f.Kinds {
		if _, ok := chaos.Lookup(chaos.Kind(k.Kind)); !ok && k.Kind != Others {
			return wrong("faults.kinds."+k.Kind, "unknown fault kind %q%s", k.Kind,
				chaos.DidYouMean(k.Kind, append(chaos.Kinds(), Others)))
		}
		if listed[k.Kind] {
			return wrong("faults.kinds."+k.Kind, "it stands twice")
		}
		listed[k.Kind] = true
	}
	for i, k := range f.Required {
		if _, ok := chaos.Lookup(k); !ok {
			return wrong(fmt.Sprintf("faults.required[%d]", i), "unknown fault kind %q%s", k,
				chaos.DidYouMean(string(k), chaos.Kinds()))
		}
	}
	if len(f.Kinds) == 0 && len(f.Required) == 0 {
		return nil // a quiet run
	}
	config := s.generatorConfig()
	for _, a := range f.Aim {
		if err := config.KnowsAim(a.At); err != nil {
			return wrong("faults.aim."+a.At, "%s", err)
		}
	}
	if err := config.Validate(); err != nil {
		return wrong("faults", "%s", err)
	}
	return nil
}

func (s *Scenario) validateChecks() error {
	c := &s.Checks
	if c.Linearizable != nil && (c.Linearizable.Minimum < 1 || c.Linearizable.Steps < 1) {
		return wrong("checks.linearizable", "the check needs a minimum of operations and a "+
			"budget of steps")
	}
	if c.Durable != nil && c.Durable.Minimum < 1 {
		return wrong("checks.durable", "the check needs a minimum of acknowledged changes")
	}
	if c.Agreement != nil && c.Agreement.Minimum < 1 {
		return wrong("checks.agreement", "the check needs a minimum of places of the log")
	}
	if c.Serializable != nil && (c.Serializable.Minimum < 1 || s.Store == nil) {
		return wrong("checks.serializable", "the check needs a minimum of transactions, and a store")
	}
	if c.Watched != nil && (c.Watched.Minimum < 1 || s.Store == nil) {
		return wrong("checks.watched", "the check needs a minimum of events, and a store")
	}
	for _, of := range []struct {
		name  string
		check *AtLeast
	}{{"sessions", c.Sessions}, {"bounded", c.Bounded}, {"kept", c.Kept}} {
		if of.check != nil && (of.check.Minimum < 1 || s.Users == nil) {
			return wrong("checks."+of.name, "the check needs a minimum, and users")
		}
	}
	if c.Jobs != nil && (c.Jobs.Minimum < 1 || c.Jobs.Within <= 0 || s.Users == nil || s.FinalReads()-time.Duration(c.Jobs.Within) < s.HealedAt()) {
		return wrong("checks.jobs", "the check needs a minimum, users, and a time that jobs may take, which fits between healing and the last reads")
	}
	if v := c.Admitted; v != nil && (v.Minimum < 1 || v.Asked != nil && *v.Asked < 0 || s.Users == nil) {
		return wrong("checks.admitted", "the check needs a minimum, users, and no negative number of those who are asked")
	}
	if v := c.Served; v != nil && (v.Minimum < 1 || v.Share < 1 || v.Within <= 0 || v.From >= v.To || v.To > s.Duration) {
		return wrong("checks.served", "the check needs a part of the run, a time within which operations succeed, a share and a minimum")
	}
	if v := c.Lost; v != nil && (v.Minimum < 1 || v.Share < 1 || v.Within <= 0 || v.Alert == "" || !s.hasMonitor() || c.Durable != nil || c.Live != nil) {
		return wrong("checks.lost", "the check needs a minimum, a time, a share, an alert and a monitor; where data is lost nothing is durable, or live")
	}
	if err := s.validateAbuseChecks(); err != nil {
		return err
	}
	if v := c.Named; v != nil && (v.Minimum < 0 || v.Share < 1 || v.False != nil && *v.False < 0 || !s.hasMonitor()) {
		return wrong("checks.named", "the check needs a minimum of faults, a share, no negative number of false alerts, and a monitor")
	}
	if p := c.Progress; p != nil && (p.Within <= 0 || p.Recovery < 0 || len(s.Faults.Roles) == 0) {
		return wrong("checks.progress", "the check needs a time within which something succeeds, "+
			"and the roles of the faults")
	}
	if l := c.Live; l != nil {
		switch {
		case l.Minimum < 1 || l.Within <= 0 || l.Share < 1:
			return wrong("checks.live", "the check needs a minimum of operations, a time "+
				"within which they succeed and a share")
		case l.After+l.Within >= s.Liveness:
			return wrong("checks.live", "%s after healing and %s for an operation do not fit "+
				"into the last %s of the run",
				time.Duration(l.After), time.Duration(l.Within), time.Duration(s.Liveness))
		}
	}
	return nil
}
