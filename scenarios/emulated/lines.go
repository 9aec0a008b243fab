package emulated

import (
	"fmt"
	"strings"
)

// linesFile is where the kernel shows its view of all pins.
const linesFile = "/sys/kernel/debug/gpio"

// Line is the kernel's view of a pin.
type Line struct {
	User      string // who holds it; empty if nobody does, and then the rest is not known
	Direction string // in or out
	Level     string // hi or lo
}

// String says it as the kernel does, "out hi".
func (l Line) String() string {
	if l.User == "" {
		return "unused"
	}
	return l.Direction + " " + l.Level
}

// ParseLine finds a pin in the kernel's view. A line of that file is, as gpiolib_dbg_show of Linux 6.1 writes it:
//
//	gpio-479 (GPIO21              |picloud             ) out hi
func ParseLine(view, pin string) (Line, error) {
	for text := range strings.Lines(view) {
		_, text, _ = strings.Cut(text, "(")
		names, state, is := strings.Cut(text, ")")
		name, user, _ := strings.Cut(names, "|")
		if !is || strings.TrimSpace(name) != pin {
			continue
		}
		l, fields := Line{User: strings.TrimSpace(user)}, strings.Fields(state)
		if len(fields) >= 2 {
			l.Direction, l.Level = fields[0], fields[1]
		}
		return l, nil
	}
	return Line{}, fmt.Errorf("emulated: the kernel shows no pin %s", pin)
}
