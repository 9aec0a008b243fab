//go:build linux && (arm64 || amd64)

package pi

import (
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/pin"
)

// outpin is a line that remembers what it is driven with.
type outpin struct {
	mu     sync.Mutex
	line   line
	driven bool
	level  gpio.Level
}

// line is a line of gpioioctl.
type line interface {
	gpio.PinIO
	Close()
}

// Out drives the pin. The first time periph asks the kernel for an output, which is low, and then sets the level: what is to be high
// is low for a moment.
func (p *outpin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.line.Out(l); err != nil {
		return err
	}
	p.driven, p.level = true, l
	return nil
}

// Read returns the level of an input, and what an output is driven with.
func (p *outpin) Read() gpio.Level {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.driven {
		return p.level
	}
	return p.line.Read()
}

// In makes the pin an input.
func (p *outpin) In(pull gpio.Pull, edge gpio.Edge) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.line.In(pull, edge); err != nil {
		return err
	}
	p.driven = false
	return nil
}

// Func says what the pin is.
func (p *outpin) Func() pin.Func {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.driven:
		return gpio.IN
	case bool(p.level):
		return gpio.OUT_HIGH
	}
	return gpio.OUT_LOW
}

// Function does the same for pin.Pin.
func (p *outpin) Function() string { return string(p.Func()) }

// Name returns the line's name.
func (p *outpin) Name() string { return p.line.Name() }

// String returns the line's name; that of the line itself would read it.
func (p *outpin) String() string { return p.line.Name() }

// Number returns the line's number on its chip.
func (p *outpin) Number() int { return p.line.Number() }

// Halt ends a wait for an edge.
func (p *outpin) Halt() error { return p.line.Halt() }

// Pull returns the pull of an input.
func (p *outpin) Pull() gpio.Pull { return p.line.Pull() }

// DefaultPull is not known.
func (p *outpin) DefaultPull() gpio.Pull { return p.line.DefaultPull() }

// WaitForEdge waits for an edge of an input.
func (p *outpin) WaitForEdge(timeout time.Duration) bool { return p.line.WaitForEdge(timeout) }

// PWM is what gpioioctl has not.
func (p *outpin) PWM(d gpio.Duty, f physic.Frequency) error { return p.line.PWM(d, f) }
