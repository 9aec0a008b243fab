package twin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/hw"
)

// Model is a kind of Raspberry Pi.
type Model uint8

// The models.
const (
	Pi3B Model = iota
	Pi3BPlus
	Pi4B     // as sold since 2020: 1800 MHz
	Pi4B1500 // the earlier revision
	Pi4B2019 // the earlier revision with the firmware of its launch, which drew half a watt more
	Pi5
)

// Cooling is what carries a board's heat away.
type Cooling uint8

// The coolings. A fan comes with a heatsink; that of a Pi 5 is the Active Cooler, which the kernel drives. The fan of any other model is
// switched by hw.Config.FanPin, or always turns if there is none.
const (
	Bare Cooling = iota
	Heatsink
	Fan
)

func modelNames() []string {
	return []string{Pi3B: "pi-3b", Pi3BPlus: "pi-3b+", Pi4B: "pi-4b", Pi4B1500: "pi-4b-1500", Pi4B2019: "pi-4b-2019", Pi5: "pi-5"}
}

func coolingNames() []string { return []string{Bare: "bare", Heatsink: "heatsink", Fan: "fan"} }

// ParseModel returns the model of a name as String prints it.
func ParseModel(name string) (Model, error) {
	i, err := parse("model", name, modelNames())
	return Model(i), err
}

// ParseCooling returns the cooling of a name as String prints it.
func ParseCooling(name string) (Cooling, error) {
	i, err := parse("cooling", name, coolingNames())
	return Cooling(i), err
}

func parse(what, name string, names []string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("twin: unknown %s %q (%s)", what, name, strings.Join(names, ", "))
	}
	return i, nil
}

// String returns the name that scenario files use.
func (m Model) String() string { return nameOf("model", int(m), modelNames()) }

// String returns the name that scenario files use.
func (c Cooling) String() string { return nameOf("cooling", int(c), coolingNames()) }

