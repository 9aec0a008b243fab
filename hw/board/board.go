// Package board puts a hw.Board together from the parts of a machine: it knows the boards, has a driver for each part, and
// says of each quantity by which of several ways it is read.
//
// Invariants: what a board can do is settled when it is opened; a way that fails gives way to the next one, and if none is left the
// quantity is unknown with all reasons; nobody says that the supply is well who could not ask; an output has the level that it was told last,
// and is never read.
package board

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"

	"picloud/hw"
	"picloud/hw/firmware"
	"picloud/hw/ina"
	"picloud/hw/kernel"
	"picloud/node/mutant"
)

// Open opens the board that the parts are of: a Raspberry Pi 3B, 3B+, 4B or 5. Another one is an error that says what it is. What the
// configuration names must be there. The board closes the parts.
func Open(parts hw.Parts, config hw.Config) (hw.Board, error) {
	files := kernel.Locate(parts)
	says, _, _, err := files.Identity()
	if err != nil && hw.KindOf(err) != hw.Absent {
		return nil, err
	}
	m, is := modelOf(says)
	if !is {
		return nil, unknown(says)
	}
	return open(parts, files, m, config)
}

// Any opens any machine, and has of it what Linux shows. It only looks: nobody's computer is turned off, nor slowed down, as
// a board would be. The board closes the parts.
func Any(parts hw.Parts) (hw.Board, error) {
	return open(parts, kernel.Locate(parts), model{looked: true}, hw.Config{})
}

// board is a board of any model.
type board struct {
	parts    hw.Parts
	model    model
	files    *kernel.Files
	firmware *firmware.Firmware
	mailbox  error // why there is no firmware to be asked; one that fails is there, and what it would say is missed
	info     hw.Info

	reads  sync.Mutex // one at a time: meters have several registers
	buses  map[string]i2c.BusCloser
	meters []meter

	drives sync.Mutex // guards what outputs were told
	relays map[string]*output
	fan    *output // nil if the kernel's fan is the fan
}

// meter is a channel of a chip that measures a machine.
type meter struct {
	hw.Meter
	chip *ina.Meter
}

// output is a pin that is driven.
type output struct {
	pin  gpio.PinIO
	high gpio.Level // as it was told
}

func (o *output) set(l gpio.Level) error {
	if err := o.pin.Out(l); err != nil {
		return &hw.Error{Kind: hw.Failed, Doing: "set", What: o.pin.Name(), Err: err}
	}
	if mutant.Planted == mutant.ReadBack && o.pin.Read() != l {
		return &hw.Error{Kind: hw.Failed, Doing: "set", What: o.pin.Name(), Err: errors.New("it is not as it was set")}
	}
	o.high = l
	return nil
}

func open(parts hw.Parts, files *kernel.Files, m model, config hw.Config) (*board, error) {
	if err := config.Validate(); err != nil {
		return nil, &hw.Error{Kind: hw.Invalid, Doing: "open", What: "the board", Err: err}
	}
	b := &board{parts: parts, model: m, files: files, firmware: firmware.New(parts), buses: map[string]i2c.BusCloser{}, relays: map[string]*output{}}
	if _, err := b.firmware.Throttled(false); err != nil && hw.KindOf(err) == hw.Absent {
		b.mailbox = err
	}
	if err := b.wire(config); err != nil {
		return nil, errors.Join(err, b.closeBuses())
	}
	b.describe()
	return b, nil
}

// wire opens what was wired to the board. Relays are closed and the fan stands still from here on, whatever an earlier process left.
func (b *board) wire(config hw.Config) error {
	take := func(at, name string) (*output, error) {
		pin, err := b.parts.Pin(name)
		if err != nil {
			return nil, fmt.Errorf("board: %s: %w", at, err)
		}
		o := &output{pin: pin}
		if err := o.set(gpio.Low); err != nil {
			return nil, fmt.Errorf("board: %s: %w", at, err)
		}
		return o, nil
	}
	for i, r := range slices.Concat(config.Relays, config.BackupRelays) {
		at := fmt.Sprintf("relays[%d].pin", i)
		if i >= len(config.Relays) {
			at = fmt.Sprintf("backup-relays[%d].pin", i-len(config.Relays))
		}
		o, err := take(at, r.Pin)
		if err != nil {
			return err
		}
		b.relays[r.Feeds] = o
	}
	if config.FanPin != "" {
		o, err := take("fan-pin", config.FanPin)
		if err != nil {
			return err
		}
		b.fan = o
	}
	return b.wireMeters(config.Meters)
}

