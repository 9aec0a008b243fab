package world

import (
	"time"

	"picloud/hw/twin"
)

// SampleEvery is the time between two samples of the boards.
const SampleEvery = time.Second

// Board is what a modelled board went through, as nobody on it can know it.
type Board struct {
	Machine string
	Samples []Sample // one every SampleEvery, from the beginning on
	Events  []twin.Event
}

// Sample is how a board was at one time.
type Sample struct {
	MilliCelsius, Megahertz, Milliwatts, Millivolts int64
}

// sample notes how all boards are, again and again.
func (w *World) sample() {
	for _, name := range w.names {
		if p := w.pis[name]; p.board != nil {
			p.samples = append(p.samples, Sample{p.board.MilliCelsius(), p.board.Megahertz(), p.board.Milliwatts(), p.board.Millivolts()})
		}
	}
	w.Kernel.Loop.After(SampleEvery, w.sample)
}

// Boards returns what the boards went through, in the order of the machines' names.
func (w *World) Boards() []Board {
	var all []Board
	for _, name := range w.names {
		if p := w.pis[name]; p.board != nil {
			all = append(all, Board{name, p.samples, p.events})
		}
	}
	return all
}
