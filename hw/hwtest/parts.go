// Package hwtest helps to test what stands on hardware: machines in memory with all parts that the real ones have, and the
// contracts of hw.Board and hw.Parts.
//
// The machines are what Linux shows of real ones, in files, registers and pins; nothing in them moves by itself.
package hwtest

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// Parts are the parts of a machine in memory. Tests may change them at any time.
type Parts struct {
	mu       sync.Mutex
	files    map[string]string
	pins     map[string]*Pin
	buses    map[string]*Bus
	mailbox  *Mailbox
	watchdog *Watchdog
	halted   bool
}

// NewParts returns a machine with some files, and nothing else.
func NewParts(files map[string]string) *Parts {
	return &Parts{files: maps.Clone(files), pins: map[string]*Pin{}, buses: map[string]*Bus{}}
}

// Set puts a text into a file, which is made if there is none.
func (p *Parts) Set(file, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[file] = text
}

// Remove takes a file away, or all below a folder.
func (p *Parts) Remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.files, func(file, _ string) bool { return file == name || strings.HasPrefix(file, name+"/") })
}

// File returns what stands in a file, "" if there is none.
func (p *Parts) File(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.files[name]
}

// GPIO returns a pin, nil if there is none.
func (p *Parts) GPIO(name string) *Pin { return p.pins[name] }

// Firmware returns the mailbox, nil if there is none.
func (p *Parts) Firmware() *Mailbox { return p.mailbox }

// Dog returns the watchdog, nil if there is none.
func (p *Parts) Dog() *Watchdog { return p.watchdog }

// Halted tells whether the machine was turned off.
func (p *Parts) Halted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted
}

// Solder puts a chip on a bus, which is made where there is none.
func (p *Parts) Solder(bus string, address uint16, chip *Chip) {
	if p.buses[bus] == nil {
		p.buses[bus] = &Bus{number: bus, chips: map[uint16]*Chip{}}
	}
	p.buses[bus].chips[address] = chip
}

func absent(doing, what string) error {
	return &hw.Error{Kind: hw.Absent, Doing: doing, What: what, Err: errors.New("this machine has none")}
}

func (p *Parts) find(doing, file string) error {
	if path.Clean(file) != file || !slices.ContainsFunc([]string{"/sys/", "/proc/", "/dev/"}, func(top string) bool { return strings.HasPrefix(file, top) }) {
		return &hw.Error{Kind: hw.Invalid, Doing: doing, What: file, Err: errors.New("it is not below /sys, /proc or /dev")}
	}
	if _, is := p.files[file]; !is {
		return absent(doing, file)
	}
	return nil
}

// ReadFile reads a file.
func (p *Parts) ReadFile(file string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.find("read", file); err != nil {
		return nil, err
	}
	return []byte(p.files[file]), nil
}

// WriteFile writes a file that there is.
func (p *Parts) WriteFile(file string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.find("write", file); err != nil {
		return err
	}
	p.files[file] = string(data) + "\n"
	return nil
}

// Glob returns the files and folders that fit a pattern.
func (p *Parts) Glob(pattern string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]bool{}
	for file := range p.files {
		for name := file; name != "/"; name = path.Dir(name) {
			fits, err := path.Match(pattern, name)
			if err != nil {
				return nil, &hw.Error{Kind: hw.Invalid, Doing: "look for", What: pattern, Err: err}
			}
			if fits {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// Property asks the firmware.
func (p *Parts) Property(message []uint32) error {
	if p.mailbox == nil {
		return absent("ask", "the firmware")
	}
	return p.mailbox.property(message)
}

// Bus opens a bus.
func (p *Parts) Bus(number string) (i2c.BusCloser, error) {
	if b := p.buses[number]; b != nil {
		return b, nil
	}
	return nil, absent("open", "bus "+number)
}

// Pin returns a pin.
func (p *Parts) Pin(name string) (gpio.PinIO, error) {
	if pin := p.pins[name]; pin != nil {
		return pin, nil
	}
	return nil, absent("open", "pin "+name)
}

// OpenWatchdog starts the watchdog.
func (p *Parts) OpenWatchdog() (hw.WatchdogDevice, error) {
	if p.watchdog == nil {
		return nil, absent("open", "the watchdog")
	}
	if err := p.watchdog.open(); err != nil {
		return nil, err
	}
	return p.watchdog, nil
}

// Halt turns the machine off.
func (p *Parts) Halt() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted = true
	return nil
}

// Close lets go of the machine, which may be used again.
func (p *Parts) Close() error { return nil }

var _ hw.Parts = (*Parts)(nil)

// Bus is an I²C bus with chips on it.
type Bus struct {
	number string
	mu     sync.Mutex
	chips  map[uint16]*Chip
}

// String names the bus.
func (b *Bus) String() string { return "I2C" + b.number }

// Tx talks to a chip; without one nobody acknowledges the address.
func (b *Bus) Tx(address uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.chips[address]
	if c == nil {
		return fmt.Errorf("hwtest: no acknowledgement from 0x%x", address)
	}
	return c.tx(w, r)
}

// SetSpeed is refused, as on a Pi.
func (b *Bus) SetSpeed(physic.Frequency) error {
	return errors.New("hwtest: the speed of a bus is not set here")
}

// Close closes the bus.
func (b *Bus) Close() error { return nil }