func (b *board) wireMeters(meters []hw.Meter) error {
	chips := map[string]*ina.Meter{} // an INA3221 measures several machines
	for i, m := range meters {
		at := fmt.Sprintf("meters[%d]", i)
		bus, is := b.buses[m.Bus]
		if !is {
			var err error
			if bus, err = b.parts.Bus(m.Bus); err != nil {
				return fmt.Errorf("board: %s.bus: %w", at, err)
			}
			b.buses[m.Bus] = bus
		}
		place := fmt.Sprintf("%s/%d", m.Bus, m.Address)
		if chips[place] == nil {
			chip, err := ina.New(bus, ina.Chip(m.Chip), m.Address)
			if err != nil {
				return fmt.Errorf("board: %s: %w", at, err)
			}
			chips[place] = chip
		}
		b.meters = append(b.meters, meter{m, chips[place]})
	}
	return nil
}

// describe says what the board is and what it can do.
func (b *board) describe() {
	says, revision, serial, _ := b.files.Identity() // a PC has none
	if says == "" {
		says = "a machine that is no Raspberry Pi"
	}
	b.info = hw.Info{Model: says, Revision: revision, Serial: serial, SoftLimit: b.model.soft, HardLimit: b.model.hard,
		Relays: slices.Sorted(maps.Keys(b.relays)), Has: map[hw.Capability]error{}}
	cores, err := b.files.Cores()
	if err != nil {
		cores = 1
	}
	b.info.Cores = cores
	if highest, err := b.files.MaxClock(); err == nil {
		b.info.MaxClock = highest
	}
	for _, c := range hw.Capabilities() {
		b.info.Has[c] = b.lacks(c)
	}
}

// lacks says why the board cannot do something, nil if it can.
func (b *board) lacks(c hw.Capability) error {
	own := func() error {
		if b.meterOf("") == nil {
			return lack(c, errors.New("no meter of the board's own supply is configured"))
		}
		return nil
	}
	if b.model.looked && drives(c) {
		return lack(c, ErrOnlyLooked)
	}
	switch c {
	case hw.ReadClock:
		return b.mailbox
	case hw.ReadTemperature, hw.ReadThrottling, hw.ReadUnderVoltage:
		if b.mailbox == nil {
			return nil
		}
	case hw.ReadVoltage:
		if b.model.rails && b.mailbox == nil {
			return nil
		}
		return own()
	case hw.ReadCurrent:
		return own()
	case hw.ReadFan:
		if b.fan != nil {
			return fanUncounted(b.fan.pin.Name())
		}
	case hw.DriveFan:
		if b.fan != nil {
			return nil
		}
	case hw.DriveRelays:
		if len(b.relays) == 0 {
			return lack(c, errors.New("none is configured"))
		}
		return nil
	case hw.DriveCores:
		if b.info.Cores < 2 {
			return lack(c, errors.New("there is but one core"))
		}
	case hw.DriveHalt:
		return nil
	}
	if err := b.files.Lacks(c); err != nil {
		return either(err, b.mailboxFor(c))
	}
	return nil
}

// drives tells whether a capability is to do something to the board.
func drives(c hw.Capability) bool {
	switch c {
	case hw.DriveFan, hw.DriveRelays, hw.DriveClock, hw.DriveCores, hw.DriveWatchdog, hw.DriveHalt:
		return true
	}
	return false
}

// mailboxFor returns why the firmware does not say what it would if it could be asked.
func (b *board) mailboxFor(c hw.Capability) error {
	switch c {
	case hw.ReadTemperature, hw.ReadThrottling, hw.ReadUnderVoltage:
		return b.mailbox
	}
	return nil
}

func lack(c hw.Capability, err error) error {
	return &hw.Error{Kind: hw.Absent, Doing: "use", What: string(c), Err: err}
}

// either is the error when two ways fail, in one line. It is of the kind of the first.
func either(first, second error) error {
	if second == nil {
		return first
	}
	return fmt.Errorf("%w; and %w", first, second)
}

func (b *board) meterOf(machine string) *meter {
	for i := range b.meters {
		if b.meters[i].Of == machine {
			return &b.meters[i]
		}
	}
	return nil
}

// Info says what the board is. The caller may keep it and may not change it.
func (b *board) Info() hw.Info { return b.info }

// Close lets go of the board. Outputs stay as they are for as long as the kernel keeps them, which on most is not longer.
func (b *board) Close() error { return errors.Join(b.closeBuses(), b.parts.Close()) }

func (b *board) closeBuses() error {
	var err error
	for _, number := range slices.Sorted(maps.Keys(b.buses)) {
		err = errors.Join(err, b.buses[number].Close())
	}
	return err
}

var _ hw.Board = (*board)(nil)
