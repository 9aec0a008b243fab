package twin

import (
	"fmt"
	"strings"

	"picloud/hw"
)

// Tags of the property interface (raspberrypi-firmware.h).
const (
	tagRevision    = 0x00010002
	tagSerial      = 0x00010004
	tagClockRate   = 0x00030002
	tagVoltage     = 0x00030003
	tagMaxClock    = 0x00030004
	tagTemperature = 0x00030006
	tagMinClock    = 0x00030007
	tagMaxTemp     = 0x0003000a
	tagThrottled   = 0x00030046
	tagMeasured    = 0x00030047
	tagCommand     = 0x00030080

	answered = 1 << 31
	armClock = 3
)

// property answers a message: its size in bytes, a code, tags, and 0. A tag has its number, the size of its room in bytes, a code, and the
// room, in which the answer comes. What is not known gets no answer.
func (p *Pi) property(message []uint32) error {
	bad := func(why string) error { return failure(hw.Invalid, "ask", "firmware", "%s", why) }
	if len(message) < 3 || message[0] != uint32(len(message)*4) {
		return bad("the size is not that of the message")
	}
	for rest := message[2:]; rest[0] != 0; {
		if len(rest) < 4 || rest[1]%4 != 0 || int(rest[1]/4) > len(rest)-4 {
			return bad("a tag is larger than the message")
		}
		room := rest[3 : 3+rest[1]/4]
		if size, known := p.tag(rest[0], room); known {
			rest[2] = answered | size
		}
		rest = rest[3+len(room):]
	}
	message[1] = answered
	return nil
}

// tag answers a tag in its room, and returns how many bytes the answer has.
func (p *Pi) tag(tag uint32, room []uint32) (uint32, bool) {
	if tag == tagCommand && len(room) > 1 {
		return p.answer(room), true
	}
	if len(room) < 1 {
		return 0, false
	}
	switch tag {
	case tagThrottled:
		room[0] = uint32(p.clearSticky(room[0] & 0xffff))
		return 4, true
	case tagRevision:
		room[0] = p.model.revision
		return 4, true
	}
	if len(room) < 2 {
		return 0, false
	}
	isArm := func(hertz int64) uint32 {
		if room[0] != armClock {
			return 0
		}
		return uint32(hertz)
	}
	switch tag {
	case tagSerial:
		room[0], room[1] = uint32(p.serial), uint32(p.serial>>32)
	case tagClockRate:
		room[1] = isArm(p.measuredClock() * 1_000_000)
	case tagMeasured:
		room[1] = isArm(p.measuredClock()*1_000_000 - 4_672) // what it measures is never quite the clock that was set
	case tagMaxClock:
		room[1] = isArm(p.model.maxMHz * 1_000_000)
	case tagMinClock:
		room[1] = isArm(p.model.floorMHz * 1_000_000)
	case tagTemperature:
		room[1] = uint32(p.sensor())
	case tagMaxTemp:
		room[1] = hardTemperature
	case tagVoltage:
		room[1] = uint32(p.coreMillivolts() * 1000)
	default:
		return 0, false
	}
	return 8, true
}

// answer does a command, as vcgencmd sends them: the first word is for an error, then comes text.
func (p *Pi) answer(room []uint32) uint32 {
	var asked strings.Builder
	for _, w := range room[1:] {
		for i := range 4 {
			if c := byte(w >> (8 * i)); c != 0 {
				asked.WriteByte(c)
			}
		}
	}
	text, known := p.command(asked.String())
	clear(room)
	if !known {
		room[0] = 1
		text = `error=1 error_msg="Command not registered"`
	}
	most := (len(room)-1)*4 - 1
	text = text[:min(len(text), most)]
	for i := range len(text) {
		room[1+i/4] |= uint32(text[i]) << (8 * (i % 4))
	}
	return uint32(4 + len(text) + 1)
}

func (p *Pi) command(asked string) (string, bool) {
	switch {
	case asked == "measure_temp":
		t := p.sensor()
		return fmt.Sprintf("temp=%d.%d'C", t/1000, t%1000/100), true
	case asked == "get_throttled":
		return fmt.Sprintf("throttled=0x%x", uint32(p.clearSticky(0))), true
	case asked == "measure_clock arm":
		return fmt.Sprintf("frequency(0)=%d", p.measuredClock()*1_000_000), true
	case asked == "measure_volts", asked == "measure_volts core":
		v := p.coreMillivolts()
		return fmt.Sprintf("volt=%d.%04dV", v/1000, v%1000*10), true
	case asked == "pmic_read_adc" && p.model.pmic:
		return p.rails(), true
	}
	return "", false
}

// rail is a supply that the power chip of a Pi 5 measures, and its part of what all take.
type rail struct {
	name           string
	current, volt  int // numbers of the chip's inputs
	millivolts     int64
	idleThousandth int64 // of what the board draws at rest
}

// rails returns the text of pmic_read_adc. What flows to the input is not measured: the sum over the rails misses about a quarter of what
// the board draws. How it is spread over them is estimated; what is above rest goes to the cores.
func (p *Pi) rails() string {
	rails := []rail{
		{"3V7_WL_SW", 0, 8, 3700, 80}, {"3V3_SYS", 1, 9, 3310, 60}, {"1V8_SYS", 2, 10, 1800, 90}, {"DDR_VDD2", 3, 11, 1107, 40},
		{"DDR_VDDQ", 4, 12, 607, 10}, {"1V1_SYS", 5, 13, 1106, 90}, {"0V8_SW", 6, 14, 803, 110}, {"VDD_CORE", 7, 15, p.coreMillivolts(), 250},
		{"0V8_AON", 16, 19, 802, 2}, {"3V3_DAC", 17, 20, 3312, 0}, {"3V3_ADC", 18, 21, 3312, 1}, {"HDMI", 22, 23, p.volts, 17},
	}
	rest := min(p.drawn, p.model.idleMicrowatt)
	var currents, volts strings.Builder
	for _, r := range rails {
		microwatt := rest * r.idleThousandth / 1000
		if r.name == "VDD_CORE" {
			microwatt += (p.drawn - rest) * 3 / 4
		}
		microamps := microwatt * 1000 / max(r.millivolts, 1)
		fmt.Fprintf(&currents, "%13s current(%d)=%d.%06d00A\n", r.name+"_A", r.current, microamps/1_000_000, microamps%1_000_000)
		fmt.Fprintf(&volts, "%13s volt(%d)=%d.%03d00000V\n", r.name+"_V", r.volt, r.millivolts/1000, r.millivolts%1000)
	}
	fmt.Fprintf(&volts, "%13s volt(24)=%d.%03d00000V\n%13s volt(25)=0.00000000V\n", "EXT5V_V", p.volts/1000, p.volts%1000, "BATT_V")
	return currents.String() + volts.String()
}
