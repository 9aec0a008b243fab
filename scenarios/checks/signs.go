package checks

import (
	"maps"
	"time"

	"picloud/chaos"
)

// The alerts that name causes. Each says with its label instance which machine it is about: a link is named by the machine
// at its end that the monitor does not hear, a switch by all machines on it, a card by its machine.
const (
	nodeDown      = "NodeDown"
	nodeSilent    = "NodeSilent"
	nodeRestarted = "NodeRestarted"
	nodeSlow      = "NodeSlow"
	clockOff      = "ClockOff"
	diskFull      = "DiskNearlyFull"
	cutOff        = "StoreMemberCutOff"
	cardSlow      = "StoreCardSlow"
	cardStalls    = "StoreCardStalls"
	damaged       = "StoreDamaged"
	cpuWrong      = "CPUComputesWrongly"

	boardHot          = "BoardHot"
	boardThrottled    = "BoardThrottled"
	boardUnderVoltage = "BoardUnderVoltage"
	boardSupplyBad    = "BoardSupplyBad"
	boardFanDead      = "BoardFanDead"
	boardCardReadOnly = "BoardCardReadOnly"
	boardCardErrors   = "BoardCardErrors"
	boardLinkFlaps    = "BoardLinkFlaps"
	boardUnread       = "BoardUnread"
	boardUnwatched    = "BoardUnwatched"
)

// place labels the machine that an alert is about.
const place = "instance"

// sign is how a monitor can know a kind of fault.
type sign struct {
	alerts []string      // which name the kind
	within time.Duration // of its beginning, or of its end if it is seen only then
	over   bool          // it is seen only when it is over
	least  time.Duration // a fault that is shorter is gone before anybody can say so
	param  string        // whose value, without its sign, makes it too small to be seen
	from   int64         // below this
	not    string        // why no alert need name it; those above may
}

const (
	// silence is how long a machine must say nothing for NodeSilent to fire: a look begins, every two seconds, that gets no
	// answer; so do the two that follow, and the last is given up two seconds later; and a second for what is late.
	silence = 9 * time.Second
	// saidBy is when NodeSilent has fired: a look later.
	saidBy = 12 * time.Second
	// again is how long a node may take to start and be looked at.
	again = 20 * time.Second
	// clockLeast is how far a clock must be off for ClockOff: its threshold, 3 s, and what a slow answer may hide of it.
	clockLeast = 5 * time.Second
	// clockSaid is ClockOff's patience, 3 s, and the looks around it.
	clockSaid = 10 * time.Second
)

// signs says of each kind of fault which alerts name it. A kind without alerts, or with a reason, need not be named.
func signs() map[chaos.Kind]sign {
	all := map[chaos.Kind]sign{}
	for _, some := range []map[chaos.Kind]sign{processSigns(), networkSigns(), diskSigns(), hardwareSigns()} {
		maps.Copy(all, some)
	}
	return all
}

// restarted is the sign of what ends a process that is started again.
func restarted() sign {
	return sign{alerts: []string{nodeRestarted, nodeDown, nodeSilent}, within: again, over: true}
}

// unseen is no sign.
func unseen(why string) sign { return sign{not: why} }

func processSigns() map[chaos.Kind]sign {
	restarted := restarted()
	slow := sign{alerts: []string{nodeSlow}, within: saidBy,
		not: "no node times a fixed piece of work, so it is seen only where answers to the monitor become slow"}
	return map[chaos.Kind]sign{
		chaos.Kill: restarted, chaos.PowerCut: restarted, chaos.MemoryLimit: restarted, chaos.CrashAtOp: restarted, chaos.CrashAtPoint: restarted,
		chaos.Pause:   {alerts: []string{nodeSilent, nodeDown}, within: saidBy, least: silence},
		chaos.CPUSlow: slow, chaos.CPUSteal: slow,
		chaos.FDLimit: {alerts: []string{nodeSilent, nodeDown, nodeRestarted, cutOff}, within: saidBy,
			not: "the monitor's connections stand, and those of members among themselves"},
		chaos.RestartLoop: restarted, chaos.StopHangs: restarted,
		chaos.DoubleStart: unseen("the second one ends as soon as it finds the card or a port taken"),
		chaos.BootInPast:  {alerts: []string{clockOff, nodeDown, nodeSilent}, within: again, least: again, param: "by", from: 60_000},

		chaos.ClockStep:   {alerts: []string{clockOff}, within: clockSaid},
		chaos.ClockOffset: {alerts: []string{clockOff}, within: clockSaid, least: clockSaid},
		chaos.ClockDrift:  {alerts: []string{clockOff}, within: clockSaid, over: true},
		chaos.ClockStrobe: {alerts: []string{clockOff}, within: clockSaid, not: "it is right again before anybody can be sure"},
		chaos.ClockNoise:  {alerts: []string{clockOff}, within: clockSaid, not: "it is off by another amount before anybody can be sure"},
		chaos.ClockSmear:  unseen("a second is less than what a slow answer may hide"),
		chaos.NTPLies:     {alerts: []string{clockOff}, within: clockSaid, least: clockSaid},
	}
}

