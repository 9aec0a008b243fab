package hw

import (
	"errors"
	"strings"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Value is a quantity that was read, or why it is not known. The zero Value is one that nobody has read.
type Value[T any] struct {
	value T
	err   error
	known bool
}

// Known returns a value that was read.
func Known[T any](v T) Value[T] { return Value[T]{value: v, known: true} }

// Unknown returns a value that could not be read, and why.
func Unknown[T any](why error) Value[T] { return Value[T]{err: why} }

// Read returns what was read, or why it could not be.
func Read[T any](v T, err error) Value[T] {
	if err != nil {
		return Unknown[T](err)
	}
	return Known(v)
}

// Get returns the value, or why it is not known.
func (v Value[T]) Get() (T, error) {
	if !v.known && v.err == nil {
		return v.value, ErrUnread
	}
	return v.value, v.err
}

// Known tells whether it is.
func (v Value[T]) Known() bool { return v.known }

// ErrUnread is why a value is not known that nobody has read.
var ErrUnread = errors.New("hw: nobody has read it")

// Reading is what a board shows at one time.
type Reading struct {
	Temperature Value[physic.Temperature] // of the processor
	Clock       Value[physic.Frequency]   // of the cores, measured
	// Throttling is what the firmware says about now.
	Throttling Value[Throttling]
	// UnderVoltage is whether the supply has sagged since the last reading, by whichever way there is.
	UnderVoltage Value[bool]
	Supply       Power // its own
	Fan          Fan
	Card         Card
	Link         Link
	Pressure     Pressure
	Neighbours   map[string]Power // of the machines whose supply it measures
	Boot         Value[string]    // names the run of the kernel: each start gives another name
}

// Throttling is what the firmware does to a board, in the bits of its get_throttled (documentation of Raspberry Pi, vcgencmd).
type Throttling uint32

// The bits that are about now. The same sixteen bits higher say that it has happened, until somebody clears them: the kernel does,
// every two seconds, so they are no count of anything.
const (
	UnderVoltageNow Throttling = 1 << iota // less than 4.63 V, give or take 5 %
	CappedNow                              // the clock is held down
	ThrottledNow                           // for heat or under-voltage
	SoftLimitNow                           // of a 3B+ above 60 °C
)

// HasBeen says that a bit was set at some time.
func (t Throttling) HasBeen(bit Throttling) bool { return t&(bit<<16) != 0 }

// String says what happens now.
func (t Throttling) String() string {
	var words []string
	for _, b := range []struct {
		bit  Throttling
		word string
	}{{UnderVoltageNow, "under-voltage"}, {CappedNow, "capped"}, {ThrottledNow, "throttled"}, {SoftLimitNow, "soft-limit"}} {
		if t&b.bit != 0 {
			words = append(words, b.word)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ",")
}

// Power is what a supply gives a machine.
type Power struct {
	Voltage Value[physic.ElectricPotential]
	Current Value[physic.ElectricCurrent]
}

// Fan is a fan.
type Fan struct {
	Duty Value[Duty] // as it was last set, by whomever
	RPM  Value[int]  // turns a minute
}

// Card is the disk that the machine started from.
type Card struct {
	Name     Value[string] // maker and product, as it says them itself
	Serial   Value[string]
	ReadOnly Value[bool]
	Errors   Value[int64] // of the file system on it; rises
	Written  Value[int64] // bytes in the file system's life; rises
}

// Link is the machine's wire.
type Link struct {
	Up      Value[bool]
	Changes Value[int64] // between up and down; rises
	Speed   Value[int64] // bits a second
	Errors  Value[int64] // of frames that came; rises
}

// Pressure is for how long programs have waited, as the kernel counts it (/proc/pressure, "some"); both rise.
type Pressure struct {
	CPU Value[time.Duration]
	IO  Value[time.Duration]
}
