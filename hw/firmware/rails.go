package firmware

import (
	"errors"
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// Rail is a supply on the board, as its power chip measures it. A rail may have one of them only: that of the input has no current.
type Rail struct {
	Name    string // "EXT5V", the input, or "VDD_CORE"
	Voltage physic.ElectricPotential
	Current physic.ElectricCurrent
	// HasVoltage and HasCurrent say which are known.
	HasVoltage, HasCurrent bool
}

// Rails are the supplies of a board, in the order in which the firmware says them.
type Rails []Rail

// Input is the rail by which the board is fed.
const Input = "EXT5V"

// Voltage returns the voltage of a rail.
func (r Rails) Voltage(name string) (physic.ElectricPotential, error) {
	for _, rail := range r {
		if rail.Name == name && rail.HasVoltage {
			return rail.Voltage, nil
		}
	}
	return 0, fmt.Errorf("firmware: no rail %s has a voltage", name)
}

// ParseRails reads the text of pmic_read_adc: lines like "VDD_CORE_A current(7)=1.41420000A" and "EXT5V_V volt(24)=5.11800000V".
func ParseRails(text string) (Rails, error) {
	var rails Rails
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := rails.add(line); err != nil {
			return nil, fmt.Errorf("firmware: %q: %w", clipped(line), err)
		}
	}
	if len(rails) == 0 {
		return nil, errors.New("firmware: no rails")
	}
	return rails, nil
}

func (r *Rails) add(line string) error {
	label, rest, is := strings.Cut(line, " ")
	kind, figure, is2 := strings.Cut(strings.TrimSpace(rest), "=")
	if !is || !is2 {
		return errors.New("it is not NAME KIND(N)=FIGURE")
	}
	kind, _, _ = strings.Cut(kind, "(")
	for _, k := range []struct {
		kind, ending, unit string
		set                func(*Rail, int64)
	}{
		{"volt", "_V", "V", func(r *Rail, nano int64) { r.Voltage, r.HasVoltage = physic.ElectricPotential(nano), true }},
		{"current", "_A", "A", func(r *Rail, nano int64) { r.Current, r.HasCurrent = physic.ElectricCurrent(nano), true }},
	} {
		name, fits := strings.CutSuffix(label, k.ending)
		digits, has := strings.CutSuffix(figure, k.unit)
		if kind != k.kind {
			continue
		}
		if !fits || !has || name == "" {
			return fmt.Errorf("a %s ends in %s and its name in %s", k.kind, k.unit, k.ending)
		}
		nano, err := billionths(digits)
		if err != nil {
			return err
		}
		k.set(r.rail(name), nano)
		return nil
	}
	return fmt.Errorf("%q is neither volt nor current", clipped(kind))
}

// rail returns the rail of a name, which is made where there is none yet.
func (r *Rails) rail(name string) *Rail {
	for i := range *r {
		if (*r)[i].Name == name {
			return &(*r)[i]
		}
	}
	*r = append(*r, Rail{Name: name})
	return &(*r)[len(*r)-1]
}

// billionths reads a decimal fraction below a million exactly; what it has beyond nine digits is cut off.
func billionths(text string) (int64, error) {
	text, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) == 0 || len(whole) > 6 {
		return 0, fmt.Errorf("%q is not a figure", clipped(text))
	}
	const places = 9
	n := int64(0)
	for i, digit := range []byte(whole + fraction) {
		if digit < '0' || digit > '9' {
			return 0, fmt.Errorf("%q is not a figure", clipped(text))
		}
		if i < len(whole)+places {
			n = n*10 + int64(digit-'0')
		}
	}
	for range places - len(fraction) {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, nil
}

// clipped is as much of a text as an error may show.
func clipped(text string) string { return text[:min(len(text), 60)] }
