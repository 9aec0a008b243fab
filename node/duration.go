package node

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time.Duration, "150s" or "20ms" in a file.
type Duration struct{ time.Duration }

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is not a duration like 20ms or 150s", n.Line, n.Value)
	}
	d.Duration = v
	return nil
}

// MarshalYAML writes a duration as it is read.
func (d Duration) MarshalYAML() (any, error) { return d.Duration.String(), nil }
