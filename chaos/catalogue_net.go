package chaos

// share is a parameter that gives a part of the traffic.
func share(low, top, def int64, meaning string) ParamSpec {
	return ParamSpec{Name: "rate", Unit: PPM, Min: 1, Max: ppmAll, Low: low, Top: top,
		Default: def, Meaning: meaning}
}

func span(name string, low, top, def int64, meaning string) ParamSpec {
	return ParamSpec{Name: name, Unit: Milliseconds, Min: 0, Max: hourMS, Low: low, Top: top,
		Default: def, Meaning: meaning}
}

func linkKinds() []Spec {
	kinds := []Spec{
		{Kind: NetLoss, Meaning: "Packets are lost.",
			Params: []ParamSpec{share(1_000, 400_000, 50_000, "share of packets")}},
		{Kind: NetDuplicate, Meaning: "Packets arrive twice.",
			Params: []ParamSpec{share(1_000, 400_000, 50_000, "share of packets")}},
		{Kind: NetReorder, Meaning: "Packets are held back past their successors.",
			Params: []ParamSpec{share(1_000, 400_000, 50_000, "share of packets"),
				span("delay", 1, 200, 20, "how long one is held at most")}},
		{Kind: NetCorrupt, Meaning: "Bits of packets flip where only an end-to-end checksum " +
			"sees it.",
			Params: []ParamSpec{share(100, 50_000, 5_000, "share of packets")}},
		{Kind: NetDelay, Meaning: "Packets arrive later.",
			Params: []ParamSpec{span("delay", 1, 1000, 50, "added to each packet"),
				span("jitter", 0, 500, 10, "the most that is added at random on top")}},
		{Kind: NetBandwidth, Meaning: "The link carries fewer bytes in a second; its queue " +
			"grows and then drops.",
			Params: []ParamSpec{{Name: "rate", Unit: BytesPerSecond, Min: 1, Max: 100 * gigabyte,
				Low: 8 << 10,
				Top: 4 * megabyte, Default: 128 << 10, Meaning: "what it carries"}}},
		{Kind: Flap, Meaning: "The link goes dark and comes back, again and again.",
			Params: []ParamSpec{span("up", 20, 2000, 300, "mean time that it works"),
				span("down", 20, 2000, 300, "mean time that it is dark")}},
		{Kind: Clog, Meaning: "Packets are held, and all come in one burst when the fault heals."},
	}
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.Target, k.Survivable = ClassNetwork, OnLink, harmless
		k.MinFor, k.MaxFor = 500*ms, 20*s
		if k.Kind == Clog || k.Kind == Flap {
			k.Out, k.Survivable = true, heals
		}
	}
	return kinds
}

func partitionKinds() []Spec {
	kinds := []Spec{
		{Kind: PartitionOneWay, Target: OnLink, Meaning: "Nothing passes in one direction, the " +
			"other one works."},
		{Kind: PartitionOne, Target: OnMachine, Meaning: "One machine is cut off from all others."},
		{Kind: PartitionMinority, Target: OnMachines,
			Meaning: "The listed machines, a minority, reach one another and nobody else."},
		{Kind: PartitionMajority, Target: OnSides,
			Meaning: "The machines fall in two sides that do not reach each other; machines on " +
				"neither side reach both."},
		{Kind: PartitionRing, Target: OnMachines,
			Meaning: "The listed machines stand in a ring, each reaches the nearest that make " +
				"a majority with it, " +
				"and no two see the same majority; other machines reach all."},
		{Kind: PartitionBridge, Target: OnMachines,
			Meaning: "The first listed machine reaches all; the others fall in two halves, in " +
				"the order listed, " +
				"that do not reach each other; machines not listed reach all."},
		{Kind: SwizzleClog, Target: OnMachines,
			Meaning: "The listed machines are clogged one by one in the order listed, over the " +
				"first half of the time, " +
				"and released one by one in another order over the second."},
		{Kind: SwitchDark, Target: OnSwitch, Meaning: "All ports of the switch are dark, its " +
			"uplink too."},
		{Kind: UplinkCut, Target: OnSwitch,
			Meaning: "The switch is cut off from the other switches, the machines on it reach " +
				"one another."},
	}
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.Survivable = ClassNetwork, heals
		k.MinFor, k.MaxFor, k.Out = 1*s, 20*s, true
	}
	return kinds
}

func switchKinds() []Spec {
	kinds := []Spec{
		{Kind: BroadcastStorm, Target: OnSwitch, Out: true, Survivable: heals,
			Meaning: "A loop floods all ports of the switch: what passes it waits in full queues, and most of it finds no room.",
			Params:  []ParamSpec{share(500_000, 950_000, 800_000, "share of packets that find no room")}},
		{Kind: Incast, Target: OnSwitch, Sets: "the buffer", Survivable: harmless,
			Meaning: "All ports of the switch share a small buffer: what many send to one at a time overflows it.",
			Params: []ParamSpec{{Name: "buffer", Unit: Bytes, Min: 1600, Max: gigabyte, Low: 2 << 10, Top: 32 << 10,
				Default: 16 << 10, Meaning: "what waits in the switch at most"}}},
		{Kind: LinkSlow, Target: OnMachine, Sets: "the rate of the wire", Survivable: harmless,
			Meaning: "The machine's wire has negotiated less than it can: 100 Mb/s or 10, both directions at once or in turns.",
			Params: []ParamSpec{
				{Name: "rate", Unit: BytesPerSecond, Min: 1000, Max: 100 * gigabyte, Low: 1_250_000, Top: 12_500_000, Default: 12_500_000,
					Meaning: "what it carries in a direction"},
				{Name: "half", Unit: Count, Min: 0, Max: 1, Low: 0, Top: 1, Default: 0, Meaning: "1 for half duplex"}}},
		{Kind: MTUBlackHole, Target: OnLink, Survivable: harmless,
			Meaning: "Packets that carry more than a size vanish without a word, and small ones pass.",
			Params: []ParamSpec{{Name: "size", Unit: Bytes, Min: 1, Max: 64 << 10, Low: 500, Top: 1440, Default: 1300,
				Meaning: "the most that a packet may carry"}}},
	}
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.MinFor, k.MaxFor = ClassNetwork, 1*s, 20*s
	}
	return kinds
}

func connectionKinds() []Spec {
	kinds := []Spec{
		{Kind: ConnectRefused, MinFor: 500 * ms, MaxFor: 10 * s,
			Meaning: "New connections are refused, those that stand go on."},
		{Kind: ConnectHang, MinFor: 500 * ms, MaxFor: 10 * s,
			Meaning: "New connections get no answer, those that stand go on."},
		{Kind: Reset, Meaning: "The connections that stand are reset, both ends are told."},
		{Kind: HalfOpen, Meaning: "The first machine forgets its connections to the second, " +
			"which is not told."},
	}
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.Target, k.Survivable = ClassNetwork, OnLink, harmless
	}
	return kinds
}
