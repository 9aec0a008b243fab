package hw

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
)

// Parts are what programs reach a board by. What a board lacks is an error of kind Absent. All of it may be used by several
// goroutines.
type Parts interface {
	// ReadFile reads a file of the kernel's, by its absolute path, below /sys, /proc or /dev.
	ReadFile(path string) ([]byte, error)
	WriteFile(path string, data []byte) error
	// Glob returns the paths that fit a pattern, sorted; none is no error.
	Glob(pattern string) ([]string, error)
	// Property sends the firmware a message of its property interface, and gets the answer in its place.
	Property(message []uint32) error
	// Bus opens an I²C bus by its number, "1" for that of the header.
	Bus(number string) (i2c.BusCloser, error)
	// Pin returns a pin by its name, "GPIO17".
	Pin(name string) (gpio.PinIO, error)
	// OpenWatchdog starts the watchdog.
	OpenWatchdog() (WatchdogDevice, error)
	// Halt turns the machine off as its system does it.
	Halt() error
	Close() error
}

// WatchdogDevice is /dev/watchdog.
type WatchdogDevice interface {
	// SetTimeout asks for a timeout and returns the one that it has.
	SetTimeout(time.Duration) (time.Duration, error)
	Feed() error
	// Disarm stops it. Without that it resets the board some time after its program has ended.
	Disarm() error
}

// Kind is a kind of error that programs can decide by.
type Kind string

// The kinds.
const (
	Absent  Kind = "absent"  // the board has no such part
	Failed  Kind = "failed"  // it has, and it did not do what it was asked
	Invalid Kind = "invalid" // what was asked for makes no sense
)

// Error says what failed.
type Error struct {
	Kind  Kind
	Doing string // "read", "set"
	What  string // the part
	Err   error
}

// Error says it in a sentence.
func (e *Error) Error() string {
	return fmt.Sprintf("hw: %s %s: %v (%s)", e.Doing, e.What, e.Err, e.Kind)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Config says what was wired to a board, as no board can know it.
type Config struct {
	// FanPin is the pin of a fan that the kernel does not know; empty for the kernel's.
	FanPin string  `yaml:"fan-pin,omitempty"`
	Relays []Relay `yaml:"relays,omitempty"`
	Meters []Meter `yaml:"meters,omitempty"`
	// BackupRelays are those that another machine drives as long as it can.
	BackupRelays []Relay `yaml:"backup-relays,omitempty"`
}

// Relay is a relay that cuts a machine off while its pin is high (load on the contact that is closed at rest).
type Relay struct {
	Feeds string `yaml:"feeds"` // the machine
	Pin   string `yaml:"pin"`   // "GPIO17"
}

// Meter is a chip that measures what a machine draws.
type Meter struct {
	Of      string `yaml:"of,omitempty"`  // the machine; the board's own if it is left out
	Chip    string `yaml:"chip"`          // ina219, ina226 or ina3221
	Bus     string `yaml:"bus,omitempty"` // 1 if it is left out
	Address uint16 `yaml:"address"`
	Channel int    `yaml:"channel,omitempty"`         // of an ina3221: 1 to 3
	Shunt   int    `yaml:"shunt-milliohms,omitempty"` // 100 if it is left out
}
