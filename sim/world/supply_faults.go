package world

import (
	"time"

	"picloud/sim/disk"
	"picloud/sim/rack"
)

// onSwitch returns the machines of a switch in the order of the configuration.
func (w *World) onSwitch(name string) (all []*pi) {
	for _, m := range w.config.Machines {
		if m.Switch == name {
			all = append(all, w.pis[m.Name])
		}
	}
	return all
}

// shed takes the power from the last machines of a shelf, as many as it takes for the others to draw no more than is left. It is felt by
// each that was on.
func (w *World) shed(s *rack.Shelf, name string, milliwatts int64) effect {
	fed := w.onSwitch(name)
	first, felt := len(fed), int64(0)
	stop := w.again(rack.Step, func() {
		if first > 0 && s.Milliwatts() > milliwatts {
			first--
			if fed[first].On() {
				felt++
			}
			fed[first].unplug()
		}
	})
	return effect{
		heal: func() {
			stop()
			for _, p := range fed[first:] {
				p.plug()
			}
		},
		felt: func() int64 { return felt },
	}
}

// emptyBattery takes the power from all machines of a shelf after a while, orderly or not. It is felt by each that was on.
func (w *World) emptyBattery(name string, after time.Duration, orderly bool) effect {
	var off []*pi
	felt := int64(0)
	timer := w.Kernel.Loop.After(after, func() {
		off = w.onSwitch(name)
		for _, p := range off {
			if p.On() {
				felt++
			}
			if orderly {
				p.off(disk.KeepAll)
			}
			p.unplug()
		}
	})
	return effect{
		heal: func() {
			w.Kernel.Loop.Stop(timer)
			for _, p := range off {
				p.plug()
			}
		},
		felt: func() int64 { return felt },
	}
}
