package kv

import (
	"errors"
	"fmt"
	"slices"

	"picloud/scenarios/history"
)

// Command is an operation on a key.
type Command struct {
	Kind   history.Kind `json:"kind"`
	Key    string       `json:"key"`
	Value  string       `json:"value,omitempty"`
	Expect string       `json:"expect,omitempty"`
}

// Validate says what is wrong with a command that came from outside.
func (c Command) Validate() error {
	switch c.Kind {
	case history.Read, history.Delete:
	case history.Write, history.CAS:
		if c.Value == "" {
			return fmt.Errorf("a %s needs a value", c.Kind)
		}
	default:
		return fmt.Errorf("unknown kind of operation %q", c.Kind)
	}
	if c.Key == "" {
		return errors.New("the key is empty")
	}
	return nil
}

// After returns what stands under the key after the command, given what stood there before. The
// empty value stands for a key that is absent.
func (c Command) After(before string) string {
	switch {
	case c.Kind == history.Write, c.Kind == history.CAS && before == c.Expect:
		return c.Value
	case c.Kind == history.Delete:
		return ""
	}
	return before
}

// NodeConfig says which nodes a cloud has.
type NodeConfig struct {
	Nodes []string // their names
}

// Validate says what is wrong with the configuration of the node self.
func (c NodeConfig) Validate(self string) error {
	if !slices.Contains(c.Nodes, self) {
		return fmt.Errorf("kv: %s is not among the nodes %v", self, c.Nodes)
	}
	return nil
}
