package chaos

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
		{Kind: CPUSlow, Class: ClassProcess, Target: OnMachine, Sets: "the speed of the processor",
			Meaning: "The processor takes longer for the same work.",
			Params: []ParamSpec{{Name: "factor", Unit: Times, Min: 1, Max: 1000, Low: 2, Top: 16,
				Default: 4,
				Meaning: "how many times longer"}},
			MinFor: 2 * s, MaxFor: 20 * s, Survivable: harmless},
		{Kind: MemoryLimit, Class: ClassProcess, Target: OnMachine, Sets: "the memory",
			Meaning: "The process is killed when it holds more memory than a limit, as by the " +
				"out-of-memory killer.",
			Params: []ParamSpec{{Name: "limit", Unit: Bytes, Min: megabyte, Max: 64 * gigabyte,
				Low: 4 * megabyte,
				Top: 64 * megabyte, Default: 64 * megabyte, Meaning: "the most that it may hold"}},
			MinFor: 2 * s, MaxFor: 10 * s, Out: true, Restarts: true, AllowsDeath: true,
			Survivable: heals},
		{Kind: CPUSteal, Class: ClassProcess, Target: OnMachine,
			Meaning: "Something else takes the processor for a part of each period, as a neighbour on it does.",
			Params: []ParamSpec{
				{Name: "every", Unit: Milliseconds, Min: 2, Max: hourMS, Low: 20, Top: 2000, Default: 100, Meaning: "the period"},
				{Name: "rate", Unit: PPM, Min: 1, Max: 999_999, Low: 100_000, Top: 900_000, Default: 500_000, Meaning: "the part that is taken"}},
			MinFor: 2 * s, MaxFor: 20 * s, Survivable: harmless},
		{Kind: FDLimit, Class: ClassProcess, Target: OnMachine, Sets: "the descriptors",
			Meaning: "The process has no descriptor left: it can open no file and no connection, and gets none that ask for it; those that are " +
				"open go on.",
			MinFor: 1 * s, MaxFor: 15 * s, Out: true, AllowsDeath: true, Survivable: heals},
		{Kind: RestartLoop, Class: ClassProcess, Target: OnMachine,
			Meaning: "The process is killed again and again, each time soon after it was started.",
			Params: []ParamSpec{{Name: "every", Unit: Milliseconds, Min: 1, Max: hourMS, Low: 300, Top: 5000, Default: 2000,
				Meaning: "from one time to the next"}},
			MinFor: 3 * s, MaxFor: 20 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: StopHangs, Class: ClassProcess, Target: OnMachine,
			Meaning: "The process was told to stop and hangs on the way: it stands still with its connections open until it is killed, and is " +
				"started again.",
			MinFor: 500 * ms, MaxFor: 15 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: DoubleStart, Class: ClassProcess, Target: OnMachine,
			Meaning: "The program is started a second time, beside the process that runs, with the same name, ports and card.",
			MinFor:  2 * s, MaxFor: 15 * s, AllowsDeath: true, Survivable: harmless},
	}
}
