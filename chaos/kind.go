// Package chaos says which faults there are and when they happen: the catalogue of fault kinds,
// schedules (lists of timed faults that print to text and parse back to the same value), and the
// generator that makes a schedule from a seed.
//
// A schedule is data. The package injects nothing and knows no simulator: the simulated world
// and the monkey of live clusters play the same schedules.
//
// Invariants: every fault in a schedule that was parsed or generated has a known kind, a target
// of the type that its kind wants, and all parameters of its kind, in the order of the catalogue
// and within their ranges. One value has one text: Parse(s.String()) gives s.
package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind names a fault in the words of the catalogue.
type Kind string

// Class groups the kinds by what they damage.
type Class string

// The classes.
const (
	ClassProcess Class = "process"
	ClassClock   Class = "clock"
	ClassNetwork Class = "network"
	ClassDisk    Class = "disk"
	// ClassHardware needs modelled boards.
	ClassHardware Class = "hardware"
)

// TargetType says what a kind is aimed at. Its value is the key in a schedule's text.
type TargetType string

// The types of targets, with their form in text.
const (
	OnMachine  TargetType = "machine"  // machine=pi-1
	OnMachines TargetType = "machines" // machines=pi-1,pi-2,pi-3: a set whose order may matter
	OnLink     TargetType = "link"     // link=pi-1>pi-2: one direction; lists and * on either side
	OnSides    TargetType = "sides"    // sides=pi-1,pi-2|pi-3: two sides, both directions
	OnSwitch   TargetType = "switch"   // switch=shelf-1
)

// Unit is what a parameter is measured in. Its value is the ending in a schedule's text.
type Unit string

// The units. All parameters are integers.
const (
	PPM            Unit = "ppm"     // parts per million
	Milliseconds   Unit = "ms"      //
	Bytes          Unit = "bytes"   //
	BytesPerSecond Unit = "bytes/s" //
	Times          Unit = "x"       // a factor
	Count          Unit = ""        // a plain number
	MilliCelsius   Unit = "mC"      // thousandths of a degree
	Milliohms      Unit = "mohm"    //
)

// ParamSpec describes one parameter of a kind.
type ParamSpec struct {
	Name     string
	Unit     Unit
	Words    []string // what its values are called, from 0 on; nil if they are numbers
	Min, Max int64    // what a schedule may say; a negative Min means the parameter has a sign
	Low, Top int64    // what the generator draws, without sign
	Default  int64    // what stands when the text does not say
	Meaning  string
}

// text returns a value as it stands in a schedule.
func (p *ParamSpec) text(value int64) string {
	if 0 <= value && value < int64(len(p.Words)) {
		return p.Words[value]
	}
	return strconv.FormatInt(value, 10) + string(p.Unit)
}

// read reads a value as it stands in a schedule.
func (p *ParamSpec) read(kind Kind, text string) (int64, error) {
	if p.Words != nil {
		i := slices.Index(p.Words, text)
		if i < 0 {
			return 0, fmt.Errorf("%s knows no %s %q%s: there are %s", kind, p.Name, text, DidYouMean(text, p.Words), strings.Join(p.Words, ", "))
		}
		return int64(i), nil
	}
	digits, ok := strings.CutSuffix(text, string(p.Unit))
	value, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s wants %s as a whole number like %s=%d%s, got %q", kind, p.Name, p.Name, p.Default, p.Unit, p.Name+"="+text)
	}
	return value, nil
}

// Harm says what a fault can do to what its machine has stored.
type Harm uint8

// The harms, by what a store needs in order to survive them.
const (
	HarmNone Harm = iota
	// HarmSeen damages data so that a checksum or an error shows it: a good copy elsewhere mends
	// it.
	HarmSeen
	// HarmSilent takes back what was acknowledged as synced, and a crash then looks like a clean
	// one: no store that counts copies can tell, so the machine must not crash afterwards.
	HarmSilent
)

// Spec is an entry of the catalogue.
type Spec struct {
	Kind    Kind
	Class   Class
	Meaning string // one sentence
	Target  TargetType
	Params  []ParamSpec

	// MinFor and MaxFor bound the durations that the generator draws. Both are zero for a fault
	// that happens at an instant; such a fault has no end to heal.
	MinFor, MaxFor time.Duration

	Needs       Gear   // what a machine that it hits, or one of the switch that it hits, must have
	Out         bool   // while it lasts, what it is aimed at cannot be counted on for a quorum
	Restarts    bool   // the process ends and is started again when the fault heals
	Harm        Harm   // what it may do to stored data
	Condemns    bool   // a node that looks after its board takes the card for dying, and does not use it again until somebody forgives it
	AllowsDeath bool   // a process on a target may end by itself, with a panic or an exit
	Survivable  string // what a generator keeps, so that a correct system gets through

	// Sets is what the fault sets and its end sets back, nothing if faults of the kind stack: of two that set one thing of one target at a time the end
	// of the one undoes the other.
	Sets string

	// Beyond says that no number of copies makes up for it for certain: it is drawn only where a scenario lists it by name,
	// because there loss may happen and must be detected.
	Beyond bool
}

// Instant says that the fault has no duration.
func (s *Spec) Instant() bool { return s.MaxFor == 0 }

// Catalogue returns every kind of fault there is, in a fixed order. The caller may change it.
func Catalogue() []Spec { return slices.Clone(catalogue) }

// Lookup returns the entry of a kind, and whether there is one.
func Lookup(k Kind) (*Spec, bool) {
	for i := range catalogue {
		if catalogue[i].Kind == k {
			return &catalogue[i], true
		}
	}
	return nil, false
}

// Kinds returns the names of all kinds in the order of the catalogue.
func Kinds() []string {
	names := make([]string, len(catalogue))
	for i := range catalogue {
		names[i] = string(catalogue[i].Kind)
	}
	return names
}
