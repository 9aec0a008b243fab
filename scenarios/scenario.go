// Package scenarios holds the scenario files, makes the schedule of faults of a run from a file
// and a seed, and judges what a run left.
//
// Invariants: a scenario that was loaded is whole and consistent; an unknown key, a wrong unit or
// a name that is not there is an error with the file, the line and a suggestion. A scenario and
// a seed decide everything.
package scenarios

import (
	"slices"
	"time"

	"picloud/chaos"
	"picloud/node"
	"picloud/scenarios/history"
)

// Scenario is a scenario file.
type Scenario struct {
	Name     string    `yaml:"name"`
	Moral    string    `yaml:"moral"`    // what it shows, in one line
	Duration Duration  `yaml:"duration"` // the whole run, in virtual time
	Liveness Duration  `yaml:"liveness"` // its last part, in which everything is healed
	Topology Topology  `yaml:"topology"`
	Hardware *Hardware `yaml:"hardware"`
	Clients  Clients   `yaml:"clients"`
	Store    *Store    `yaml:"store"`
	Users    *Users    `yaml:"users"`

	// Roles says what the machines of a role are as nodes, as in their own files. The topology says the rest.
	Roles map[string]*node.Config `yaml:"roles"`

	Faults  Faults   `yaml:"faults"`
	Checks  Checks   `yaml:"checks"`
	Without []string `yaml:"without"` // defences of the nodes that are switched off
	Defence *Defence `yaml:"defence"` // what the scenario is about; nil if nobody has said it

	text []byte // of the file
}

// Topology is the machines and what they are wired to. Switches reach one another by uplinks.
type Topology struct {
	Switches []string  `yaml:"switches"`
	Machines []Machine `yaml:"machines"`
}

// Machine is one machine.
type Machine struct {
	Name    string   `yaml:"name"`
	Role    string   `yaml:"role"`
	Program string   `yaml:"program"` // what it runs: a name, or the path of a file that was built with the deterministic runtime
	Args    []string `yaml:"args"`    // for a program that is given by its path
	Switch  string   `yaml:"switch"`
	Link    string   `yaml:"link"` // to the switch: gigabit, if it is left out, or wifi
	Card    string   `yaml:"card"` // sd-a1, sd-good, ssd or nvme
	Cores   int      `yaml:"cores"`
	Memory  Size     `yaml:"memory"`
}

// The roles that are known. Machines with any other are the nodes.
const (
	RoleClient  = "client"  // runs clients
	RoleMonitor = "monitor" // looks at the nodes' metrics and says which alerts stand
)

// Clients is the load. Keys rotate, so that the history of each stays short enough to judge.
type Clients struct {
	Count      int      `yaml:"count"` // that work at the same time, over all client machines
	Operations Mix      `yaml:"operations"`
	Mixes      []string `yaml:"mixes"` // core mixes of YCSB in place of operations, one after the other: ycsb-a to ycsb-f
	Keys       Keys     `yaml:"keys"`
	Pause      Duration `yaml:"pause"`    // mean time between two operations of a client
	Together   bool     `yaml:"together"` // all clients begin at the same moments, a pause apart
	Anywhere   PPM      `yaml:"anywhere"` // the share of operations that ask any node first, not the leader
	Timeout    Duration `yaml:"timeout"`  // after which a client gives up and the outcome is unknown
}

// Store is what a cloud needs that is the store: the members of its first groups, and more clients on
// each client machine.
type Store struct {
	Groups     [][]string `yaml:"groups"`     // the members of each
	Partitions int        `yaml:"partitions"` // of lists
	Appenders  int        `yaml:"appenders"`  // that run transactions on lists
	Watchers   int        `yaml:"watchers"`   // that together watch all lists
	Moves      bool       `yaml:"moves"`      // members of groups move from node to node
	Ballast    Size       `yaml:"ballast"`    // of data that lies in the groups, so that snapshots take their time
	Database   bool       `yaml:"database"`   // client machines have the role db, and two thirds of the keys lie in it
	DiskLimit  Duration   `yaml:"disk-limit"` // after which a write that has not ended ends the node; what the node says, if it is left out
}

// Users is people who use Pinboard, in place of clients.
type Users struct {
	Count     int            `yaml:"count"`     // at one time, over all client machines; who leaves is followed by another
	Visitors  int            `yaml:"visitors"`  // beside them, over all client machines: who looks at profiles and never registers
	Newcomers Duration       `yaml:"newcomers"` // mean time between two people who come beside them, register and go, whether those before them were served or not; none if it is left out
	Machines  []string       `yaml:"machines"`  // on which they are, of those for clients; all, if it is left out
	Groups    []Group        `yaml:"groups"`    // of people of other sorts
	Replay    *Replay        `yaml:"replay"`    // people of a web server's access log
	Balancer  string         `yaml:"balancer"`  // the role of the machines that they talk to
	Actions   map[string]int `yaml:"actions"`   // weights
	Start     Duration       `yaml:"start"`     // nobody comes before
	Ramp      Duration       `yaml:"ramp"`      // in which users come one after another, as all of them at once would wait for their passwords
	Pause     Duration       `yaml:"pause"`     // mean time between two actions of a user
	Patience  Duration       `yaml:"patience"`  // after which a user asks again, with the same idempotency key; 5s if it is left out
	Timeout   Duration       `yaml:"timeout"`   // after which a user gives up
	Bound     Duration       `yaml:"bound"`     // how old an answer may be
}

