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
	CPUSteal    Kind = "cpu-steal"
	FDLimit     Kind = "fd-limit"
	RestartLoop Kind = "restart-loop"
	StopHangs   Kind = "stop-hangs"
	DoubleStart Kind = "double-start"

	ClockStep   Kind = "clock-step"
	ClockOffset Kind = "clock-offset"
	ClockDrift  Kind = "clock-drift"
	ClockStrobe Kind = "clock-strobe"
	ClockNoise  Kind = "clock-noise"
	ClockSmear  Kind = "clock-smear"
	BootInPast  Kind = "boot-in-past"
	NTPLies     Kind = "ntp-lies"

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

	DiskErase   Kind = "disk-erase"
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
	noStorm   = fewCopies + "; a machine that starts again and has forgotten what it acknowledged is one of few that are out at that time"
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
	processKinds(), crashKinds(), clockKinds(),
	linkKinds(), partitionKinds(), switchKinds(), connectionKinds(),
	diskErrorKinds(), diskDamageKinds(), diskStateKinds(), diskExchangeKinds(),
	boardKinds(), facilityKinds(),
)