func networkSigns() map[chaos.Kind]sign {
	silent := sign{alerts: []string{nodeSilent, nodeDown, cutOff}, within: saidBy, least: silence}
	slow := []string{nodeSlow}
	split := sign{alerts: []string{cutOff}, within: saidBy,
		not: "the monitor reaches all, and only a member of a group that does not reach its leader can say so"}
	stands := unseen("the monitor's connections stand, or are made anew at once")
	return map[chaos.Kind]sign{
		chaos.NetLoss:      {alerts: slow, within: saidBy, not: "TCP sends again, and what it takes depends on luck"},
		chaos.NetDuplicate: unseen("TCP drops what comes twice"),
		chaos.NetReorder:   unseen("TCP puts it in order"),
		chaos.NetCorrupt:   unseen("what does not fit its checksum is dropped with its stream, which is opened again; nobody counts that"),
		chaos.NetDelay:     {alerts: []string{nodeSlow, nodeSilent}, within: saidBy, least: silence, param: "delay", from: 300},
		chaos.NetBandwidth: {alerts: slow, within: saidBy, not: "what it does depends on what the link has to carry"},

		chaos.PartitionOneWay: silent, chaos.PartitionOne: silent, chaos.PartitionMinority: silent,
		chaos.PartitionMajority: split, chaos.PartitionRing: split, chaos.PartitionBridge: split,
		chaos.SwitchDark: silent, chaos.UplinkCut: silent, chaos.Clog: silent,
		chaos.BroadcastStorm: {alerts: []string{nodeSilent, nodeDown, nodeSlow, cutOff}, within: saidBy, not: "a few packets pass, and may be an answer"},
		chaos.Incast:         {alerts: slow, within: saidBy, not: "TCP sends again, and what it takes depends on who sends at one time"},
		chaos.LinkSlow:       {alerts: slow, within: saidBy, not: "what it does depends on what the link has to carry"},
		chaos.MTUBlackHole:   {alerts: []string{nodeSilent, nodeSlow, cutOff}, within: saidBy, not: "what is small passes, the monitor's questions among it"},
		chaos.Flap:           {alerts: []string{nodeSilent, nodeDown, nodeSlow, cutOff}, within: saidBy, not: "between its outages the node answers"},
		chaos.SwizzleClog:    {alerts: []string{nodeSilent, nodeDown, cutOff}, within: silence, over: true, not: "each machine is held for a part of the time only"},
		chaos.ConnectRefused: stands, chaos.ConnectHang: stands, chaos.Reset: stands, chaos.HalfOpen: stands,
	}
}

func diskSigns() map[chaos.Kind]sign {
	restarted := restarted()
	ends := unseen("the node ends, and only its log says that it was the card: what it counted is gone with it")
	lies := sign{alerts: []string{damaged}, within: again, not: "nobody can know before the place is read again, whenever that is"}
	return map[chaos.Kind]sign{
		chaos.DiskFull:  {alerts: []string{diskFull}, within: again, not: "the node ends as soon as it writes, before it says what room it has"},
		chaos.DiskSlow:  {alerts: []string{cardSlow, cardStalls}, within: time.Minute, not: "it is over before one write in a hundred of a minute was slow"},
		chaos.DiskCliff: {alerts: []string{cardSlow, cardStalls}, within: time.Minute, not: "who writes little does not meet it"},
		chaos.DiskErase: restarted,
		chaos.DiskWipe:  restarted, chaos.DiskRestore: restarted, chaos.DiskSwap: restarted, chaos.DiskClone: restarted,
		chaos.DiskStall: {alerts: []string{cardStalls, cardSlow}, within: again, over: true,
			not: "a write is counted when it ends, and one that takes over eight seconds ends the node"},
		chaos.DiskFsyncFail: ends, chaos.DiskInodes: ends, chaos.DiskReadOnly: ends, chaos.DiskGone: ends,
		chaos.DiskReadError: ends, chaos.DiskShortRead: ends,
		chaos.DiskRot: lies, chaos.DiskCorruptRead: lies, chaos.DiskMisdirectedRead: lies, chaos.DiskMisdirectedWrite: lies,
		chaos.DiskFsyncLie: lies, chaos.DiskLostWrite: lies,
		chaos.DiskEvict: unseen("it does no harm"),
	}
}

