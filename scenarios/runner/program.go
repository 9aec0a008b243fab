package runner

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/scenarios"
	"picloud/scenarios/kv"
	"picloud/scenarios/programs"
	"picloud/scenarios/storecloud"
	"picloud/scenarios/users"
	"picloud/sim/detrt/overlay"
	"picloud/sim/event"
	"picloud/sim/kernel"
)

// checkPrograms says whether there is everything that the machines of a scenario run.
func checkPrograms(s *scenarios.Scenario) error {
	for _, m := range s.Topology.Machines {
		var err error
		if IsPath(m.Program) {
			err = checkBuild(m.Program)
		} else if _, err = programs.Lookup(m.Program); err == nil && len(m.Args) > 0 {
			err = fmt.Errorf("%s takes no args, only a program that is given by its path does", m.Program)
		}
		if err != nil {
			return fmt.Errorf("scenario %s: machine %s: %w", s.Name, m.Name, err)
		}
	}
	return nil
}

// IsPath tells a file from a name.
func IsPath(program string) bool {
	return strings.HasPrefix(program, "/") || strings.HasPrefix(program, "./") || strings.HasPrefix(program, "../")
}

// checkBuild says whether a file is a program that was built with the deterministic runtime.
func checkBuild(path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("program %s: %w", path, err)
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), overlay.Tag) {
			return nil
		}
	}
	return fmt.Errorf("program %s was not built with the deterministic runtime: picloud build -o %s PACKAGE does that", path, path)
}

// program returns what a machine runs.
func (r *run) program(m scenarios.Machine) (kernel.Program, error) {
	if IsPath(m.Program) {
		path, err := filepath.Abs(m.Program)
		return kernel.Program{Path: path, Args: m.Args}, err
	}
	config, err := programConfig(r.Scenario, m, r.Seed)
	return kernel.Program{Path: r.Program, Args: []string{"program", m.Program, string(config)}}, err
}

// programConfig returns the configuration of a machine's program.
func programConfig(s *scenarios.Scenario, m scenarios.Machine, seed uint64) ([]byte, error) {
	nodes := s.Nodes()
	if c := s.NodeConfig(&m); c != nil {
		return yaml.Marshal(c)
	}
	if m.Role == scenarios.RoleMonitor {
		return yaml.Marshal(storecloud.MonitorConfig(s.Watched()))
	}
	if m.IsNode() {
		if s.Store != nil {
			c := storecloud.NodeConfig(nodes, s.Store.Groups)
			c.Store.DiskLimit.Duration = time.Duration(s.Store.DiskLimit)
			return yaml.Marshal(c)
		}
		return json.Marshal(kv.NodeConfig{Nodes: nodes})
	}
	if s.Users != nil {
		c := usersOf(s, m)
		var err error
		if c.Replay, err = s.ReplayOn(m.Name, event.NewLoop(seed).Stream); err != nil {
			return nil, err
		}
		return json.Marshal(c)
	}
	if s.Store != nil {
		return json.Marshal(storeClients(s, m, clients(s, nodes)))
	}
	return json.Marshal(clients(s, nodes))
}

// storeClients returns what the clients of one machine do with a store. The first machine also puts the ballast in and moves members.
func storeClients(s *scenarios.Scenario, m scenarios.Machine, c kv.ClientConfig) storecloud.ClientConfig {
	machines := s.MachinesOf(scenarios.RoleClient)
	place := slices.IndexFunc(machines, func(other scenarios.Machine) bool { return other.Name == m.Name })
	c.First = place * (c.Count + s.Store.Appenders)
	sc := storecloud.ClientConfig{
		ClientConfig: c,
		Appenders:    s.Store.Appenders, Watchers: s.Store.Watchers, Partitions: s.Store.Partitions, Groups: len(s.Store.Groups),
		OwnDatabase: s.Store.Database,
	}
	if place == 0 {
		sc.Moves, sc.Ballast = s.Store.Moves, int(s.Store.Ballast)
	}
	return sc
}

// SinkPort is where the first machine of users takes mail.
const SinkPort = "2525"

// patience is how long users wait for an answer before they ask again, where the scenario does not say it.
const patience = 5 * time.Second

// usersOf returns what the users of one machine do.
func usersOf(s *scenarios.Scenario, m scenarios.Machine) users.Config {
	u := s.Users
	homes := s.Homes()
	place := slices.Index(homes, m.Name)
	c := users.Config{
		Count: u.Count / len(homes), Visitors: u.Visitors / len(homes), Newcomers: time.Duration(u.Newcomers) * time.Duration(len(homes)), Actions: u.Actions,
		Groups: s.GroupsOn(m.Name), Plan: s.Plan(),
		Start: time.Duration(u.Start), Ramp: time.Duration(u.Ramp), Pause: time.Duration(u.Pause),
		Patience: cmp.Or(time.Duration(u.Patience), patience), Timeout: time.Duration(u.Timeout),
		FinalReads: s.FinalReads(), Returns: s.Checks.Admitted != nil, Until: time.Duration(s.Duration) - time.Duration(u.Timeout) - lastWord, Epoch: kernel.Epoch,
	}
	if c.First = place * (c.Count + c.Visitors); place < 0 { // only groups are there
		c.First, c.Count, c.Visitors, c.Newcomers = 0, 0, 0, 0
	}
	for _, b := range s.MachinesOf(u.Balancer) {
		c.Balancers = append(c.Balancers, b.Name)
	}
	if t := s.Roles[u.Balancer].LB.TLS; t != nil {
		c.Port, c.Certificate, c.ServerName = t.Port, t.Certificate, scenarios.ServerName
	}
	if place == 0 {
		c.Sink = SinkPort
	}
	return c
}

// clients returns what the clients of one machine do.
func clients(s *scenarios.Scenario, nodes []string) kv.ClientConfig {
	c := &s.Clients
	return kv.ClientConfig{
		Nodes:   nodes,
		Count:   c.Count / len(s.MachinesOf(scenarios.RoleClient)),
		Weights: c.Operations.Weights(), Mixes: c.Mixes,
		KeysInUse: c.Keys.InUse, RetireAfter: c.Keys.RetireAfter,
		Pause: time.Duration(c.Pause), Together: c.Together, Anywhere: int64(c.Anywhere), Timeout: time.Duration(c.Timeout),
		FinalReads: s.FinalReads(),
		Until:      time.Duration(s.Duration) - time.Duration(c.Timeout) - lastWord,
		Epoch:      kernel.Epoch,
	}
}

// lastWord is the time that clients have to write down how their last operation ended. One that
// took effect and is not in the history would make a right cloud look wrong.
const lastWord = 200 * time.Millisecond
