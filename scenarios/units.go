package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/chaos"
)

// Duration is virtual time, "150s" or "20ms" in a file.
type Duration time.Duration

// fromYAML reads a duration.
func (d *Duration) fromYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode || v < 0 {
		return fmt.Errorf("%q is not a duration like 20ms or 150s", n.Value)
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes, "512MiB" in a file.
type Size int64

// fromYAML reads a size.
func (s *Size) fromYAML(n *yaml.Node) error {
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		digits, ok := strings.CutSuffix(n.Value, unit)
		if v, err := strconv.ParseInt(digits, 10, 32); ok && err == nil && v >= 0 {
			*s = Size(v << (10 * (i + 1)))
			return nil
		}
	}
	return fmt.Errorf("%q is not a size like 512MiB or 4GiB", n.Value)
}

// PPM is a share in parts per million, "500000ppm" in a file.
type PPM int64

// fromYAML reads a share.
func (p *PPM) fromYAML(n *yaml.Node) error {
	digits, ok := strings.CutSuffix(n.Value, "ppm")
	v, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || v < 0 || v > 1_000_000 {
		return fmt.Errorf("%q is not a share like 500000ppm", n.Value)
	}
	*p = PPM(v)
	return nil
}

// Kinds is how often each kind of fault happens, in the order of the file.
type Kinds []KindRate

// KindRate is how often one kind of fault happens; Others stands for all that are not listed.
type KindRate struct {
	Kind  string
	Every Duration
}

// Others is the word for all kinds of the catalogue that are not listed.
const Others = "others"

// fromYAML reads a mapping of kinds to durations.
func (k *Kinds) fromYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("the kinds are not a list of lines like `kill: 20s`")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		rate := KindRate{Kind: n.Content[i].Value}
		if err := rate.Every.fromYAML(n.Content[i+1]); err != nil {
			return &placed{n.Content[i+1].Line, rate.Kind, err.Error()}
		}
		*k = append(*k, rate)
	}
	return nil
}

// Aims is which shares of the faults are aimed, and at what, in the order of the file.
type Aims []chaos.Aim

// fromYAML reads a mapping of what is aimed at to shares.
func (a *Aims) fromYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("the aims are not a list of lines like `leader: 300000ppm`")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var share PPM
		if err := share.fromYAML(n.Content[i+1]); err != nil {
			return &placed{n.Content[i+1].Line, n.Content[i].Value, err.Error()}
		}
		*a = append(*a, chaos.Aim{At: n.Content[i].Value, Share: int64(share)})
	}
	return nil
}

// Lines is the text of a schedule.
type Lines struct {
	Text string
	Line int // of the file, at which the text starts
}

// fromYAML keeps the text and its place.
func (l *Lines) fromYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("the schedule is not a text")
	}
	l.Text, l.Line = n.Value, n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		l.Line++
	}
	return nil
}
