package chaos

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A schedule's text has one fault a line; # starts a comment. A line says when the fault starts,
// how long it lasts, its kind, its target and its parameters; those left out have their defaults:
//
//	12.500s +3.000s net-loss link=pi-1>pi-2 rate=200000ppm
//	20.000s +0.000s clock-step machine=pi-3 by=-5000ms
//	30.000s +5.000s pause machine=leader:0

// Parse reads a schedule. The name of the file is for the messages, which look like
// `schedule.txt:7: unknown fault kind "kil" (did you mean "kill"?)`.
func Parse(file, text string) (Schedule, error) {
	s := Schedule{} // one without faults is a schedule too
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		f, err := ParseFault(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		s = append(s, f)
	}
	s.Sort()
	seen := map[string]bool{} // with other lengths they may not be neighbours
	for i := range s {
		name := s[i].Name()
		if seen[name] {
			return nil, fmt.Errorf("%s: %s stands twice", file, name)
		}
		seen[name] = true
	}
	return s, nil
}

// ParseFault reads one line of a schedule.
func ParseFault(line string) (Fault, error) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return Fault{}, fmt.Errorf("a fault needs a start, a duration, a kind and a target, "+
			"like `12.500s +3.000s kill machine=pi-1`; got %q", strings.TrimSpace(line))
	}
	var f Fault
	var err error
	if f.At, err = parseSeconds(fields[0], "start"); err != nil {
		return Fault{}, err
	}
	length, hasPlus := strings.CutPrefix(fields[1], "+")
	if !hasPlus {
		return Fault{}, fmt.Errorf("the duration %q must start with +", fields[1])
	}
	if f.For, err = parseSeconds(length, "duration"); err != nil {
		return Fault{}, err
	}
	if f.At > math.MaxInt64-f.For {
		return Fault{}, fmt.Errorf("the fault ends too late")
	}
	f.Kind = Kind(fields[2])
	spec, ok := Lookup(f.Kind)
	if !ok {
		return Fault{}, unknownKind(f.Kind)
	}
	if f.Target, err = parseTarget(spec, fields[3]); err != nil {
		return Fault{}, err
	}
	if f.Params, err = parseParams(spec, fields[4:]); err != nil {
		return Fault{}, err
	}
	return f, f.Validate()
}

// Validate says in one sentence what is wrong with a fault that was put together in a program.
func (f *Fault) Validate() error {
	spec, ok := Lookup(f.Kind)
	switch {
	case !ok:
		return unknownKind(f.Kind)
	case f.At < 0 || f.For < 0:
		return fmt.Errorf("%s: a start or duration is negative", f.Kind)
	case spec.Instant() && f.For != 0:
		return fmt.Errorf("%s happens at an instant: its duration must be +0.000s", f.Kind)
	case !spec.Instant() && f.For == 0:
		return fmt.Errorf("%s needs a duration", f.Kind)
	case f.Target.Type != spec.Target:
		return fmt.Errorf("%s wants a target of the form %s=..., got %q", f.Kind, spec.Target,
			f.Target)
	case len(f.Params) != len(spec.Params):
		return fmt.Errorf("%s wants %d parameters, got %d", f.Kind, len(spec.Params), len(f.Params))
	}
	for i, p := range f.Params {
		ps := &spec.Params[i]
		if p.Name != ps.Name {
			return fmt.Errorf("%s wants the parameter %q in this place, got %q", f.Kind, ps.Name,
				p.Name)
		}
		if p.Value < ps.Min || p.Value > ps.Max {
			return fmt.Errorf("%s: %s=%d%s is out of range (%d to %d)", f.Kind, p.Name, p.Value,
				ps.Unit, ps.Min, ps.Max)
		}
	}
	if f.Kind == LinkFlap && f.Param("down") >= f.Param("every") {
		return fmt.Errorf("%s: with down=%dms every=%dms the wire is never up", f.Kind, f.Param("down"), f.Param("every"))
	}
	return f.Target.validate(f.Kind)
}

func unknownKind(k Kind) error {
	return fmt.Errorf("unknown fault kind %q%s", k, DidYouMean(string(k), Kinds()))
}

var secondsForm = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,9}))?s$`)

func parseSeconds(text, what string) (time.Duration, error) {
	m := secondsForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("the %s %q is not a time in seconds like 12.500s", what, text)
	}
	whole, _ := strconv.ParseInt(m[1], 10, 64)
	part, _ := strconv.ParseInt((m[2] + "000000000")[:9], 10, 64)
	return time.Duration(whole)*time.Second + time.Duration(part), nil
}

func parseTarget(spec *Spec, text string) (Target, error) {
	key, names, ok := strings.Cut(text, "=")
	if !ok || TargetType(key) != spec.Target {
		return Target{}, fmt.Errorf("%s wants a target of the form %s=..., got %q", spec.Kind,
			spec.Target, text)
	}
	t := Target{Type: spec.Target}
	separator := map[TargetType]string{OnLink: ">", OnSides: "|"}[t.Type]
	if separator == "" {
		t.A = strings.Split(names, ",")
		return t, nil
	}
	a, b, ok := strings.Cut(names, separator)
	if !ok {
		return Target{}, fmt.Errorf("%s wants two sides with %q between them, got %q", spec.Kind,
			separator, text)
	}
	t.A, t.B = strings.Split(a, ","), strings.Split(b, ",")
	return t, nil
}

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// ValidName says whether a machine or a switch may have this name.
func ValidName(name string) bool { return nameForm.MatchString(name) }

func (t Target) validate(kind Kind) error {
	two := t.Type == OnLink || t.Type == OnSides
	switch {
	case len(t.A) == 0 || two && len(t.B) == 0 || !two && len(t.B) != 0:
		return fmt.Errorf("%s: the target %q is not complete", kind, t)
	case (t.Type == OnMachine || t.Type == OnSwitch) && len(t.A) != 1:
		return fmt.Errorf("%s wants one %s, got %q", kind, t.Type, t)
	case (kind == DiskSwap || kind == DiskClone) && len(t.A) != 2:
		return fmt.Errorf("%s wants two machines, got %q", kind, t)
	}
	all := slices.Concat(t.A, t.B)
	for i, name := range all {
		alone := i == 0 && len(t.A) == 1 || i == len(t.A) && len(t.B) == 1
		wild := name == "*" && t.Type == OnLink && alone
		_, part, err := ParsePart(name)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if !(wild || ValidName(name) || part && t.Type != OnSwitch) {
			return fmt.Errorf("%s: %q in %q is not a name", kind, name, t)
		}
		if !wild && slices.Contains(all[:i], name) {
			return fmt.Errorf("%s: %s stands twice in %q", kind, name, t)
		}
	}
	return nil
}

func parseParams(spec *Spec, fields []string) ([]Param, error) {
	var params []Param
	var names []string
	for _, ps := range spec.Params {
		params = append(params, Param{ps.Name, ps.Default})
		names = append(names, ps.Name)
	}
	seen := make([]bool, len(params))
	for _, field := range fields {
		name, text, ok := strings.Cut(field, "=")
		i := slices.Index(names, name)
		if !ok || i < 0 {
			return nil, fmt.Errorf("%s has no parameter %q%s", spec.Kind, name,
				DidYouMean(name, names))
		}
		if seen[i] {
			return nil, fmt.Errorf("%s: %s stands twice", spec.Kind, name)
		}
		seen[i] = true
		value, err := spec.Params[i].read(spec.Kind, text)
		if err != nil {
			return nil, err
		}
		params[i].Value = value
	}
	return params, nil
}