func nameOf(what string, i int, names []string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

// model holds the figures of a board. README.md says where each comes from and how good it is.
type model struct {
	name     string // as the device tree has it
	revision uint32
	serial   uint64 // upper half of every serial number

	maxMHz, floorMHz int64
	steps            []int64 // clocks that throttling chooses among, falling; nil: every 50 MHz
	softMHz          int64   // clock above the soft limit; 0: there is none
	speedPPM         int64   // of a core at its highest clock
	floorMV, topMV   int64   // volts of the cores at lowest and highest clock

	idleMicrowatt   int64
	coreMicrowatt   int64 // more for each busy core at the highest clock
	exponent        int64 // of that in the clock, in hundredths
	haltedMicrowatt int64

	sensorStep int64 // of the thermometer, in thousandths of a degree
	soc        string
	linkMbit   int64
	pmic       bool // pmic_read_adc, rp1_adc and the class of the supply can be read: Pi 5
	hotplug    bool // cores can be taken out of use: the start code of the others has no PSCI
}

func (m Model) figures() model {
	pi3 := model{
		serial: 0, floorMHz: 600, floorMV: 1200, exponent: 195, haltedMicrowatt: 500_000, sensorStep: 538, soc: "soc", linkMbit: 100,
	}
	pi4 := model{
		serial: 0x10000000 << 32, floorMHz: 600, floorMV: 840, exponent: 125, idleMicrowatt: 2_400_000, haltedMicrowatt: 120_000,
		sensorStep: 487, soc: "soc", linkMbit: 1000, steps: []int64{1500, 1000, 750, 600},
	}
	switch m {
	case Pi3B:
		pi3.name, pi3.revision = "Raspberry Pi 3 Model B Rev 1.2", 0xa02082
		pi3.maxMHz, pi3.speedPPM, pi3.topMV = 1200, 514_000, 1_231
		pi3.idleMicrowatt, pi3.coreMicrowatt = 1_500_000, 700_000
		return pi3
	case Pi3BPlus:
		pi3.name, pi3.revision, pi3.linkMbit = "Raspberry Pi 3 Model B Plus Rev 1.3", 0xa020d3, 1000
		pi3.maxMHz, pi3.softMHz, pi3.speedPPM, pi3.topMV = 1400, 1200, 600_000, 1_325
		pi3.idleMicrowatt, pi3.coreMicrowatt = 2_000_000, 800_000
		return pi3
	case Pi4B:
		pi4.name, pi4.revision = "Raspberry Pi 4 Model B Rev 1.4", 0xc03114
		pi4.maxMHz, pi4.speedPPM, pi4.topMV, pi4.coreMicrowatt = 1800, 1_000_000, 910, 1_000_000
		return pi4
	case Pi4B1500, Pi4B2019:
		pi4.name, pi4.revision = "Raspberry Pi 4 Model B Rev 1.1", 0xc03111
		pi4.maxMHz, pi4.speedPPM, pi4.topMV, pi4.coreMicrowatt = 1500, 950_000, 880, 800_000
		if m == Pi4B2019 {
			pi4.idleMicrowatt, pi4.coreMicrowatt = 2_900_000, 1_100_000
		}
		return pi4
	}
	return model{
		name: "Raspberry Pi 5 Model B Rev 1.0", revision: 0xc04170, serial: 0x5f3a91c2 << 32,
		maxMHz: 2400, floorMHz: 1500, speedPPM: 1_870_000, floorMV: 820, topMV: 915,
		idleMicrowatt: 2_900_000, coreMicrowatt: 1_250_000, exponent: 147, haltedMicrowatt: 1_750_000,
		sensorStep: 549, soc: "soc@107c000000", linkMbit: 1000, pmic: true, hotplug: true,
	}
}

// LinkMegabits returns how many megabits a second the model's wire carries.
func (m Model) LinkMegabits() int64 { return m.figures().linkMbit }

// cooler is the way of heat from the die to the air: two lumps in a row. The first is die to board, the second board and heatsink to air,
// whose resistance falls with the fan. Each keeps its heat capacity whatever the fan does, so its time constant is resistance times
// capacity.
type cooler struct {
	r1, c1 int64   // mK/W, mJ/K
	c2     int64   // mJ/K
	r2     []int64 // mK/W at each of fanStops; only the first if nothing ever turns
}

// fanStops are the duties, in thousandths, for which the resistance to the air is given. Between them it is interpolated.
func fanStops() [5]hw.Duty { return [5]hw.Duty{0, 300, 500, 700, 1000} }

func (m Model) cooler(c Cooling) cooler {
	switch {
	case m == Pi3B && c == Bare:
		return lumps(5500, 6, 75, 7000)
	case m <= Pi3BPlus && c == Bare:
		return lumps(4000, 6, 100, 7500)
	case m <= Pi3BPlus && c == Heatsink:
		return lumps(2600, 5, 120, 5000)
	case m <= Pi3BPlus:
		return lumps(2400, 5, 200, 5000, 3500, 2800, 2400, 2000)
	case m < Pi5 && c == Bare:
		return lumps(3400, 8, 110, 6100)
	case m < Pi5 && c == Heatsink:
		return lumps(2300, 5, 205, 5000)
	case m < Pi5:
		return lumps(1500, 5, 347, 10_600, 5_500, 4_000, 3_200, 2_600)
	case c == Bare:
		return lumps(3200, 6, 100, 6300)
	case c == Heatsink:
		return lumps(1600, 5, 200, 3900) // a passive case of metal
	}
	return lumps(1600, 5, 150, 5500, 3400, 2700, 2300, 2000)
}

// lumps makes a cooler of resistances in mK/W and time constants in seconds, the second of them at rest.
func lumps(r1, tau1, tau2 int64, r2 ...int64) cooler {
	return cooler{r1: r1, c1: tau1 * 1_000_000 / r1, c2: tau2 * 1_000_000 / r2[0], r2: r2}
}

// resistance returns that from board to air at a duty, in mK/W.
func (h cooler) resistance(d hw.Duty) int64 {
	if len(h.r2) == 1 {
		return h.r2[0]
	}
	stops := fanStops()
	i := 1
	for i < len(stops)-1 && d > stops[i] {
		i++
	}
	return h.r2[i-1] + (h.r2[i]-h.r2[i-1])*int64(d-stops[i-1])/int64(stops[i]-stops[i-1])
}

// tau returns a time constant. A resistance in mK/W times a capacity in mJ/K is in microseconds.
func tau(r, c int64) time.Duration { return time.Duration(r*c) * time.Microsecond }
