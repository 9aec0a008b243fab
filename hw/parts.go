package hw

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
)

// Parts are what programs reach a board by. What a board lacks is an error of kind Absent. All of it may be used by several
// goroutines.
type Parts interface {
	// ReadFile reads a file of the kernel's, by its absolute path, below /sys, /proc or /dev. A path elsewhere is Invalid.
	ReadFile(path string) ([]byte, error)
	WriteFile(path string, data []byte) error
	// Glob returns the paths that fit a pattern, sorted; none is no error. A machine with a watchdog has /dev/watchdog0.
	Glob(pattern string) ([]string, error)
	// Property sends the firmware a message of its property interface, and gets the answer in its place. Of what the firmware does
	// not know it leaves the highest bit of the tag's third word at 0.
	Property(message []uint32) error
	// Bus opens an I²C bus by its number, "1" for that of the header.
	Bus(number string) (i2c.BusCloser, error)
	// Pin returns a pin by its name, "GPIO17".
	Pin(name string) (gpio.PinIO, error)
	// OpenWatchdog starts the watchdog. Only one has it at a time; for others it has Failed.
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

// KindOf returns the kind of an error: Failed if it does not say.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Failed
}
