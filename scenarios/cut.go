package scenarios

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/chaos"
)

// Amount is a number of a scenario that a smaller run has less of.
type Amount struct {
	Path  string // of its key in the file: "clients.count"
	Value int64  // a count; of durationKey nanoseconds
}

// durationKey is the key whose amount is a time.
const durationKey = "duration"

// IsTime tells a time from a count.
func (a Amount) IsTime() bool { return a.Path == durationKey }

// text returns the amount in the notation of the file.
func (a Amount) text() string {
	if a.IsTime() {
		return strconv.FormatFloat(time.Duration(a.Value).Seconds(), 'f', -1, 64) + "s"
	}
	return strconv.FormatInt(a.Value, 10)
}

// String returns the amount as it stands in a file, with its path.
func (a Amount) String() string { return a.Path + ": " + a.text() }

// Amounts returns the amounts that may be cut down: who asks for something, and then how long.
func (s *Scenario) Amounts() []Amount {
	var all []Amount
	add := func(path string, value int) {
		if value > 0 {
			all = append(all, Amount{path, int64(value)})
		}
	}
	if s.Users != nil {
		add("users.count", s.Users.Count)
		add("users.visitors", s.Users.Visitors)
	} else {
		add("clients.count", s.Clients.Count)
	}
	if s.Store != nil {
		add("store.appenders", s.Store.Appenders)
		add("store.watchers", s.Store.Watchers)
	}
	return append(all, Amount{durationKey, int64(s.Duration)})
}

// Cut is what a run plays in place of what its scenario says.
type Cut struct {
	Moral   string // as it is, if it is empty
	Faults  chaos.Schedule
	Amounts []Amount
	Cards   map[string]string // by machine, in place of its own
}

// Cut returns the scenario with its faults written down one by one, and other amounts and cards. All
// else stands as in its file, but for the faults that are required. A cut that the rules of
// scenarios forbid, such as a run that ends before its last fault, is an error.
func (s *Scenario) Cut(c Cut) (*Scenario, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(s.text, &doc); err != nil {
		return nil, fmt.Errorf("cut %s: %w", s.Name, err)
	}
	root := doc.Content[0]
	if c.Moral != "" {
		set(root, "moral", &yaml.Node{Kind: yaml.ScalarNode, Value: c.Moral})
	}
	for _, a := range c.Amounts {
		at, key := root, a.Path
		if section, rest, ok := strings.Cut(a.Path, "."); ok {
			at, key = value(root, section), rest
		}
		if at == nil || value(at, key) == nil {
			return nil, fmt.Errorf("cut %s: there is no %s", s.Name, a.Path)
		}
		set(at, key, &yaml.Node{Kind: yaml.ScalarNode, Value: a.text(), LineComment: value(at, key).LineComment})
	}
	for _, machine := range slices.Sorted(maps.Keys(c.Cards)) {
		if err := s.setCard(root, machine, c.Cards[machine]); err != nil {
			return nil, err
		}
	}
	set(root, "faults", listed(value(root, "faults"), s.Faults.Required, c.Faults))
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, fmt.Errorf("cut %s: %w", s.Name, err)
	}
	return Parse(s.Name+".yaml", text.Bytes())
}

// Text returns the scenario as it stands in a file.
func (s *Scenario) Text() []byte { return slices.Clone(s.text) }

func (s *Scenario) setCard(root *yaml.Node, machine, card string) error {
	for i, m := range s.Topology.Machines {
		if m.Name == machine {
			set(value(value(root, "topology"), "machines").Content[i], "card", &yaml.Node{Kind: yaml.ScalarNode, Value: card})
			return nil
		}
	}
	return fmt.Errorf("cut %s: there is no machine %q", s.Name, machine)
}

// listed returns the section of faults that says each of them. The roles stay: the check of progress counts their machines. So does what is
// required, as far as it is there: it is what alerts must name.
func listed(old *yaml.Node, required []chaos.Kind, faults chaos.Schedule) *yaml.Node {
	section := &yaml.Node{Kind: yaml.MappingNode}
	if old != nil && value(old, "roles") != nil {
		set(section, "roles", value(old, "roles"))
	}
	if len(faults) == 0 {
		return section
	}
	kinds := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, k := range required {
		if slices.ContainsFunc(faults, func(f chaos.Fault) bool { return f.Kind == k }) {
			kinds.Content = append(kinds.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: string(k)})
		}
	}
	if len(kinds.Content) > 0 {
		set(section, "required", kinds)
	}
	var lines strings.Builder
	for _, f := range faults {
		lines.WriteString(f.String() + "\n") // not in columns: a text of YAML may not begin with spaces
	}
	set(section, "schedule", &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.LiteralStyle, Value: lines.String()})
	return section
}

// value returns what stands behind a key, nil if nothing does.
func value(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// set puts a value behind a key, at the end if the key is not there.
func set(mapping *yaml.Node, key string, v *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = v
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, v)
}

// remove takes a key and its value out.
func remove(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = slices.Delete(mapping.Content, i, i+2)
			return
		}
	}
}