func hardwareSigns() map[chaos.Kind]sign {
	power := []string{boardUnderVoltage, boardSupplyBad}
	return map[chaos.Kind]sign{
		chaos.Hang: {alerts: []string{nodeSilent, nodeDown, nodeRestarted}, within: saidBy, least: silence},
		chaos.FanDead: {alerts: []string{boardFanDead, boardHot, boardThrottled}, within: time.Minute,
			not: "only a Pi 5 counts its fan's turns; others are known by their heat, if they work"},
		chaos.AirWarm:  {alerts: []string{boardHot, boardThrottled}, within: 2 * time.Minute, not: "only who works gets hot"},
		chaos.CableBad: {alerts: power, within: time.Minute, not: "the voltage sags only as far as the machine draws"},
		chaos.SupplyWeak: {alerts: append([]string{nodeDown, nodeSilent, nodeRestarted}, power...), within: time.Minute,
			not: "a supply that is not asked for more than it has left gives it"},
		chaos.SupplyOut: restarted(),
		chaos.PoEShed: {alerts: []string{nodeDown, nodeSilent, nodeRestarted}, within: time.Minute,
			not: "only the last on the shelf lose their power, as many as it takes"},
		chaos.MainsOut: {alerts: []string{nodeDown, nodeSilent, nodeRestarted}, within: time.Minute,
			not: "as long as the battery lasts nothing happens"},
		chaos.LinkFlap:     {alerts: []string{boardLinkFlaps, nodeSilent, nodeSlow, cutOff}, within: time.Minute, least: time.Minute},
		chaos.SensorStuck:  unseen("what it shows is possible"),
		chaos.MeterForgets: unseen("its driver sets it up again"),
		chaos.RelayStuck:   unseen("nobody moves it"),
		chaos.CPULies:      {alerts: []string{cpuWrong}, within: again}, // an exam of all cores comes every ten seconds
	}
}

// effects says of the alerts that name causes which faults of their machine they can come from.
func effects() map[string]func(*chaos.Spec) bool {
	class := func(c ...chaos.Class) func(*chaos.Spec) bool {
		return func(s *chaos.Spec) bool { return is(s, c...) }
	}
	out := func(s *chaos.Spec) bool {
		return is(s, chaos.ClassProcess, chaos.ClassNetwork, chaos.ClassHardware) || s.AllowsDeath
	}
	hardware := class(chaos.ClassHardware)
	return map[string]func(*chaos.Spec) bool{
		nodeDown: out, nodeSilent: out, cutOff: out,
		nodeRestarted: func(s *chaos.Spec) bool { return s.Restarts || s.AllowsDeath },
		nodeSlow:      class(chaos.ClassProcess, chaos.ClassNetwork, chaos.ClassDisk, chaos.ClassHardware),
		clockOff:      func(s *chaos.Spec) bool { return is(s, chaos.ClassClock) || s.Kind == chaos.BootInPast },
		cpuWrong:      func(s *chaos.Spec) bool { return s.Kind == chaos.CPULies },
		diskFull:      class(chaos.ClassDisk),
		damaged:       class(chaos.ClassDisk),
		cardSlow:      class(chaos.ClassDisk, chaos.ClassProcess),
		cardStalls:    class(chaos.ClassDisk),

		boardHot: hardware, boardThrottled: hardware, boardUnderVoltage: hardware, boardSupplyBad: hardware, boardFanDead: hardware,
		boardCardReadOnly: class(chaos.ClassDisk, chaos.ClassHardware), boardCardErrors: class(chaos.ClassDisk),
		boardLinkFlaps: class(chaos.ClassHardware, chaos.ClassNetwork), boardUnread: hardware, boardUnwatched: class(chaos.ClassHardware, chaos.ClassProcess, chaos.ClassDisk),
	}
}

func is(s *chaos.Spec, classes ...chaos.Class) bool {
	for _, c := range classes {
		if s.Class == c {
			return true
		}
	}
	return false
}
