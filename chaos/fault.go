package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Target is what a fault is aimed at. Which fields are filled depends on the type.
type Target struct {
	Type TargetType
	// A holds the machine, the machines, the switch, the side that sends or the first side.
	A []string
	// B holds the side that receives or the second side; nil for the other types. On a link, "*"
	// alone stands for every machine that is not on the other side.
	B []string
}

// AtMachine returns a target of one machine.
func AtMachine(name string) Target { return Target{Type: OnMachine, A: []string{name}} }

// AtMachines returns a target of a set of machines in the given order.
func AtMachines(names ...string) Target { return Target{Type: OnMachines, A: names} }

// AtLink returns the target of what goes from one machine to another.
func AtLink(from, to string) Target {
	return Target{Type: OnLink, A: []string{from}, B: []string{to}}
}

// AtSwitch returns a target of one switch.
func AtSwitch(name string) Target { return Target{Type: OnSwitch, A: []string{name}} }

// Names returns the target without its type: "pi-1", "pi-1>pi-2", "pi-1,pi-2|pi-3".
func (t Target) Names() string {
	text := strings.Join(t.A, ",")
	switch t.Type {
	case OnLink:
		text += ">" + strings.Join(t.B, ",")
	case OnSides:
		text += "|" + strings.Join(t.B, ",")
	}
	return text
}

// String returns the target as it stands in a schedule: "link=pi-1>pi-2".
func (t Target) String() string { return string(t.Type) + "=" + t.Names() }

// Param is a parameter with its value, in the unit of its ParamSpec.
type Param struct {
	Name  string
	Value int64
}

// Fault is one fault at one time.
type Fault struct {
	At     time.Duration // since the run began
	For    time.Duration // until it is healed; zero for kinds that happen at an instant
	Kind   Kind
	Target Target
	Params []Param // all parameters of the kind, in the order of the catalogue
}

// End returns when the fault is healed.
func (f *Fault) End() time.Duration { return f.At + f.For }

// Param returns the value of a parameter. Asking for one that the kind does not have is a
// mistake in the program, and panics.
func (f *Fault) Param(name string) int64 {
	for _, p := range f.Params {
		if p.Name == name {
			return p.Value
		}
	}
	panic("chaos: " + string(f.Kind) + " has no parameter " + name)
}

// Word returns what the value of a parameter is called. Asking for one that has no words is a mistake in the program, and panics.
func (f *Fault) Word(name string) string {
	spec, _ := Lookup(f.Kind)
	for i := range spec.Params {
		if spec.Params[i].Name == name {
			return spec.Params[i].Words[f.Param(name)]
		}
	}
	panic("chaos: " + string(f.Kind) + " has no parameter " + name)
}

// Name tells the fault from the others of its schedule and stays the same when others are
// removed. It is the name of the random stream that belongs to the fault.
func (f *Fault) Name() string {
	return string(f.Kind) + " " + f.Target.String() + " @" + seconds(f.At)
}

// String returns the fault as a line of a schedule, without the padding.
func (f Fault) String() string { return f.line(0, 0) }

func (f *Fault) line(atWidth, forWidth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%*s %*s %s %s", atWidth, seconds(f.At), forWidth, "+"+seconds(f.For),
		f.Kind, f.Target)
	spec, known := Lookup(f.Kind)
	for i, p := range f.Params {
		of := &ParamSpec{}
		if known && i < len(spec.Params) {
			of = &spec.Params[i]
		}
		b.WriteString(" " + p.Name + "=" + of.text(p.Value))
	}
	return b.String()
}

// seconds prints a duration as seconds with three digits after the point, or as many more as it
// takes to lose nothing.
func seconds(d time.Duration) string {
	text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	for strings.HasSuffix(text, "0") && len(text)-strings.IndexByte(text, '.') > 4 {
		text = text[:len(text)-1]
	}
	return text + "s"
}

// Schedule is a list of faults in canonical order: by time, then by text.
type Schedule []Fault

// Sort puts the faults into canonical order.
func (s Schedule) Sort() { slices.SortFunc(s, compareFaults) }

func compareFaults(a, b Fault) int {
	if c := cmp.Compare(a.At, b.At); c != 0 {
		return c
	}
	return cmp.Compare(a.String(), b.String())
}

// String prints the schedule, one fault a line, in columns.
func (s Schedule) String() string {
	atWidth, forWidth := 0, 0
	for i := range s {
		atWidth = max(atWidth, len(seconds(s[i].At)))
		forWidth = max(forWidth, len(seconds(s[i].For))+1)
	}
	var b strings.Builder
	for i := range s {
		b.WriteString(s[i].line(atWidth, forWidth) + "\n")
	}
	return b.String()
}

// End returns when the last fault is healed.
func (s Schedule) End() time.Duration {
	var end time.Duration
	for i := range s {
		end = max(end, s[i].End())
	}
	return end
}
