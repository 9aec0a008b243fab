package chaos

// The kinds of faults that start in the hardware. They need modelled boards.
const (
	Hang         Kind = "hang"
	FanDead      Kind = "fan-dead"
	AirWarm      Kind = "air-warm"
	CableBad     Kind = "cable-bad"
	SupplyWeak   Kind = "supply-weak"
	SupplyOut    Kind = "supply-out"
	PoEShed      Kind = "poe-shed"
	MainsOut     Kind = "mains-out"
	LinkFlap     Kind = "link-flap"
	SensorStuck  Kind = "sensor-stuck"
	MeterForgets Kind = "meter-forgets"
	RelayStuck   Kind = "relay-stuck"
	CPULies      Kind = "cpu-lies"
)

func boardKinds() []Spec {
	return []Spec{
		{Kind: Hang, Class: ClassHardware, Target: OnMachine, Needs: GearBoard, Sets: "the watchdog",
			Meaning: "The machine stands still with its power on, and answers nothing until it is reset, by its watchdog if that is well or by a " +
				"relay. If nobody has reset it by the end of the fault, its programs go on with what they had in memory.",
			Params: []ParamSpec{{Name: "watchdog", Unit: Count, Min: 0, Max: 1, Low: 0, Top: 1, Default: 1,
				Meaning: "1 if the watchdog still works, 0 if it hangs too"}},
			MinFor: 3 * s, MaxFor: 90 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: FanDead, Class: ClassHardware, Target: OnMachine, Needs: GearBoard, Sets: "the fan",
			Meaning: "The fan stands still, whatever drives it.",
			MinFor:  20 * s, MaxFor: 300 * s, Survivable: harmless},
		{Kind: LinkFlap, Class: ClassHardware, Target: OnMachine, Sets: "the wire",
			Meaning: "The machine's wire goes down for some seconds again and again, as energy-efficient Ethernet does with some switches.",
			Params: []ParamSpec{
				{Name: "down", Unit: Milliseconds, Min: 1, Max: hourMS, Low: 2000, Top: 3100, Default: 2050, Meaning: "how long it is down"},
				{Name: "every", Unit: Milliseconds, Min: 2, Max: hourMS, Low: 8000, Top: 40_000, Default: 15_000, Meaning: "from one time to the next"},
			},
			MinFor: 5 * s, MaxFor: 120 * s, Out: true, Survivable: heals},
		{Kind: SensorStuck, Class: ClassHardware, Target: OnMachine, Needs: GearBoard, Sets: "the sensor",
			Meaning: "The sensor of the processor's temperature shows what it showed when the fault began.",
			MinFor:  15 * s, MaxFor: 200 * s, Survivable: harmless},
		{Kind: MeterForgets, Class: ClassHardware, Target: OnMachine, Needs: GearBoard,
			Meaning: "The power monitors on the machine's bus lose their setup, as after a sag of their own supply.", Survivable: harmless},
		{Kind: RelayStuck, Class: ClassHardware, Target: OnMachine, Needs: GearRelay, Sets: "the relay",
			Meaning: "The relay that feeds the machine stays as it is, whatever drives it.",
			MinFor:  15 * s, MaxFor: 300 * s, Survivable: harmless},
		{Kind: CPULies, Class: ClassHardware, Target: OnMachines, Sets: "the hashes",
			Meaning: "The processors of a batch compute SHA-256 wrongly for some data, always the same way, on one core or above a temperature.",
			Params: []ParamSpec{
				{Name: "mask", Unit: Count, Min: 0, Max: 255, Low: 3, Top: 15, Default: 7, Meaning: "which bits of a block's first byte are looked at"},
				{Name: "match", Unit: Count, Min: 0, Max: 255, Low: 0, Top: 15, Default: 1, Meaning: "what those bits are in the blocks that go wrong"},
				{Name: "bit", Unit: Count, Min: 0, Max: 255, Low: 0, Top: 255, Default: 17, Meaning: "which bit of the state is wrong"},
				{Name: "cores", Unit: Count, Min: 0, Max: 255, Low: 0, Top: 15, Default: 0, Meaning: "on which, bit i standing for core i; 0 for all"},
				{Name: "above", Unit: MilliCelsius, Min: 0, Max: 200_000, Low: 0, Top: 0, Default: 0, Meaning: "the temperature from which on it happens"},
			},
			MinFor: 20 * s, MaxFor: 300 * s, Survivable: "never more than one batch"},
	}
}

func facilityKinds() []Spec {
	return []Spec{
		{Kind: AirWarm, Class: ClassHardware, Target: OnSwitch, Needs: GearBoard, Sets: "the air",
			Meaning: "The air of a shelf is warmer, as behind a closed door.",
			Params: []ParamSpec{{Name: "by", Unit: MilliCelsius, Min: -40_000, Max: 60_000, Low: 8000, Top: 18_000, Default: 13_000,
				Meaning: "by how much"}},
			MinFor: 20 * s, MaxFor: 600 * s, Survivable: harmless},
		{Kind: CableBad, Class: ClassHardware, Target: OnMachine, Needs: GearBoard, Sets: "the cable",
			Meaning: "The supply's cable has more resistance, so that the voltage sags with what the machine draws.",
			Params: []ParamSpec{{Name: "resistance", Unit: Milliohms, Min: 0, Max: 10_000, Low: 300, Top: 900, Default: 500,
				Meaning: "in place of what it was built with"}},
			MinFor: 5 * s, MaxFor: 300 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: SupplyWeak, Class: ClassHardware, Target: OnSwitch, Needs: GearBoard, Sets: "the supply",
			Meaning: "A shelf's supply gives less than it was built for.",
			Params: []ParamSpec{{Name: "left", Unit: PPM, Min: 0, Max: ppmAll, Low: 400_000, Top: 800_000, Default: 600_000,
				Meaning: "the share that is left"}},
			MinFor: 2 * s, MaxFor: 200 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: SupplyOut, Class: ClassHardware, Target: OnSwitch, Needs: GearBoard, Sets: "the supply",
			Meaning: "A shelf's supply is out; when it comes back, all machines start at once and draw what starting draws.",
			MinFor:  2 * s, MaxFor: 20 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: PoEShed, Class: ClassHardware, Target: OnSwitch, Needs: GearBoard,
			Meaning: "The switch feeds a shelf's machines over their wires, has less power than they draw, and takes it from the last of them, one by " +
				"one, until it is enough.",
			Params: []ParamSpec{{Name: "left", Unit: PPM, Min: 0, Max: ppmAll, Low: 200_000, Top: 600_000, Default: 400_000,
				Meaning: "the share of the shelf's supply that is left"}},
			MinFor: 5 * s, MaxFor: 200 * s, Out: true, Restarts: true, Survivable: heals},
		{Kind: MainsOut, Class: ClassHardware, Target: OnSwitch,
			Meaning: "A shelf runs on the battery of its UPS; when that is empty all its machines go off, after they have written all, or at once.",
			Params: []ParamSpec{
				{Name: "left", Unit: Milliseconds, Min: 0, Max: hourMS, Low: 1000, Top: 10_000, Default: 5000, Meaning: "how long the battery lasts"},
				{Name: "orderly", Unit: Count, Min: 0, Max: 1, Low: 0, Top: 1, Default: 1, Meaning: "1 if all is written before"}},
			MinFor: 12 * s, MaxFor: 60 * s, Out: true, Restarts: true, Survivable: heals},
	}
}
