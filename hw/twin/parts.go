package twin

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"

	"picloud/hw"
)

// parts is what the programs of a board reach it by.
type parts struct{ p *Pi }

// Parts returns what programs reach the board by. They see it as far as Advance has come, and what they do to it counts from there.
func (p *Pi) Parts() hw.Parts { return parts{p} }

func failure(kind hw.Kind, doing, what, format string, args ...any) error {
	return &hw.Error{Kind: kind, Doing: doing, What: what, Err: fmt.Errorf(format, args...)}
}

var errNotRunning = errors.New("the board does not run")

// alive says that no program can be at work.
func (p *Pi) alive(doing, what string) error {
	if p.state != running {
		return &hw.Error{Kind: hw.Failed, Doing: doing, What: what, Err: errNotRunning}
	}
	return nil
}

// find returns a file by its path.
func (p *Pi) find(doing, name string) (file, error) {
	below := func(top string) bool { return strings.HasPrefix(name, top) }
	if path.Clean(name) != name || !slices.ContainsFunc([]string{"/sys/", "/proc/", "/dev/"}, below) {
		return file{}, failure(hw.Invalid, doing, name, "it is no path below /sys, /proc or /dev")
	}
	f, is := p.tree.file(name)
	if !is {
		return file{}, failure(hw.Absent, doing, name, "there is no such file")
	}
	return f, nil
}

// ReadFile reads a file.
func (a parts) ReadFile(path string) ([]byte, error) {
	if err := a.p.alive("read", path); err != nil {
		return nil, err
	}
	f, err := a.p.find("read", path)
	if err != nil {
		return nil, err
	}
	if f.read == nil {
		return nil, failure(hw.Failed, "read", path, "it can only be written")
	}
	return []byte(f.read()), nil
}

// WriteFile writes a file.
func (a parts) WriteFile(path string, data []byte) error {
	if err := a.p.alive("write", path); err != nil {
		return err
	}
	f, err := a.p.find("write", path)
	if err != nil {
		return err
	}
	if f.write == nil {
		return failure(hw.Failed, "write", path, "it can only be read")
	}
	if err := f.write(string(data)); err != nil {
		return &hw.Error{Kind: hw.Invalid, Doing: "write", What: path, Err: err}
	}
	return nil
}

// Glob returns the files and folders whose paths fit a pattern.
func (a parts) Glob(pattern string) ([]string, error) {
	if err := a.p.alive("list", pattern); err != nil {
		return nil, err
	}
	found, err := a.p.tree.glob(pattern)
	if err != nil {
		return nil, &hw.Error{Kind: hw.Invalid, Doing: "list", What: pattern, Err: err}
	}
	return found, nil
}

// Property answers a message to the firmware in its place.
func (a parts) Property(message []uint32) error {
	if err := a.p.alive("ask", "firmware"); err != nil {
		return err
	}
	return a.p.property(message)
}

// Bus opens the bus of the header.
func (a parts) Bus(number string) (i2c.BusCloser, error) {
	if err := a.p.alive("open", "i2c bus "+number); err != nil {
		return nil, err
	}
	if number != headerBus && !a.p.bus.has(number) {
		return nil, failure(hw.Absent, "open", "i2c bus "+number, "there is no such bus")
	}
	return openBus{a.p, number}, nil
}

// Pin returns a pin of the header.
func (a parts) Pin(name string) (gpio.PinIO, error) {
	if err := a.p.alive("open", name); err != nil {
		return nil, err
	}
	if n := a.p.pin(name); n != nil {
		return n, nil
	}
	return nil, failure(hw.Absent, "open", name, "there is no such pin")
}

// OpenWatchdog starts the watchdog.
func (a parts) OpenWatchdog() (hw.WatchdogDevice, error) {
	if err := a.p.alive("open", "watchdog"); err != nil {
		return nil, err
	}
	return a.p.openDog()
}

// Halt turns the board off, but for its power.
func (a parts) Halt() error {
	if err := a.p.alive("halt", a.p.config.Name); err != nil {
		return err
	}
	a.p.settle()
	a.p.stop(halted, Halted)
	return nil
}

// Close lets go of the pins. The watchdog runs on.
func (a parts) Close() error {
	if a.p.state == running {
		a.p.letGoOfPins()
	}
	return nil
}
