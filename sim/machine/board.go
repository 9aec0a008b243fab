package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/sim/channel"
)

// EnvBoard is the variable whose presence says that the machine has a board.
const EnvBoard = "PICLOUD_BOARD"

// Parts reaches the board of the simulated machine.
type Parts struct{ port channel.Port }

// NewParts returns the parts of the board that the kernel serves at p.
func NewParts(p channel.Port) *Parts { return &Parts{p} }

// call asks the board, and says what failed as hw.Parts does.
func (p *Parts) call(doing, what string, f channel.Frame) (channel.Frame, error) {
	f.Class = channel.ClassBoard
	if len(f.Data) > channel.MaxData {
		return f, &hw.Error{Kind: hw.Invalid, Doing: doing, What: what, Err: fmt.Errorf("%d bytes are too many", len(f.Data))}
	}
	reply := p.port.Call(f)
	if reply.Err == 0 {
		return reply, nil
	}
	kind := hw.Failed
	switch reply.Err {
	case syscall.ENODEV:
		kind = hw.Absent
	case syscall.EINVAL:
		kind = hw.Invalid
	}
	return reply, &hw.Error{Kind: kind, Doing: doing, What: what, Err: errors.New(string(reply.Data))}
}

// ReadFile reads a file of the kernel's.
func (p *Parts) ReadFile(path string) ([]byte, error) {
	reply, err := p.call("read", path, channel.Frame{Op: channel.BoardRead, Data: []byte(path)})
	if err != nil {
		return nil, err
	}
	return reply.Data, nil
}

// WriteFile writes a file of the kernel's.
func (p *Parts) WriteFile(path string, data []byte) error {
	_, err := p.call("write", path, channel.Frame{Op: channel.BoardWrite, Data: slices.Concat([]byte(path), []byte{0}, data)})
	return err
}

// Glob returns the paths that fit a pattern.
func (p *Parts) Glob(pattern string) ([]string, error) {
	reply, err := p.call("find", pattern, channel.Frame{Op: channel.BoardGlob, Data: []byte(pattern)})
	if err != nil {
		return nil, err
	}
	var paths []string
	for path := range bytes.SplitSeq(reply.Data, []byte{0}) {
		if len(path) > 0 {
			paths = append(paths, string(path))
		}
	}
	return paths, nil
}

