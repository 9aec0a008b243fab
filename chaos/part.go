package chaos

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// In place of a machine's name, a target may say which part a machine has in a group of the store when the fault is due:
// `machine=leader:2` is whoever leads group 2 then, `machine=follower:2` the first of its other members.

// Part is a part that a machine has in a group.
type Part struct {
	Name  string // Leader or Follower
	Group int
}

// The parts.
const (
	Leader   = "leader"
	Follower = "follower"
)

// parts returns what the parts are called.
func parts() []string { return []string{Leader, Follower} }

// String returns the part as it stands in a schedule.
func (p Part) String() string { return p.Name + ":" + strconv.Itoa(p.Group) }

var partForm = regexp.MustCompile(`^([a-z]+):(0|[1-9][0-9]{0,3})$`)

// ParsePart reads a part, and tells a text that has its form from a machine's name.
func ParsePart(text string) (p Part, is bool, err error) {
	var m []string
	if strings.Contains(text, ":") {
		m = partForm.FindStringSubmatch(text)
	}
	if m == nil {
		return Part{}, false, nil
	}
	if !slices.Contains(parts(), m[1]) {
		return Part{}, true, fmt.Errorf("no machine has the part %q in a group%s", m[1], DidYouMean(m[1], parts()))
	}
	group, err := strconv.Atoi(m[2])
	return Part{m[1], group}, true, err
}

// isPart says whether a name in a target stands for a part.
func isPart(name string) bool {
	_, is, err := ParsePart(name)
	return is && err == nil
}

// ByPart says whether the target names a part, so that nobody knows before which machine it is.
func (t Target) ByPart() bool {
	return slices.ContainsFunc(t.A, isPart) || slices.ContainsFunc(t.B, isPart)
}

// Aimed returns the fault with machines in place of parts, as who says who has them. It is not ok if nobody has one of them, or if
// one machine would stand twice in the target.
func (f Fault) Aimed(who func(Part) (machine string, known bool)) (aimed Fault, ok bool) {
	names := func(side []string) []string {
		side = slices.Clone(side)
		for i, name := range side {
			p, is, err := ParsePart(name)
			if !is || err != nil {
				continue
			}
			if name, known := who(p); known {
				side[i] = name
			}
		}
		return side
	}
	f.Target.A, f.Target.B = names(f.Target.A), names(f.Target.B)
	return f, !f.Target.ByPart() && f.Target.validate(f.Kind) == nil
}
