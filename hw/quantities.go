package hw

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Quantity is one line of a reading, for those that show all of it.
type Quantity struct {
	Name    string     // "supply-voltage"
	Machine string     // whose it is, if it is a neighbour's
	Needs   Capability // what a board has that knows it
	Err     error      // why it is not known
	Figure  float64    // in °C, hertz, volts, amperes, bytes, bits a second, seconds, turns a minute or as a ratio; 1 for yes; 0 for a text
	Text    string     // for people
}

// Quantities returns all that stands in a reading, known or not, always in the same order.
func (r *Reading) Quantities() []Quantity {
	all := []Quantity{
		quantity("temperature", ReadTemperature, r.Temperature, celsius, physic.Temperature.String),
		quantity("clock", ReadClock, r.Clock, func(f physic.Frequency) float64 { return float64(f) / float64(physic.Hertz) }, physic.Frequency.String),
		quantity("throttling", ReadThrottling, r.Throttling, func(t Throttling) float64 { return float64(t & 0xf) }, Throttling.String),
		quantity("under-voltage", ReadUnderVoltage, r.UnderVoltage, truth, yesOrNo),
		quantity("supply-voltage", ReadVoltage, r.Supply.Voltage, volts, physic.ElectricPotential.String),
		quantity("supply-current", ReadCurrent, r.Supply.Current, amperes, physic.ElectricCurrent.String),
		quantity("fan-duty", DriveFan, r.Fan.Duty, func(d Duty) float64 { return float64(d) / float64(FullDuty) }, func(d Duty) string { return fmt.Sprintf("%d ‰", d) }),
		quantity("fan-speed", ReadFan, r.Fan.RPM, func(n int) float64 { return float64(n) }, func(n int) string { return fmt.Sprintf("%d a minute", n) }),
		quantity("card", ReadCard, r.Card.Name, nothing, func(s string) string { return s }),
		quantity("card-serial", ReadCard, r.Card.Serial, nothing, func(s string) string { return s }),
		quantity("card-read-only", ReadCard, r.Card.ReadOnly, truth, yesOrNo),
		quantity("card-errors", ReadCardErrors, r.Card.Errors, whole, decimal),
		quantity("card-written", ReadCardErrors, r.Card.Written, whole, func(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }),
		quantity("link", ReadLink, r.Link.Up, truth, func(up bool) string { return map[bool]string{true: "up", false: "down"}[up] }),
		quantity("link-changes", ReadLink, r.Link.Changes, whole, decimal),
		quantity("link-speed", ReadLink, r.Link.Speed, whole, func(n int64) string { return fmt.Sprintf("%d Mbit/s", n/1_000_000) }),
		quantity("link-errors", ReadLink, r.Link.Errors, whole, decimal),
		quantity("pressure-cpu", ReadPressure, r.Pressure.CPU, time.Duration.Seconds, time.Duration.String),
		quantity("pressure-io", ReadPressure, r.Pressure.IO, time.Duration.Seconds, time.Duration.String),
	}
	for _, machine := range slices.Sorted(maps.Keys(r.Neighbours)) {
		p := r.Neighbours[machine]
		for _, q := range []Quantity{
			quantity("neighbour-voltage", "", p.Voltage, volts, physic.ElectricPotential.String),
			quantity("neighbour-current", "", p.Current, amperes, physic.ElectricCurrent.String),
		} {
			q.Machine = machine
			all = append(all, q)
		}
	}
	return all
}

// Label is the quantity's name, with whose it is: "neighbour-voltage of pi-2".
func (q *Quantity) Label() string {
	if q.Machine == "" {
		return q.Name
	}
	return q.Name + " of " + q.Machine
}

// Expected tells whether a board has what knows the quantity. A neighbour's is there because a meter was configured.
func (q *Quantity) Expected(i Info) bool { return q.Needs == "" || i.Has[q.Needs] == nil }

func quantity[T any](name string, needs Capability, v Value[T], figure func(T) float64, text func(T) string) Quantity {
	q := Quantity{Name: name, Needs: needs}
	known, err := v.Get()
	if err != nil {
		q.Err = err
		return q
	}
	q.Figure, q.Text = figure(known), text(known)
	return q
}

func celsius(t physic.Temperature) float64 {
	return float64(t-physic.ZeroCelsius) / float64(physic.Celsius)
}

func volts(v physic.ElectricPotential) float64 { return float64(v) / float64(physic.Volt) }

func amperes(i physic.ElectricCurrent) float64 { return float64(i) / float64(physic.Ampere) }

func whole(n int64) float64 { return float64(n) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func nothing(string) float64 { return 0 }

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func yesOrNo(is bool) string { return map[bool]string{true: "yes", false: "no"}[is] }
