package health

import (
	"fmt"
	"slices"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/mutant"
)

// Signal is something that rules look at: a number with the unit that stands beside it.
type Signal string

// The signals. One that could not be read is unknown, which neither raises a rule nor clears it.
const (
	Temperature     Signal = "temperature"        // m°C, as last read
	TemperatureMean Signal = "temperature-mean"   // m°C, over 10 s
	TemperatureRise Signal = "temperature-rise"   // m°C a second, over 5 s
	TemperatureSoon Signal = "temperature-in-60s" // m°C, by how it has risen for 20 s
	FanStill        Signal = "fan-still"          // 1: it is driven and stands, 0: it turns; a fan that is not driven says nothing
	Slowed          Signal = "slowed-of-3"        // of the last three readings, those that say that the clock is held down
	UnderVoltage    Signal = "under-voltage"      // 1: the supply has sagged since the reading before
	UnderVoltages   Signal = "under-voltages-10m" // how often it began to, in ten minutes
	Resets          Signal = "resets-3m"          // of the board, that nobody asked for, in three minutes
	SupplyVoltage   Signal = "supply-voltage"     // mV
	SyncTail        Signal = "sync-p99"           // ms, of the syncs of the last 60 s
	SyncSlowest     Signal = "sync-slowest"       // ms, of the syncs of the last 60 s
	SyncWaits       Signal = "sync-waits"         // ms, for how long the sync has taken that is under way
	CardReadOnly    Signal = "card-read-only"     // 1: it is
	CardErrors      Signal = "card-errors"        // those that the file system has found since the node began
	CardLies        Signal = "card-lies"          // 1: what was read back is not what was written
	CardRewrites    Signal = "card-rewrites"      // how often the whole card has been written
	LinkChanges     Signal = "link-changes-10m"   // between up and down, in ten minutes
	Condemned       Signal = "condemned"          // how often the processor was wrong
	SupplyLoad      Signal = "supply-load"        // thousandths of what the shelf's supply can give
	Unread          Signal = "unread"             // quantities that the board has, and that could not be read
	Silent          Signal = "neighbour-silent"   // ms, of each neighbour, while it draws current and the node's own uplink works
)

func signals() []Signal {
	return []Signal{Temperature, TemperatureMean, TemperatureRise, TemperatureSoon, FanStill, Slowed, UnderVoltage, UnderVoltages, Resets, SupplyVoltage, SyncTail,
		SyncSlowest, SyncWaits, CardReadOnly, CardErrors, CardLies, CardRewrites, LinkChanges, Condemned, SupplyLoad, Unread, Silent}
}

// Full is the whole of a weight or a share, in millionths.
const Full = 1_000_000

// Effect is what is done while a rule stands. Its zero value is nothing. The effects of several rules add up: the least share
// counts, the fastest fan, and so on.
type Effect struct {
	Fan    hw.Duty `yaml:"fan,omitempty"`    // at least so fast
	Rest   bool    `yaml:"rest,omitempty"`   // no work that can wait: scrubs, snapshots
	Weight int     `yaml:"weight,omitempty"` // at most so much of what others would be given, in millionths; 0 for no bound
	// ByClock bounds the weight by what the clock is of its most when the rule is raised, in quarters.
	ByClock bool `yaml:"by-clock,omitempty"`
	Share   int  `yaml:"share,omitempty"`  // at most so much of the work that the node can take, in millionths; 0 for no bound
	Clock   int  `yaml:"clock,omitempty"`  // at most so much of the clock's most, in millionths; 0 for no bound
	Follow  bool `yaml:"follow,omitempty"` // lead nothing
	Ask     bool `yaml:"ask,omitempty"`    // for a new part: an alert says which
	// What follows is done with the cluster's budget only.
	Drain bool `yaml:"drain,omitempty"` // serve nothing; stay a member of the store's groups
	Halt  bool `yaml:"halt,omitempty"`  // turn the board off
	Fence bool `yaml:"fence,omitempty"` // end, acknowledge nothing more, and do not come back with this card
	Cycle bool `yaml:"cycle,omitempty"` // cut the neighbour's power for a while
}

// add returns what two effects are together.
func (e Effect) add(o Effect) Effect {
	return Effect{Fan: max(e.Fan, o.Fan), Rest: e.Rest || o.Rest, Weight: least(e.Weight, o.Weight), Share: least(e.Share, o.Share),
		Clock: least(e.Clock, o.Clock), ByClock: e.ByClock || o.ByClock, Follow: e.Follow || o.Follow, Ask: e.Ask || o.Ask,
		Drain: e.Drain || o.Drain, Halt: e.Halt || o.Halt, Fence: e.Fence || o.Fence, Cycle: e.Cycle || o.Cycle}
}

