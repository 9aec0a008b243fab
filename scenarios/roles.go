package scenarios

import (
	"maps"
	"slices"
	"time"

	"picloud/chaos"
	"picloud/node"
	"picloud/scenarios/users"
)

// NodeConfig returns what a machine is as a node, if its role says so.
func (s *Scenario) NodeConfig(m *Machine) *node.Config {
	role := s.Roles[m.Role]
	if role == nil {
		return nil
	}
	c := *role
	c.Cloud, c.Nodes = s.Name, s.storeNodes()
	if c.Monitor != nil {
		monitor := *c.Monitor
		if len(monitor.Machines) == 0 {
			monitor.Machines = s.Watched()
		}
		c.Monitor = &monitor
	}
	if _, has := s.boardOf(m); has {
		board := node.Board{}
		if c.Board != nil {
			board = *c.Board
		}
		board.Config = s.Equipment(m.Name)
		c.Board = &board
	}
	for _, name := range s.Without {
		if off := defences()[name]; off != nil {
			off(&c)
		}
	}
	return &c
}

// storeNodes returns the machines whose role has a store.
func (s *Scenario) storeNodes() []string {
	var names []string
	for _, m := range s.Topology.Machines {
		if c := s.Roles[m.Role]; c != nil && c.Store != nil {
			names = append(names, m.Name)
		}
	}
	return names
}

func (s *Scenario) validateRoles() error {
	roles := slices.Sorted(maps.Keys(s.Roles))
	for _, role := range roles {
		c := s.Roles[role]
		if c.LB == nil {
			continue
		}
		if err := identify(c.LB.TLS); err != nil {
			return wrong("roles."+role+".lb.tls", "%s", err)
		}
	}
	known := map[string]bool{}
	for i := range s.Topology.Machines {
		m := &s.Topology.Machines[i]
		c := s.NodeConfig(m)
		if c == nil || known[m.Role] {
			continue
		}
		known[m.Role] = true
		if len(c.Nodes) == 0 {
			return wrong("roles", "no machine has a role with a store")
		}
		if err := c.Validate(); err != nil {
			return wrong("roles."+m.Role, "%s", err)
		}
	}
	for _, role := range roles {
		if !known[role] {
			return wrong("roles."+role, "no machine has this role")
		}
	}
	return nil
}

func (s *Scenario) validateUsers() error {
	u := s.Users
	if u == nil {
		return nil
	}
	sum := 0
	for _, action := range slices.Sorted(maps.Keys(u.Actions)) {
		weight := u.Actions[action]
		if !slices.Contains(users.Actions(), action) {
			return wrong("users.actions."+action, "users do not know how to do that%s: they know %v", chaos.DidYouMean(action, users.Actions()), users.Actions())
		}
		if weight < 0 {
			return wrong("users.actions."+action, "the weight is negative")
		}
		sum += weight
	}
	balancer := s.Roles[u.Balancer]
	switch {
	case u.Count < 1 || u.Count > 1000 || u.Visitors < 0 || u.Visitors > 10_000:
		return wrong("users", "%d users and %d visitors, it must be 1 to 1000 and up to 10000", u.Count, u.Visitors)
	case u.Count < len(s.Homes()):
		return wrong("users.count", "%d users cannot be on %d machines", u.Count, len(s.Homes()))
	case u.Newcomers != 0 && u.Newcomers < Duration(time.Millisecond):
		return wrong("users.newcomers", "one comes every %s, it must be at least 1ms", time.Duration(u.Newcomers))
	case sum == 0:
		return wrong("users.actions", "one weight must be positive")
	case balancer == nil || balancer.LB == nil || balancer.LB.TLS == nil:
		return wrong("users.balancer", "the role %q has no load balancer with TLS", u.Balancer)
	case u.Patience < 0 || u.Patience > u.Timeout:
		return wrong("users.patience", "users who ask again after %s and give up after %s make no sense", time.Duration(u.Patience), time.Duration(u.Timeout))
	case u.Start < 0 || u.Ramp < 0 || u.Start+u.Ramp >= s.Duration:
		return wrong("users", "users who come from %s on, within %s, do not come in a run of %s", time.Duration(u.Start), time.Duration(u.Ramp), time.Duration(s.Duration))
	case u.Timeout <= 0 || u.Pause <= 0 || u.Bound <= 0:
		return wrong("users", "users need a pause, a timeout and a bound")
	}
	if err := s.validateReplay(); err != nil {
		return err
	}
	return s.validateGroups()
}
