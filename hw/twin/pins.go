package twin

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

const pinCount = 28 // of the header

// pin is a pin as package gpioioctl of periph gives it, with its trap: reading an output turns it into an input. What hangs on a relay's
// pin or a fan's pulls it down harder than the pin's own resistor pulls up.
type pin struct {
	p      *Pi
	number int
	output bool
	level  gpio.Level // of an output
	pull   gpio.Pull
	loaded bool // something with a pull-down hangs on it
}

// relay is a relay on a pin. Its coil opens the contact.
type relay struct {
	feeds string
	pin   *pin
	open  bool
	stuck bool
}

// pinNumber returns the number of a pin by its name.
func pinNumber(name string) (int, bool) {
	digits, is := strings.CutPrefix(name, "GPIO")
	n, err := strconv.Atoi(digits)
	return n, is && err == nil && n >= 0 && n < pinCount && strconv.Itoa(n) == digits
}

func (p *Pi) makePins() {
	for n := range pinCount {
		pin := &pin{p: p, number: n}
		pin.release()
		p.pins = append(p.pins, pin)
	}
	for _, r := range p.config.relays() {
		pin := p.pin(r.Pin)
		pin.loaded = true
		p.relays = append(p.relays, relay{feeds: r.Feeds, pin: pin})
	}
	if fan := p.pin(p.config.Equipment.FanPin); fan != nil {
		fan.loaded = true
	}
}

func (p *Pi) pin(name string) *pin {
	n, is := pinNumber(name)
	if !is {
		return nil
	}
	return p.pins[n]
}

// letGoOfPins is what happens to pins that nobody holds any more.
func (p *Pi) letGoOfPins() {
	if p.config.StrictPins {
		p.releasePins()
	}
}

// followPins lets relays and fan do what their pins say.
func (p *Pi) followPins() {
	p.settle()
	for i := range p.relays {
		r := &p.relays[i]
		open := r.pin.high()
		if r.stuck || open == r.open {
			continue
		}
		r.open = open
		if open {
			p.tell(RelayOpened, r.feeds)
		} else {
			p.tell(RelayClosed, r.feeds)
		}
	}
	p.turnFan()
}

// Cuts tells whether a relay of the board cuts a machine off.
func (p *Pi) Cuts(machine string) bool {
	for _, r := range p.relays {
		if r.feeds == machine && r.open {
			return true
		}
	}
	return false
}

func (n *pin) release() {
	n.output, n.level, n.pull = false, gpio.Low, n.DefaultPull()
}

func (n *pin) high() bool {
	if n.output {
		return n.level == gpio.High
	}
	return n.pull == gpio.PullUp && !n.loaded
}

// String returns the name.
func (n *pin) String() string { return n.Name() }

// Name returns the name.
func (n *pin) Name() string { return "GPIO" + strconv.Itoa(n.number) }

// Number returns the number.
func (n *pin) Number() int { return n.number }

// Function says what the pin is; to find out, the kernel makes it an input.
func (n *pin) Function() string {
	_ = n.In(gpio.PullUp, gpio.NoEdge)
	return "In"
}

// Halt does nothing, as that of gpioioctl when no edge is awaited.
func (n *pin) Halt() error { return nil }

// In makes it an input.
func (n *pin) In(pull gpio.Pull, _ gpio.Edge) error {
	if err := n.p.alive("set", n.Name()); err != nil {
		return err
	}
	n.output = false
	if pull != gpio.PullNoChange {
		n.pull = pull
	}
	n.p.followPins()
	return nil
}

// Read returns the level, and makes an output an input first.
func (n *pin) Read() gpio.Level {
	if n.output {
		_ = n.In(gpio.PullUp, gpio.NoEdge)
	}
	return gpio.Level(n.high())
}

// WaitForEdge returns at once: nothing on these pins makes edges.
func (n *pin) WaitForEdge(time.Duration) bool { return false }

// Pull returns the resistor of an input.
func (n *pin) Pull() gpio.Pull { return n.pull }

// DefaultPull returns the resistor after a reset: up for the first nine pins, down for the others (BCM2835 manual, alternative functions).
func (n *pin) DefaultPull() gpio.Pull {
	if n.number < 9 {
		return gpio.PullUp
	}
	return gpio.PullDown
}

// Out makes it an output of a level.
func (n *pin) Out(l gpio.Level) error {
	if err := n.p.alive("set", n.Name()); err != nil {
		return err
	}
	n.output, n.level = true, l
	n.p.followPins()
	return nil
}

// PWM fails, as gpioioctl has none.
func (n *pin) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("PWM() not implemented")
}