// Property sends the firmware a message.
func (p *Parts) Property(message []uint32) error {
	data := make([]byte, 0, 4*len(message))
	for _, word := range message {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	reply, err := p.call("ask", "the firmware", channel.Frame{Op: channel.BoardProperty, Data: data})
	if err != nil {
		return err
	}
	for i := range message {
		if len(reply.Data) >= 4*i+4 {
			message[i] = binary.LittleEndian.Uint32(reply.Data[4*i:])
		}
	}
	return nil
}

// Bus opens an I²C bus.
func (p *Parts) Bus(number string) (i2c.BusCloser, error) {
	if _, err := p.call("open", "I²C bus "+number, channel.Frame{Op: channel.BoardBus, Data: []byte(number)}); err != nil {
		return nil, err
	}
	return &bus{p, number}, nil
}

// Pin returns a pin.
func (p *Parts) Pin(name string) (gpio.PinIO, error) {
	reply, err := p.call("find", name, channel.Frame{Op: channel.BoardPin, A: channel.PinNumber, Data: []byte(name)})
	if err != nil {
		return nil, err
	}
	return &pin{parts: p, name: name, number: int(reply.A)}, nil
}

// OpenWatchdog starts the watchdog.
func (p *Parts) OpenWatchdog() (hw.WatchdogDevice, error) {
	w := watchdog{p}
	if _, err := w.ask("open", channel.WatchdogOpen, 0); err != nil {
		return nil, err
	}
	return w, nil
}

// Halt turns the machine off.
func (p *Parts) Halt() error {
	_, err := p.call("halt", "the machine", channel.Frame{Op: channel.BoardHalt})
	return err
}

// Close is for hw.Parts: there is nothing to close.
func (p *Parts) Close() error { return nil }

// bus is an I²C bus.
type bus struct {
	parts  *Parts
	number string
}

// String returns the name that Linux gives it.
func (b *bus) String() string { return "i2c-" + b.number }

// Tx writes w to a device and then reads r from it.
func (b *bus) Tx(addr uint16, w, r []byte) error {
	reply, err := b.parts.call("talk to", fmt.Sprintf("%#x on %s", addr, b), channel.Frame{
		Op: channel.BoardTransfer, A: int64(addr), B: int64(len(r)), Data: slices.Concat([]byte(b.number), []byte{0}, w),
	})
	copy(r, reply.Data)
	return err
}

// SetSpeed cannot, as on a Pi.
func (b *bus) SetSpeed(physic.Frequency) error {
	return &hw.Error{Kind: hw.Absent, Doing: "set speed of", What: b.String(), Err: errors.New("the device tree says it")}
}

// Close is for i2c.BusCloser.
func (b *bus) Close() error { return nil }

// pin is a pin of the header.
type pin struct {
	parts  *Parts
	name   string
	number int
}

func (p *pin) ask(doing string, request, argument int64) (int64, error) {
	reply, err := p.parts.call(doing, p.name, channel.Frame{Op: channel.BoardPin, A: request, B: argument, Data: []byte(p.name)})
	return reply.A, err
}

// In lets go of the pin. There are no edges.
func (p *pin) In(pull gpio.Pull, edge gpio.Edge) error {
	if edge != gpio.NoEdge {
		return &hw.Error{Kind: hw.Absent, Doing: "watch", What: p.name, Err: errors.New("a modelled pin tells no edges")}
	}
	_, err := p.ask("read", channel.PinIn, int64(pull))
	return err
}

// Out drives the pin.
func (p *pin) Out(l gpio.Level) error {
	argument := int64(0)
	if l {
		argument = 1
	}
	_, err := p.ask("set", channel.PinOut, argument)
	return err
}

// Read returns the pin's level, as periph does: one that drove it lets go of it.
func (p *pin) Read() gpio.Level {
	level, err := p.ask("read", channel.PinRead, 0)
	return err == nil && level != 0
}

// WaitForEdge waits in vain.
func (p *pin) WaitForEdge(timeout time.Duration) bool {
	if timeout > 0 {
		time.Sleep(timeout)
	}
	return false
}

// String returns the pin's name and number.
func (p *pin) String() string { return fmt.Sprintf("%s(%d)", p.name, p.number) }

// Name returns the pin's name.
func (p *pin) Name() string { return p.name }

// Number returns the pin's number on its chip.
func (p *pin) Number() int { return p.number }

// Function is for gpio.PinIO. What a pin does is not asked, as that is what periph's answer changes.
func (p *pin) Function() string { return "" }

// Halt is for conn.Resource.
func (p *pin) Halt() error { return nil }

// Pull is not known.
func (p *pin) Pull() gpio.Pull { return gpio.PullNoChange }

// DefaultPull is not known.
func (p *pin) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// PWM cannot, as with periph's pins.
func (p *pin) PWM(gpio.Duty, physic.Frequency) error {
	return &hw.Error{Kind: hw.Absent, Doing: "pulse", What: p.name, Err: errors.New("pins have no PWM")}
}

// watchdog is the board's watchdog.
type watchdog struct{ parts *Parts }

func (w watchdog) ask(doing string, request int64, d time.Duration) (time.Duration, error) {
	reply, err := w.parts.call(doing, "the watchdog", channel.Frame{Op: channel.BoardWatchdog, A: request, B: int64(d)})
	return time.Duration(reply.B), err
}

// SetTimeout asks for a timeout.
func (w watchdog) SetTimeout(d time.Duration) (time.Duration, error) {
	return w.ask("set", channel.WatchdogTimeout, d)
}

// Feed keeps it from resetting the board.
func (w watchdog) Feed() error {
	_, err := w.ask("feed", channel.WatchdogFeed, 0)
	return err
}

// Disarm stops it.
func (w watchdog) Disarm() error {
	_, err := w.ask("disarm", channel.WatchdogDisarm, 0)
	return err
}

var (
	_ hw.Parts          = (*Parts)(nil)
	_ i2c.BusCloser     = (*bus)(nil)
	_ gpio.PinIO        = (*pin)(nil)
	_ hw.WatchdogDevice = watchdog{}
)
