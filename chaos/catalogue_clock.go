package chaos

func clockKinds() []Spec {
	by := ParamSpec{Name: "by", Unit: Milliseconds, Min: -876_000 * hourMS, Max: 876_000 * hourMS,
		Low: 10, Top: hourMS, Default: 1000, Meaning: "how far the wall clock is moved, " +
			"forward if positive"}
	every := ParamSpec{Name: "every", Unit: Milliseconds, Min: 1, Max: hourMS, Low: 10, Top: 2000, Default: 200, Meaning: "from one time to the next"}
	return []Spec{
		{Kind: ClockStep, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock jumps and stays where it is; monotonic time does not notice.",
			Params:  []ParamSpec{by}, Survivable: harmless},
		{Kind: ClockOffset, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock is off by an amount and jumps back when the fault heals.",
			Params:  []ParamSpec{by}, MinFor: 2 * s, MaxFor: 30 * s, Survivable: harmless},
		{Kind: ClockDrift, Class: ClassClock, Target: OnMachine, Sets: "the rate of the clock",
			Meaning: "Wall clock, monotonic time and timers run too fast or too slow.",
			Params: []ParamSpec{{Name: "rate", Unit: PPM, Min: -900_000, Max: 9_000_000, Low: 50,
				Top:     100_000,
				Default: 10_000, Meaning: "the excess over true speed, too fast if positive"}},
			MinFor: 5 * s, MaxFor: 40 * s, Survivable: harmless},
		{Kind: ClockStrobe, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock jumps forth and back again and again.",
			Params:  []ParamSpec{by, every},
			MinFor:  2 * s, MaxFor: 20 * s, Survivable: harmless},
		{Kind: ClockNoise, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock is set again and again, each time wrong by another amount, as by a time server behind a bad link.",
			Params: []ParamSpec{{Name: "by", Unit: Milliseconds, Min: 1, Max: 876_000 * hourMS, Low: 10, Top: 10_000, Default: 500,
				Meaning: "how far it is off at most, to either side"}, every},
			MinFor: 2 * s, MaxFor: 30 * s, Survivable: harmless},
		{Kind: ClockSmear, Class: ClassClock, Target: OnMachine,
			Meaning: "The wall clock falls a second behind little by little, as with a time server that smears a leap second when others step, and " +
				"is right again when the fault heals.",
			MinFor: 5 * s, MaxFor: 60 * s, Survivable: harmless},
		{Kind: BootInPast, Class: ClassProcess, Target: OnMachine,
			Meaning: "The machine loses power and boots with its wall clock in the past, as it has no clock that runs without power; the network " +
				"sets it right when the fault heals.",
			Params: []ParamSpec{{Name: "by", Unit: Milliseconds, Min: 1, Max: 876_000 * hourMS, Low: 60_000, Top: 365 * 24 * hourMS, Default: 24 * hourMS,
				Meaning: "how far"}},
			MinFor: 8 * s, MaxFor: 30 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: NTPLies, Class: ClassClock, Target: OnMachines,
			Meaning: "A time server is wrong, and with it the wall clocks of all machines that believe it, those of a shelf, until the fault heals.",
			Params:  []ParamSpec{by}, MinFor: 2 * s, MaxFor: 30 * s, Survivable: harmless},
	}
}
