package chaos

import "slices"

// Live says whether a kind can be played on the live processes of a cluster, by who keeps the processes, and by layers over
// their disks and networks.
type Live struct {
	Kind Kind
	Can  bool
	Note string // how it is played, where that is not what the meaning says; or why it cannot be
}

// What several kinds cannot be played for.
const (
	ownClock   = "a process reads the kernel's clock itself: who moves that moves it for all that runs on the machine"
	noPackets  = "the kernel joins packets to streams beneath the layer, and mends this"
	noHealing  = "it damages what is stored, and no healing brings that back"
	noBoard    = "it wants a modelled board"
	noWire     = "between processes of one machine there is no wire"
	noSwitch   = "there is no switch between processes of one machine"
	heldStream = "streams hold what is sent, and it comes when the fault heals; a process that ends is told to all by its kernel"
)

// OnLive returns what becomes of each kind on live processes, in the order of the catalogue.
func OnLive() []Live {
	return slices.Concat(liveProcesses(), liveCrashes(), liveClocks(), liveNetwork(), liveDisks(), liveHardware())
}

func liveProcesses() []Live {
	return []Live{
		{Kill, true, ""},
		{PowerCut, false, "the kernel lives on: it keeps what was written, and tells all whose streams have ended"},
		{Pause, true, ""},
		{CPUSlow, true, "the process stands still for the rest of each time slice of 10 ms"},
		{MemoryLimit, true, "all that the process holds counts, and is looked at a hundred times a second; it is started again at once"},
		{CPUSteal, false, "cpu-slow does the same with its slices of 10 ms"},
		{FDLimit, false, "the limit is the kernel's, and the layer's own files count too"},
		{RestartLoop, false, "a schedule of kills does the same"},
		{StopHangs, false, "a pause with a kill behind it does the same"},
		{DoubleStart, false, "who keeps the processes starts one of each"},
	}
}

func liveCrashes() []Live {
	return []Live{
		{CrashAtOp, false, "the layer over the disk sees what a node asks of it, and cannot end the node between that and the next"},
		{CrashAtPoint, false, "a node on a real machine tells nobody where it is"},
	}
}

func liveClocks() []Live {
	return []Live{
		{ClockStep, false, ownClock},
		{ClockOffset, false, ownClock},
		{ClockDrift, false, ownClock},
		{ClockStrobe, false, ownClock},
		{ClockNoise, false, ownClock},
		{ClockSmear, false, ownClock},
		{BootInPast, false, ownClock},
		{NTPLies, false, ownClock},
	}
}

func liveNetwork() []Live {
	return []Live{
		{NetLoss, true, "a packet of a stream that is lost comes 200 ms later, 400 ms if it is lost again, and so on"},
		{NetDuplicate, false, noPackets},
		{NetReorder, false, noPackets},
		{NetCorrupt, true, "one bit of each packet that is hit"},
		{NetDelay, true, ""},
		{NetBandwidth, true, "who writes waits when the queue is full; nothing is dropped"},
		{Flap, true, heldStream},
		{Clog, true, heldStream},
		{PartitionOneWay, true, heldStream},
		{PartitionOne, true, heldStream},
		{PartitionMinority, true, heldStream},
		{PartitionMajority, true, heldStream},
		{PartitionRing, true, heldStream},
		{PartitionBridge, true, heldStream},
		{SwizzleClog, true, "released in the order in which they were clogged, the first one last"},
		{SwitchDark, false, noSwitch},
		{UplinkCut, false, noSwitch},
		{BroadcastStorm, false, noSwitch},
		{Incast, false, noSwitch},
		{LinkSlow, false, noWire},
		{MTUBlackHole, false, "what the layer sees of a stream has no packets yet"},
		{ConnectRefused, true, ""},
		{ConnectHang, true, ""},
		{Reset, true, ""},
		{HalfOpen, true, ""},
	}
}

func liveDisks() []Live {
	return []Live{
		{DiskFsyncFail, true, "nothing is dropped: the kernel has it, and a later sync writes it"},
		{DiskFsyncLie, false, "a true power cut would take what is stored, and no healing brings that back"},
		{DiskReadError, true, "of all reads: the layer is above the page cache"},
		{DiskCorruptRead, true, "of all reads: the layer is above the page cache"},
		{DiskShortRead, false, "Go reads on until it has all, beneath the layer"},
		{DiskMisdirectedRead, false, "the page cache that would keep it is beneath the layer"},
		{DiskRot, false, noHealing},
		{DiskMisdirectedWrite, false, noHealing},
		{DiskLostWrite, false, noHealing},
		{DiskErase, false, noHealing},
		{DiskEvict, false, "the page cache is beneath the layer, and all that runs on the machine shares it"},
		{DiskFull, true, ""},
		{DiskInodes, true, ""},
		{DiskReadOnly, true, ""},
		{DiskSlow, true, "each call takes longer by the factor, those too that only reach the page cache"},
		{DiskCliff, false, "what reaches the card, and when, is beneath the layer"},
		{DiskStall, true, ""},
		{DiskGone, true, ""},
		{DiskWipe, false, noHealing},
		{DiskRestore, false, noHealing},
		{DiskSwap, false, noHealing},
		{DiskClone, false, noHealing},
	}
}

func liveHardware() []Live {
	return []Live{
		{Hang, false, noBoard},
		{FanDead, false, noBoard},
		{LinkFlap, false, noWire},
		{SensorStuck, false, noBoard},
		{MeterForgets, false, noBoard},
		{RelayStuck, false, noBoard},
		{CPULies, false, "no layer is between a node and its processor"},
		{AirWarm, false, noBoard},
		{CableBad, false, noBoard},
		{SupplyWeak, false, noBoard},
		{SupplyOut, false, noBoard},
		{PoEShed, false, noBoard},
		{MainsOut, false, "processes stand on no shelf that a battery feeds"},
	}
}

// LiveOf returns what becomes of a kind on live processes.
func LiveOf(k Kind) Live {
	for _, l := range OnLive() {
		if l.Kind == k {
			return l
		}
	}
	return Live{Kind: k, Note: "nobody knows how"}
}