// least returns the lesser of two bounds, of which 0 is none.
func least(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Rule says what is done when a signal reaches a level. The rule is raised at Raise and cleared at Clear; which of them is higher says
// on which side of them it is bad.
type Rule struct {
	Name         string
	Signal       Signal
	Raise, Clear int64
	// SoftRaise and SoftClear are in their place on a board that lowers its clock early (hw.Info.SoftLimit); zero for the same.
	SoftRaise, SoftClear int64
	For                  time.Duration // for how long it must be bad
	Hold                 time.Duration // for how long it must be good again
	CoolDown             time.Duration // after it was cleared it is not raised again before
	Stays                bool          // it is never cleared while the node runs
	Effect               Effect
}

// beyond tells whether a value is at a level or beyond it, seen from another level.
func beyond(value, level, from int64) bool {
	if level >= from {
		return value >= level
	}
	return value <= level
}

// validate says what is wrong with the rule.
func (r *Rule) validate() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("health: rule %.40q: %s", r.Name, fmt.Sprintf(format, args...))
	}
	e := r.Effect
	for _, n := range []struct {
		what        string
		value, most int
	}{{"fan", int(e.Fan), int(hw.FullDuty)}, {"weight", e.Weight, Full}, {"share", e.Share, Full}, {"clock", e.Clock, Full}} {
		if n.value < 0 || n.value > n.most {
			return wrong("effect.%s is 0 to %d, not %d", n.what, n.most, n.value)
		}
	}
	switch {
	case r.Name == "":
		return wrong("it has no name")
	case !slices.Contains(signals(), r.Signal):
		return wrong("there is no signal %.40q", r.Signal)
	case r.Raise == r.Clear || r.SoftRaise == r.SoftClear && r.SoftRaise != 0:
		return wrong("it is raised and cleared at the same level, so it would flap")
	case r.SoftRaise != 0 && (r.SoftRaise > r.SoftClear) != (r.Raise > r.Clear):
		return wrong("on a board with a soft limit it is bad on the other side")
	case r.For < 0 || r.Hold < 0 || r.CoolDown < 0:
		return wrong("a time is negative")
	case e == Effect{}:
		return wrong("it has no effect")
	case e.Cycle != (r.Signal == Silent):
		return wrong("neighbours are cut off when they are silent, and for nothing else")
	case e.Cycle && e != Effect{Cycle: true}:
		return wrong("what is about a neighbour has no effect on the node itself")
	}
	return nil
}

// early is below what a board that lowers its clock before others does so: a 3B+ at 60 °C, others at 80.
const early = physic.ZeroCelsius + 75*physic.Celsius

// on returns the rule as it is for a board.
func (r Rule) on(info hw.Info) Rule {
	if info.SoftLimit != 0 && info.SoftLimit < early && r.SoftRaise != 0 {
		r.Raise, r.Clear = r.SoftRaise, r.SoftClear
	}
	return r
}

const quarter = Full / 4

