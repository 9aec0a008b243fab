// Package hw is the hardware that a node runs on: what can be read of a board (heat, clock, power, fan, card, link)
// and what can be done to it (fan, relays, clock, watchdog).
//
// A Board is what the rest of a node sees. The drivers behind it (package board and those below it) reach the hardware by
// Parts: files, the firmware's mailbox, buses, pins, the watchdog. Package pi has those of a real Raspberry Pi, package twin
// those of a modelled one, so the same drivers run on both.
//
// Invariants: quantities are integers with units (periph's physic); what could not be read is unknown, with the
// reason, and unknown is never fine; the level of an output is remembered and never read back, as reading can turn the pin into an
// input (periph.io/x/host, issue 77); nothing here keeps state outside of what was opened.
package hw

import (
	"time"

	"periph.io/x/conn/v3/physic"
)

// Board is the hardware of a machine. It is for one process, whose goroutines may share it.
type Board interface {
	// Info says what the board is and what it can do.
	Info() Info
	// Read reads everything that there is to read. A part that fails is unknown in the reading, with the reason.
	Read() Reading

	// SetFan sets how fast the fan is to turn. A fan that can only be on or off turns from half on.
	SetFan(Duty) error
	// SetRelay closes the relay that feeds a machine with power, or opens it. Relays are closed at rest.
	SetRelay(feeds string, closed bool) error
	// LimitClock bounds the clock of the cores; zero takes the bound away.
	LimitClock(physic.Frequency) error
	// SetCore takes a core out of use, or takes it back. Core 0 always is in use.
	SetCore(core int, used bool) error
	// StartWatchdog starts the watchdog: unless it is fed in time, the board resets. It returns once it runs.
	StartWatchdog(time.Duration) (Watchdog, error)
	// Halt turns the board off, orderly. What is left of the node has no more than a few seconds.
	Halt() error

	Close() error
}

// Watchdog resets the board when it is not fed. It runs on when its process ends without a word: that is what it is for.
type Watchdog interface {
	// Timeout is for how long it waits, which may be less than what was asked for.
	Timeout() time.Duration
	Feed() error
	// Disarm stops it, at an orderly end.
	Disarm() error
}

// Duty is how fast a fan is to turn, in thousandths of its full speed.
type Duty int

// FullDuty is a fan's full speed.
const FullDuty Duty = 1000

// Info says what a board is.
type Info struct {
	Model    string // as the device tree has it, "Raspberry Pi 4 Model B Rev 1.4"
	Revision string // code of the board, hexadecimal; empty if there is none
	Serial   string
	Cores    int
	MaxClock physic.Frequency // 0 if it is not known
	// SoftLimit is where a board first lowers its clock for heat, HardLimit where it throttles all it can; 0 if there is none or it is not known.
	SoftLimit, HardLimit physic.Temperature

	Relays []string // the machines that it can cut off, sorted
	// Has says of each capability whether the board has it: nil, or why not.
	Has map[Capability]error
}

// Capability is something that boards have or lack.
type Capability string

// The capabilities: what can be read, and what can be done.
const (
	ReadTemperature  Capability = "temperature"
	ReadClock        Capability = "clock"         // as it is measured, not as the kernel wishes
	ReadThrottling   Capability = "throttling"    // and under-voltage as the firmware sees it
	ReadUnderVoltage Capability = "under-voltage" // by any way
	ReadVoltage      Capability = "voltage"       // of its supply
	ReadCurrent      Capability = "current"       // from its supply
	ReadFan          Capability = "fan-speed"
	ReadCard         Capability = "card"        // its identity, and whether it is read-only
	ReadCardErrors   Capability = "card-errors" // of the file system on it
	ReadLink         Capability = "link"
	ReadPressure     Capability = "pressure" // for how long programs wait for cores and disk
	DriveFan         Capability = "fan"
	DriveRelays      Capability = "relays"
	DriveClock       Capability = "clock-limit"
	DriveCores       Capability = "cores"
	DriveWatchdog    Capability = "watchdog"
	DriveHalt        Capability = "halt"
)

// Capabilities returns all capabilities, in a fixed order.
func Capabilities() []Capability {
	return []Capability{ReadTemperature, ReadClock, ReadThrottling, ReadUnderVoltage, ReadVoltage, ReadCurrent, ReadFan, ReadCard, ReadCardErrors,
		ReadLink, ReadPressure, DriveFan, DriveRelays, DriveClock, DriveCores, DriveWatchdog, DriveHalt}
}
