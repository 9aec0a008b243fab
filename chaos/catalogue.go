package chaos

import (
	"slices"
	"time"
)

// The kinds of faults.
const (
	Kill        Kind = "kill"
	PowerCut    Kind = "power-cut"
	Pause       Kind = "pause"
	CPUSlow     Kind = "cpu-slow"
	MemoryLimit Kind = "memory-limit"

	ClockStep   Kind = "clock-step"
	ClockOffset Kind = "clock-offset"
	ClockDrift  Kind = "clock-drift"

	NetLoss           Kind = "net-loss"
	NetDuplicate      Kind = "net-duplicate"
	NetReorder        Kind = "net-reorder"
	NetCorrupt        Kind = "net-corrupt"
	NetDelay          Kind = "net-delay"
	NetBandwidth      Kind = "net-bandwidth"
	PartitionOneWay   Kind = "partition-oneway"
	PartitionOne      Kind = "partition-one"
	PartitionMinority Kind = "partition-minority"
	PartitionMajority Kind = "partition-majority"
	PartitionRing     Kind = "partition-ring"
	PartitionBridge   Kind = "partition-bridge"
	SwitchDark        Kind = "switch-dark"
	UplinkCut         Kind = "uplink-cut"
	BroadcastStorm    Kind = "broadcast-storm"
	Incast            Kind = "incast"
	LinkSlow          Kind = "link-slow"
	MTUBlackHole      Kind = "mtu-black-hole"
	Flap              Kind = "flap"
	Clog              Kind = "clog"
	SwizzleClog       Kind = "swizzle-clog"
	ConnectRefused    Kind = "connect-refused"
	ConnectHang       Kind = "connect-hang"
	Reset             Kind = "reset"
	HalfOpen          Kind = "half-open"

	DiskFsyncFail        Kind = "disk-fsync-fail"
	DiskFsyncLie         Kind = "disk-fsync-lie"
	DiskReadError        Kind = "disk-read-error"
	DiskRot              Kind = "disk-rot"
	DiskCorruptRead      Kind = "disk-corrupt-read"
	DiskShortRead        Kind = "disk-short-read"
	DiskMisdirectedWrite Kind = "disk-misdirected-write"
	DiskMisdirectedRead  Kind = "disk-misdirected-read"
	DiskLostWrite        Kind = "disk-lost-write"
	DiskFull             Kind = "disk-full"
	DiskInodes           Kind = "disk-inodes"
	DiskReadOnly         Kind = "disk-readonly"
	DiskSlow             Kind = "disk-slow"
	DiskStall            Kind = "disk-stall"
	DiskGone             Kind = "disk-gone"
	DiskEvict            Kind = "disk-evict"
	DiskCliff            Kind = "disk-cliff"

	DiskWipe    Kind = "disk-wipe"
	DiskRestore Kind = "disk-restore"
	DiskSwap    Kind = "disk-swap"
	DiskClone   Kind = "disk-clone"
)

// What a generator keeps so that a correct system survives, as notes for people. The numbers
// stand in limits.go.
const (
	harmless = "always"
	heals    = "it heals; outages at one time are limited, but over the run they may reach " +
		"everyone"
	fewCopies = "over the whole run at most a minority of the machines has damaged data"
	beyond    = "a machine that comes back without what it has acknowledged is as bad as one that lies: loss must be detected, at least"
	noCrash   = fewCopies + "; a machine that lost synced data is not crashed or evicted afterwards"
)

const (
	ms = time.Millisecond
	s  = time.Second

	ppmAll   = 1_000_000
	hourMS   = 3_600_000
	megabyte = 1 << 20
	gigabyte = 1 << 30
)

// catalogue is a constant: nothing writes to it.
var catalogue = slices.Concat(
	processKinds(), clockKinds(),
	linkKinds(), partitionKinds(), switchKinds(), connectionKinds(),
	diskErrorKinds(), diskDamageKinds(), diskStateKinds(), diskExchangeKinds(),
	boardKinds(), facilityKinds(),
)

func processKinds() []Spec {
	return []Spec{
		{Kind: Kill, Class: ClassProcess, Target: OnMachine,
			Meaning: "The process is killed and its memory is lost, the page cache and the " +
				"disk stay, the kernel " +
				"resets its connections; it is started again when the fault heals.",
			MinFor: 500 * ms, MaxFor: 8 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: PowerCut, Class: ClassProcess, Target: OnMachine,
			Meaning: "The machine loses power without a word, and with it all memory and what " +
				"the disk had not synced; " +
				"power and process come back when the fault heals.",
			MinFor: 1 * s, MaxFor: 12 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: Pause, Class: ClassProcess, Target: OnMachine,
			Meaning: "The process is stopped with its memory kept, its kernel goes on to " +
				"receive and to send.",
			MinFor: 200 * ms, MaxFor: 15 * s, Out: true, Survivable: heals},
		{Kind: CPUSlow, Class: ClassProcess, Target: OnMachine,
			Meaning: "The processor takes longer for the same work.",
			Params: []ParamSpec{{Name: "factor", Unit: Times, Min: 1, Max: 1000, Low: 2, Top: 16,
				Default: 4,
				Meaning: "how many times longer"}},
			MinFor: 2 * s, MaxFor: 20 * s, Survivable: harmless},
		{Kind: MemoryLimit, Class: ClassProcess, Target: OnMachine,
			Meaning: "The process is killed when it holds more memory than a limit, as by the " +
				"out-of-memory killer.",
			Params: []ParamSpec{{Name: "limit", Unit: Bytes, Min: megabyte, Max: 64 * gigabyte,
				Low: 4 * megabyte,
				Top: 64 * megabyte, Default: 64 * megabyte, Meaning: "the most that it may hold"}},
			MinFor: 2 * s, MaxFor: 10 * s, Out: true, Restarts: true, AllowsDeath: true,
			Survivable: heals},
	}
}

func clockKinds() []Spec {
	by := ParamSpec{Name: "by", Unit: Milliseconds, Min: -876_000 * hourMS, Max: 876_000 * hourMS,
		Low: 10, Top: hourMS, Default: 1000, Meaning: "how far the wall clock is moved, " +
			"forward if positive"}
	return []Spec{
		{Kind: ClockStep, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock jumps and stays where it is; monotonic time does not notice.",
			Params:  []ParamSpec{by}, Survivable: harmless},
		{Kind: ClockOffset, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock is off by an amount and jumps back when the fault heals.",
			Params:  []ParamSpec{by}, MinFor: 2 * s, MaxFor: 30 * s, Survivable: harmless},
		{Kind: ClockDrift, Class: ClassClock, Target: OnMachine,
			Meaning: "Wall clock, monotonic time and timers run too fast or too slow.",
			Params: []ParamSpec{{Name: "rate", Unit: PPM, Min: -900_000, Max: 9_000_000, Low: 50,
				Top:     100_000,
				Default: 10_000, Meaning: "the excess over true speed, too fast if positive"}},
			MinFor: 5 * s, MaxFor: 40 * s, Survivable: harmless},
	}
}