// Mix is the weights of the kinds of operations.
type Mix struct {
	Read   int `yaml:"read"`
	Write  int `yaml:"write"`
	Delete int `yaml:"delete"`
	CAS    int `yaml:"cas"`
}

// Weights returns the weights by kind.
func (m *Mix) Weights() map[string]int {
	return map[string]int{
		string(history.Read): m.Read, string(history.Write): m.Write, string(history.CAS): m.CAS, string(history.Delete): m.Delete,
	}
}

// Keys says how keys are used.
type Keys struct {
	InUse       int `yaml:"in-use"`       // at one time
	RetireAfter int `yaml:"retire-after"` // operations, by a new key
}

// Faults says what goes wrong: either lines of a schedule, or what the generator needs.
type Faults struct {
	Schedule Lines `yaml:"schedule"`

	Roles    []string     `yaml:"roles"`    // of the machines that the limits and the check of progress count
	Disks    []string     `yaml:"disks"`    // of those of them whose disks fail; all, if it is left out
	Start    Duration     `yaml:"start"`    // no fault before
	Kinds    Kinds        `yaml:"kinds"`    // mean time between two of a kind
	Swarm    PPM          `yaml:"swarm"`    // the chance that a kind takes part for a seed
	Required []chaos.Kind `yaml:"required"` // must be felt, or the run is inconclusive
	Limits   Limits       `yaml:"limits"`
	Aim      Aims         `yaml:"aim"` // shares of the faults that are aimed
}

// Limits changes what chaos.DefaultLimits says. What is left out stays as it is there.
type Limits struct {
	OutAtOnce            *chaos.Share `yaml:"out-at-once"`
	Storms               *PPM         `yaml:"storms"`
	DamagedPerRun        *chaos.Share `yaml:"damaged-per-run"`
	CrashAfterSilentHarm *bool        `yaml:"crash-after-silent-harm"`
	Recovery             *Duration    `yaml:"recovery"`
	Longest              *Duration    `yaml:"longest"` // that a fault lasts
	ActiveAtOnce         *int         `yaml:"active-at-once"`
}

// Checks says what a run is judged by. A check that is left out is not made, but for the two
// that need no numbers: no process ends unexpectedly, and the required faults are felt.
type Checks struct {
	Linearizable *Linearizable `yaml:"linearizable"`
	Durable      *Durable      `yaml:"durable"`
	Live         *Live         `yaml:"live"`
	Agreement    *Agreement    `yaml:"agreement"`
	Serializable *AtLeast      `yaml:"serializable"`
	Watched      *AtLeast      `yaml:"watched"`
	Progress     *Progress     `yaml:"progress"`
	Sessions     *AtLeast      `yaml:"sessions"` // this and the next three judge what users of Pinboard saw
	Bounded      *AtLeast      `yaml:"bounded"`
	Kept         *AtLeast      `yaml:"kept"`
	Jobs         *Jobs         `yaml:"jobs"`
	Admitted     *Admitted     `yaml:"admitted"` // whether those who have registered can log in at the end
	Named        *Named        `yaml:"named"`
	Served       *Served       `yaml:"served"`
	Blocked      *Blocked      `yaml:"blocked"` // this and the next two judge abuse protection
	Honest       *Honest       `yaml:"honest"`
	Caught       *Caught       `yaml:"caught"`
	Lost         *Lost         `yaml:"lost"`      // that what was damaged beyond the design is said to be lost
	Untouched    *Untouched    `yaml:"untouched"` // that nodes which look after their health find nothing to do
}

// Untouched asks for checks.Untouched.
type Untouched struct{}

// Linearizable asks for checks.Linearizable.
type Linearizable struct {
	Minimum int   `yaml:"minimum"` // operations
	Steps   int64 `yaml:"steps"`   // for one key
}

// Durable asks for checks.Durable.
type Durable struct {
	Minimum int `yaml:"minimum"` // acknowledged changes
}

// Lost asks for checks.Lost.
type Lost struct {
	Minimum int      `yaml:"minimum"` // operations that say it
	Within  Duration `yaml:"within"`  // after the first copy was lost for good
	Share   PPM      `yaml:"share"`   // of the operations that fail from then on
	Alert   string   `yaml:"alert"`   // that must fire
}