// DefaultRules are the rules that nodes have: fan, less work, no lead, out of service, off, in this order of what the signal says. The levels of
// heat are 5 to 10 degrees below those at which the board itself lowers its clock; others are explained in README.md.
func DefaultRules() []Rule {
	const second, minute = time.Second, time.Minute
	fan := func(name string, raise, soft int64, duty hw.Duty) Rule {
		return Rule{Name: name, Signal: TemperatureMean, Raise: raise, Clear: raise - 5000, SoftRaise: soft, SoftClear: soft - 5000,
			Hold: 10 * second, CoolDown: 5 * second, Effect: Effect{Fan: duty}}
	}
	spared := Effect{Rest: true, Follow: true, Clock: Full / 2, Weight: Full / 20} // what it draws is what sags
	careful := Effect{Rest: true, Follow: true, Clock: 3 * quarter, Weight: quarter}
	slowTail := int64(400)
	if mutant.Planted == mutant.NervousCard {
		slowTail = 100
	}
	dying := Effect{Rest: true, Follow: true, Share: quarter, Fence: true, Ask: true}
	return []Rule{
		fan("fan-30", 50_000, 45_000, 300), fan("fan-50", 60_000, 50_000, 500), fan("fan-70", 67_500, 54_000, 700), fan("fan-100", 75_000, 57_000, 1000),
		{Name: "warm", Signal: TemperatureMean, Raise: 70_000, Clear: 63_000, SoftRaise: 57_000, SoftClear: 52_000,
			Hold: 20 * second, CoolDown: 30 * second, Effect: Effect{Rest: true, Weight: 2 * quarter}},
		{Name: "soon-hot", Signal: TemperatureSoon, Raise: 80_000, Clear: 72_000, SoftRaise: 66_000, SoftClear: 60_000,
			For: 6 * second, Hold: 30 * second, CoolDown: 30 * second, Effect: Effect{Rest: true, Weight: 2 * quarter}},
		{Name: "hot", Signal: TemperatureMean, Raise: 77_000, Clear: 68_000, SoftRaise: 65_000, SoftClear: 58_000,
			Hold: 30 * second, CoolDown: 30 * second, Effect: Effect{Rest: true, Follow: true, Share: quarter}},
		{Name: "too-hot", Signal: Temperature, Raise: 82_000, Clear: 70_000, For: 20 * second, Hold: 2 * minute, CoolDown: minute, Effect: Effect{Drain: true}},
		{Name: "burning", Signal: Temperature, Raise: 88_000, Clear: 60_000, For: 2 * second, Hold: 10 * minute, CoolDown: 10 * minute, Effect: Effect{Halt: true}},
		{Name: "runaway", Signal: TemperatureRise, Raise: 5_000, Clear: 1_000, For: 4 * second, Hold: 10 * minute, CoolDown: 10 * minute, Effect: Effect{Halt: true}},
		{Name: "dead-fan", Signal: FanStill, Raise: 1, Clear: 0, For: 5 * second, Hold: 30 * second, CoolDown: minute,
			Effect: Effect{Fan: hw.FullDuty, Share: 2 * quarter, Ask: true}},
		{Name: "slowed", Signal: Slowed, Raise: 2, Clear: 0, Hold: minute, CoolDown: 5 * second, Effect: Effect{ByClock: true}},
		{Name: "sag", Signal: UnderVoltage, Raise: 1, Clear: 0, Hold: 10 * second, Effect: spared},
		{Name: "sagged", Signal: UnderVoltage, Raise: 1, Clear: 0, Hold: minute, Effect: careful},
		{Name: "low-voltage", Signal: SupplyVoltage, Raise: 4_750, Clear: 4_850, Hold: 30 * second, CoolDown: 5 * second, Effect: spared},
		{Name: "bad-supply", Signal: UnderVoltages, Raise: 3, Clear: 0, Hold: 24 * time.Hour, CoolDown: minute, Effect: Effect{Drain: true, Ask: true}},
		{Name: "resets", Signal: Resets, Raise: 2, Clear: 0, CoolDown: 5 * second, Effect: spared},
		{Name: "slow-card", Signal: SyncTail, Raise: slowTail, Clear: 80, For: 20 * second, Hold: 5 * minute, CoolDown: minute, Effect: Effect{Follow: true, Weight: 2 * quarter}},
		{Name: "card-pause", Signal: SyncSlowest, Raise: 1_000, Clear: 300, Hold: 5 * minute, CoolDown: minute, Effect: Effect{Follow: true}},
		{Name: "card-hangs", Signal: SyncWaits, Raise: 5_000, Clear: 100, Hold: 10 * second, CoolDown: 5 * second, Effect: Effect{Rest: true, Follow: true}},
		{Name: "card-read-only", Signal: CardReadOnly, Raise: 1, Clear: 0, Stays: true, Effect: dying},
		{Name: "card-errors", Signal: CardErrors, Raise: 1, Clear: 0, Stays: true, Effect: dying},
		{Name: "card-lies", Signal: CardLies, Raise: 1, Clear: 0, Stays: true, Effect: dying},
		{Name: "card-worn", Signal: CardRewrites, Raise: 500, Clear: 0, Stays: true, Effect: Effect{Ask: true}},
		{Name: "flapping-link", Signal: LinkChanges, Raise: 3, Clear: 0, Hold: 20 * minute, CoolDown: minute, Effect: Effect{Follow: true, Weight: 2 * quarter, Ask: true}},
		{Name: "wrong-processor", Signal: Condemned, Raise: 1, Clear: 0, Stays: true, Effect: Effect{Follow: true, Drain: true, Ask: true}},
		{Name: "weak-supply", Signal: SupplyLoad, Raise: 900, Clear: 800, For: 4 * second, Hold: 10 * second, CoolDown: 10 * second, Effect: Effect{Clock: 3 * quarter}},
		{Name: "blind", Signal: Unread, Raise: 1, Clear: 0, For: 30 * second, Hold: 10 * second, CoolDown: minute, Effect: Effect{Ask: true}},
		{Name: "hung", Signal: Silent, Raise: 10_000, Clear: 3_000, For: 20 * second, Hold: 5 * second, CoolDown: 30 * second, Effect: Effect{Cycle: true}},
	}
}
