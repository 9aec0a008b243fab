package chaos

import "cmp"

// hits is how many operations a fault spoils before it is used up.
func hits(what string) ParamSpec {
	return ParamSpec{Name: "count", Unit: Count, Min: 1, Max: 1_000_000, Low: 1, Top: 4, Default: 1,
		Meaning: "how many " + what}
}

func diskErrorKinds() []Spec {
	reads := share(20_000, 500_000, 100_000, "share of the reads that reach the card")
	kinds := []Spec{
		{Kind: DiskFsyncFail, Harm: HarmSilent, Survivable: noCrash, AllowsDeath: true, Out: true,
			Meaning: "Syncs fail once each and drop what they should have written, so that the " +
				"next one succeeds falsely.",
			Params: []ParamSpec{hits("syncs")}},
		{Kind: DiskFsyncLie, Harm: HarmSilent, Survivable: noCrash,
			Meaning: "Syncs succeed and make nothing durable: a power cut takes it all back."},
		{Kind: DiskReadError, Survivable: heals, AllowsDeath: true, Out: true, Condemns: true,
			Meaning: "Reads that reach the card fail.",
			Params:  []ParamSpec{reads}},
		{Kind: DiskCorruptRead, Survivable: heals, AllowsDeath: true,
			Meaning: "Reads that reach the card return flipped bits, the stored data is good.",
			Params:  []ParamSpec{hits("reads")}},
		{Kind: DiskShortRead, Survivable: heals, AllowsDeath: true,
			Meaning: "Reads that reach the card return fewer bytes than there are.",
			Params:  []ParamSpec{reads}},
		{Kind: DiskMisdirectedRead, Harm: HarmSeen, Survivable: fewCopies, AllowsDeath: true,
			Meaning: "Reads that reach the card return what stands elsewhere on it, and the page cache keeps that.",
			Params:  []ParamSpec{hits("reads")}},
	}
	return onDisk(kinds)
}

func diskDamageKinds() []Spec {
	kinds := []Spec{
		{Kind: DiskRot, Harm: HarmSeen, Survivable: fewCopies, AllowsDeath: true,
			Meaning: "Bits of stored data flip, to be seen by the next read that reaches the card.",
			Params: []ParamSpec{{Name: "bits", Unit: Count, Min: 1, Max: 32, Low: 1, Top: 32,
				Default: 8,
				Meaning: "how many bits"}}},
		{Kind: DiskMisdirectedWrite, Harm: HarmSilent, Survivable: noCrash, AllowsDeath: true,
			Meaning: "Writes land elsewhere on the card, over other data, and are missing where they belong.",
			Params:  []ParamSpec{hits("writes")}},
		{Kind: DiskLostWrite, Harm: HarmSilent, Survivable: noCrash, AllowsDeath: true,
			Meaning: "Writes are acknowledged as synced and never reach the card.",
			Params:  []ParamSpec{hits("writes")}},
		{Kind: DiskErase, Harm: HarmSilent, Survivable: noStorm, AllowsDeath: true, Out: true, Restarts: true,
			Meaning: "Power goes while the card rewrites the erase block that it wrote last: what stands there is gone, synced or not."},
		{Kind: DiskEvict, Survivable: harmless,
			Meaning: "The page cache drops its clean pages: what is read next comes from the " +
				"card."},
	}
	kinds = onDisk(kinds)
	for i := range kinds {
		if kinds[i].Kind == DiskRot || kinds[i].Kind == DiskEvict {
			kinds[i].MinFor, kinds[i].MaxFor = 0, 0
		}
	}
	return kinds
}

func diskStateKinds() []Spec {
	kinds := []Spec{
		{Kind: DiskFull, Out: true, AllowsDeath: true, Survivable: heals,
			Meaning: "The disk has no space left: writes fail, reads work."},
		{Kind: DiskInodes, Out: true, AllowsDeath: true, Survivable: heals,
			Meaning: "No new file or folder can be made, those that are there can be written."},
		{Kind: DiskReadOnly, Out: true, AllowsDeath: true, Condemns: true, Survivable: heals,
			Meaning: "The file system is remounted read-only: writes fail, reads work."},
		{Kind: DiskSlow, AllowsDeath: true, Survivable: heals,
			Meaning: "The card takes longer for the same work.",
			Params: []ParamSpec{{Name: "factor", Unit: Times, Min: 2, Max: 10_000, Low: 2,
				Top: 100, Default: 10,
				Meaning: "how many times longer"}}},
		{Kind: DiskCliff, AllowsDeath: true, Survivable: heals,
			Meaning: "The card takes some bytes as fast as ever, and is then slow to write until the fault heals.",
			Params: []ParamSpec{
				{Name: "after", Unit: Bytes, Min: 0, Max: 100 * gigabyte, Low: 16 << 10, Top: 4 << 20, Default: 1 << 20, Meaning: "what it takes before"},
				{Name: "factor", Unit: Times, Min: 2, Max: 10_000, Low: 5, Top: 100, Default: 30, Meaning: "how many times longer it takes then"}}},
		{Kind: DiskStall, Out: true, AllowsDeath: true, Survivable: heals,
			Meaning: "The card completes nothing until the fault heals; processor and network " +
				"live."},
		{Kind: DiskGone, Out: true, AllowsDeath: true, Condemns: true, Survivable: heals,
			Meaning: "The card is not there, as with a bad contact, and comes back with what " +
				"it held."},
	}
	return onDisk(kinds)
}

func diskExchangeKinds() []Spec {
	age := span("age", 2000, 60_000, 10_000, "how old what it holds is then")
	kinds := []Spec{
		{Kind: DiskWipe, Harm: HarmSeen, Meaning: "The machine is off, and comes back with an empty card."},
		{Kind: DiskRestore, Params: []ParamSpec{age},
			Meaning: "The machine is off, and comes back with a card that holds what it held a while before: a restored backup."},
		{Kind: DiskSwap, Meaning: "Two machines are off, and come back each with the card of the other."},
		{Kind: DiskClone, Params: []ParamSpec{age},
			Meaning: "The second machine is off, and comes back with a copy of what the first one's card held a while before."},
	}
	kinds = onDisk(kinds)
	for i := range kinds {
		k := &kinds[i]
		k.Harm, k.Beyond, k.Survivable = cmp.Or(k.Harm, HarmSilent), true, beyond
		k.Out, k.Restarts, k.AllowsDeath = true, true, true
		if k.Kind == DiskSwap || k.Kind == DiskClone {
			k.Target = OnMachines
		}
	}
	return kinds
}

func onDisk(kinds []Spec) []Spec {
	for i := range kinds {
		k := &kinds[i]
		k.Class, k.Target = ClassDisk, OnMachine
		k.MinFor, k.MaxFor = 1*s, 15*s
	}
	return kinds
}
