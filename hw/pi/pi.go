//go:build linux && (arm64 || amd64)

// Package pi has the parts of a real machine: the kernel's files, the firmware behind /dev/vcio, the watchdog at /dev/watchdog0, and
// pins and buses by periph. It is the only importer of periph's host drivers: of these gpioioctl and sysfs, as the umbrella package of all
// maps the registers of older boards into memory, which on a Pi 5 are somewhere else.
//
// Invariants: nothing is created where there is no file; devices are not opened by reading their files, as that alone would start
// a watchdog; an output says of itself what it was told, and its line is never read (periph.io/x/host, issue 77).
package pi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/host/v3/gpioioctl"
	"periph.io/x/host/v3/sysfs"

	"picloud/hw"
)

// Parts are the parts of the machine that the program runs on.
type Parts struct {
	root    string
	halt    []string
	drivers bool // whether periph's were looked for

	mu      sync.Mutex
	pins    map[string]*outpin
	mailbox *os.File
}

// Open returns the parts of this machine. A driver that finds nothing is no error: what it is for is absent.
func Open(c Config) (hw.Parts, error) {
	p := &Parts{root: c.Root, halt: c.Halt, pins: map[string]*outpin{}}
	if len(p.halt) == 0 {
		p.halt = []string{"systemctl", "poweroff"}
	}
	if p.root != "" {
		return p, nil // periph knows the real one only
	}
	p.root, p.drivers = "/", true
	if _, err := driverreg.Init(); err != nil {
		return nil, failed("open", "periph's drivers", err)
	}
	return p, nil
}

func failed(doing, what string, err error) error {
	kind := hw.Failed
	for _, absent := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ENODEV, syscall.ENXIO} {
		if errors.Is(err, absent) {
			kind = hw.Absent
		}
	}
	return &hw.Error{Kind: kind, Doing: doing, What: what, Err: err}
}

// file returns where a file of the kernel's is, if it is one.
func (p *Parts) file(doing, name string) (string, error) {
	below := func(top string) bool { return strings.HasPrefix(name, top) }
	if path.Clean(name) != name || !slices.ContainsFunc([]string{"/sys/", "/proc/", "/dev/"}, below) {
		return "", &hw.Error{Kind: hw.Invalid, Doing: doing, What: name, Err: errors.New("it is not below /sys, /proc or /dev")}
	}
	at := filepath.Join(p.root, name)
	info, err := os.Stat(at)
	if err != nil {
		return "", failed(doing, name, err)
	}
	if !info.Mode().IsRegular() {
		return "", &hw.Error{Kind: hw.Invalid, Doing: doing, What: name, Err: errors.New("it is no plain file")}
	}
	return at, nil
}

// ReadFile reads a file of the kernel's.
func (p *Parts) ReadFile(name string) ([]byte, error) {
	at, err := p.file("read", name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, failed("read", name, err)
	}
	return text, nil
}

// WriteFile writes a file of the kernel's.
func (p *Parts) WriteFile(name string, data []byte) error {
	at, err := p.file("write", name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return failed("write", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return failed("write", name, err)
	}
	return nil
}

// Glob returns the paths that fit a pattern.
func (p *Parts) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, &hw.Error{Kind: hw.Invalid, Doing: "look for", What: pattern, Err: err}
	}
	found, err := fs.Glob(os.DirFS(p.root), strings.TrimPrefix(pattern, "/"))
	if err != nil {
		return nil, failed("look for", pattern, err)
	}
	for i := range found {
		found[i] = "/" + found[i]
	}
	slices.Sort(found)
	return found, nil
}

// Bus opens an I²C bus.
func (p *Parts) Bus(number string) (i2c.BusCloser, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return nil, &hw.Error{Kind: hw.Invalid, Doing: "open", What: "I²C bus " + number, Err: errors.New("it is no number")}
	}
	if _, err := os.Stat(filepath.Join(p.root, "dev/i2c-"+number)); err != nil || !p.drivers {
		return nil, &hw.Error{Kind: hw.Absent, Doing: "open", What: "I²C bus " + number, Err: fmt.Errorf("there is no /dev/i2c-%s (dtparam=i2c_arm=on in config.txt gives bus 1)", number)}
	}
	bus, err := sysfs.NewI2C(n)
	if err != nil {
		return nil, failed("open", "I²C bus "+number, err)
	}
	return bus, nil
}

// Pin returns a pin. Those of the header have the same names on all boards, as the device tree names the lines of their chips.
func (p *Parts) Pin(name string) (gpio.PinIO, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.pins[name]; known != nil {
		return known, nil
	}
	if p.drivers {
		for _, chip := range gpioioctl.Chips { // the processor's own come first
			if line := chip.ByName(name); line != nil {
				p.pins[name] = &outpin{line: line}
				return p.pins[name], nil
			}
		}
	}
	return nil, &hw.Error{Kind: hw.Absent, Doing: "open", What: "pin " + name, Err: errors.New("no chip of /dev/gpiochip* has a line of that name")}
}

// Halt turns the machine off as its system does it.
func (p *Parts) Halt() error {
	if text, err := exec.Command(p.halt[0], p.halt[1:]...).CombinedOutput(); err != nil {
		return failed("halt", "the machine", fmt.Errorf("%s: %w: %s", strings.Join(p.halt, " "), err, strings.TrimSpace(string(text))))
	}
	return nil
}

// Close gives the pins back, so that relays go to rest, and closes the mailbox.
func (p *Parts) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pin := range p.pins {
		pin.line.Close()
	}
	clear(p.pins)
	if p.mailbox == nil {
		return nil
	}
	defer func() { p.mailbox = nil }()
	return p.mailbox.Close()
}

var _ hw.Parts = (*Parts)(nil)
