package hwtest

import (
	"errors"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/pin"
)

// Pin is a pin of the header as periph's gpioioctl has it, with its trap: reading an output turns it into an input with a
// pull-up (periph.io/x/host, issue 77), so whatever hangs on it lets go.
type Pin struct {
	name   string
	number int

	mu     sync.Mutex
	output bool
	level  gpio.Level
	lost   bool // whether an output was read
	broken bool
}

// Driven returns the level that the pin is driven with, and whether it is.
func (p *Pin) Driven() (gpio.Level, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.level, p.output
}

// Lost tells whether the pin was an output and became an input as it was read.
func (p *Pin) Lost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Break has the pin refuse what it is told, or not.
func (p *Pin) Break(broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = broken
}

// Out drives the pin.
func (p *Pin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return errors.New("hwtest: the line is not given")
	}
	p.output, p.level = true, l
	return nil
}

// Read returns the pin's level, and takes it away as an output.
func (p *Pin) Read() gpio.Level {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = p.lost || p.output
	p.output, p.level = false, gpio.High // by its pull-up
	return p.level
}

// In makes the pin an input.
func (p *Pin) In(pull gpio.Pull, _ gpio.Edge) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output, p.level = false, pull == gpio.PullUp
	return nil
}

// Func says what the pin does, for which it is read.
func (p *Pin) Func() pin.Func {
	if p.Read() {
		return gpio.IN_HIGH
	}
	return gpio.IN_LOW
}

// Function does the same.
func (p *Pin) Function() string { return string(p.Func()) }

// Name returns the pin's name.
func (p *Pin) Name() string { return p.name }

// String returns the pin's name.
func (p *Pin) String() string { return p.name }

// Number returns the pin's number.
func (p *Pin) Number() int { return p.number }

// Halt does nothing.
func (p *Pin) Halt() error { return nil }

// Pull is not known.
func (p *Pin) Pull() gpio.Pull { return gpio.PullNoChange }

// DefaultPull is not known.
func (p *Pin) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// WaitForEdge waits in vain.
func (p *Pin) WaitForEdge(time.Duration) bool { return false }

// PWM is refused, as by gpioioctl.
func (p *Pin) PWM(gpio.Duty, physic.Frequency) error { return errors.New("hwtest: no PWM") }

var _ gpio.PinIO = (*Pin)(nil)