// Agreement asks for checks.Agreement.
type Agreement struct {
	Minimum int `yaml:"minimum"` // places of the log
}

// Live asks for checks.Live.
type Live struct {
	Minimum int      `yaml:"minimum"` // operations
	After   Duration `yaml:"after"`   // everything was healed
	Within  Duration `yaml:"within"`
	Share   PPM      `yaml:"share"`
}

// Admitted asks for checks.Admitted.
type Admitted struct {
	Minimum int  `yaml:"minimum"` // users
	Asked   *int `yaml:"asked"`   // at most so many may be asked to set their passwords anew; any number if it is left out
}

// AtLeast asks for a check that needs nothing but a minimum of what it counts.
type AtLeast struct {
	Minimum int `yaml:"minimum"`
}

// Served asks that operations succeed in time in a part of the run, whatever is broken then.
type Served struct {
	From    Duration `yaml:"from"` // since the run began
	To      Duration `yaml:"to"`
	Within  Duration `yaml:"within"`
	Share   PPM      `yaml:"share"`
	Minimum int      `yaml:"minimum"` // operations
}

// Jobs asks for checks.Jobs.
type Jobs struct {
	Minimum int      `yaml:"minimum"` // effects
	Within  Duration `yaml:"within"`  // how long jobs may take once everything is healed
}

// Blocked asks for checks.Blocked.
type Blocked struct {
	Minimum int      `yaml:"minimum"` // times that others asked for what was blocked
	Delay   Duration `yaml:"delay"`   // after which nothing of it is served
}

// Honest asks for checks.Honest.
type Honest struct {
	Minimum int      `yaml:"minimum"` // posts, and as many registrations and logins
	Posts   PPM      `yaml:"posts"`   // the share of honest posts that others can see
	Within  Duration `yaml:"within"`  // this time
	Entries PPM      `yaml:"entries"` // the share of honest registrations and logins that are served
}

// Caught asks for checks.Caught.
type Caught struct {
	Minimum  int      `yaml:"minimum"`  // spam posts
	Share    PPM      `yaml:"share"`    // of them that others may have seen, at most
	Settle   Duration `yaml:"settle"`   // how long after the moderators' labels the filter has learnt them
	Recovery Duration `yaml:"recovery"` // how long after a lying feed is cut off it is as good as before
}

// Named asks for checks.Named. Which faults must be named is said at checks.Watch.
type Named struct {
	Minimum int  `yaml:"minimum"` // faults that alerts must name; may be 0, as a seed may have none
	Share   PPM  `yaml:"share"`
	False   *int `yaml:"false-alerts"` // that nothing explains, at most; any number if it is left out
}

// Progress asks for checks.Progress.
type Progress struct {
	Within   Duration `yaml:"within"`
	Recovery Duration `yaml:"recovery"`
	Writes   bool     `yaml:"writes"` // reads do not count
}

// HealedAt returns when everything is healed and the last part of the run begins.
func (s *Scenario) HealedAt() time.Duration { return time.Duration(s.Duration - s.Liveness) }

// Machines returns the machines with a role.
func (s *Scenario) MachinesOf(role string) []Machine {
	var machines []Machine
	for _, m := range s.Topology.Machines {
		if m.Role == role {
			machines = append(machines, m)
		}
	}
	return machines
}

// IsNode says whether a machine is one of the cloud's nodes.
func (m *Machine) IsNode() bool { return m.Role != RoleClient && m.Role != RoleMonitor }

// GoesOn tells whether the program of a machine is to run as long as the run does. That of a client ends when it is done.
func (s *Scenario) GoesOn(machine string) bool {
	return slices.ContainsFunc(s.Topology.Machines, func(m Machine) bool { return m.Name == machine && m.Role != RoleClient })
}

// Nodes returns the names of the cloud's nodes.
func (s *Scenario) Nodes() []string {
	var names []string
	for i := range s.Topology.Machines {
		if m := &s.Topology.Machines[i]; m.IsNode() {
			names = append(names, m.Name)
		}
	}
	return names
}

// Watched returns the machines that monitors look at: all on which nodes run, those of clients too if they have databases,
// or those that the monitors' role lists.
func (s *Scenario) Watched() []string {
	if c := s.Roles[RoleMonitor]; c != nil && c.Monitor != nil && len(c.Monitor.Machines) > 0 {
		return c.Monitor.Machines
	}
	names := s.Nodes()
	if s.Store != nil && s.Store.Database {
		for _, m := range s.MachinesOf(RoleClient) {
			names = append(names, m.Name)
		}
	}
	return names
}

// ChaosTopology returns what faults can be aimed at.
func (s *Scenario) ChaosTopology() chaos.Topology {
	top := chaos.Topology{Switches: s.Topology.Switches, Groups: s.groups()}
	for _, m := range s.Topology.Machines {
		top.Machines = append(top.Machines, s.aimable(&m))
	}
	return top
}
