package world

import (
	"fmt"
	"time"

	"picloud/hw/twin"
	"picloud/sim/channel"
	"picloud/sim/disk"
	"picloud/sim/rack"
)

// Hardware is what boards stand in and what feeds them. The machines of a switch stand on one shelf.
type Hardware struct {
	Air     *int64           // of the room, thousandths of a degree Celsius; nil for 22 °C
	Shelves map[string]Shelf // by switch, where they are not open and their supply is not ample
}

// Shelf is what a shelf does to the boards on it.
type Shelf struct {
	Milliwatts int64 // that its supply gives; zero for 15 W for each board
	Closed     int64 // how much warmer the air in it is for each watt, thousandths of a degree
}

// addBoard gives the machine its board, which is on no shelf yet.
func (p *pi) addBoard() error {
	loop := p.world.Kernel.Loop
	b, err := rack.NewBoard(*p.config.Board, rack.Wiring{
		Work: p.work,
		Card: func() twin.CardState {
			return twin.CardState{ReadOnly: p.card.State().Flags&channel.DiskReadOnly != 0, Errors: p.card.Stats().Errors}
		},
		Link: func() twin.LinkState {
			return twin.LinkState{Up: p.wire, Changes: p.flaps, Megabits: min(p.config.Board.Model.LinkMegabits(), p.host.BytesPerSecond()*8/1e6)}
		},
		Speed: func(ppm int64, cores int) {
			p.speed = ppm
			p.setSpeed()
			p.CPU.SetCores(loop.Now(), cores)
		},
		Event: p.happened,
	})
	if err != nil {
		return fmt.Errorf("world: %s: %w", p.Name, err)
	}
	p.board = b
	p.Attach(channel.ClassBoard, b)
	return nil
}

// addShelves puts the boards on shelves, one for each switch.
func (w *World) addShelves() error {
	w.shelves = map[string]*rack.Shelf{}
	on := map[string][]*rack.Board{}
	for _, m := range w.config.Machines {
		if b := w.pis[m.Name].board; b != nil {
			on[m.Switch] = append(on[m.Switch], b)
		}
	}
	if len(on) == 0 {
		return nil
	}
	r := rack.New(w.Kernel.Loop)
	for _, name := range w.config.Switches {
		shelf := w.config.Hardware.Shelves[name]
		c := twin.ShelfConfig{Ambient: *w.config.Hardware.Air, BudgetMilliwatts: shelf.Milliwatts, CupboardKelvin: shelf.Closed}
		s, err := r.AddShelf(c, on[name]...)
		if err != nil {
			return fmt.Errorf("world: shelf %s: %w", name, err)
		}
		s.SetAmbient(*w.config.Hardware.Air) // which may be 0 °C, and that is no default
		w.shelves[name] = s
	}
	w.sample()
	return nil
}

// bootCores is how many cores a machine keeps busy while it boots. Estimated: systemd starts what it can at once, and waits for the card.
const bootCores = 2

// work returns what the machine has done since it was made.
func (p *pi) work() twin.Work {
	card := p.card.Stats()
	_, _, mail := p.Counted()
	boots := p.boots
	if p.booting >= 0 {
		boots += p.world.Kernel.Now().Sub(p.booting)
	}
	return twin.Work{CoreTime: time.Duration(p.CPU.BusyNs()) + bootCores*boots, CoreWait: p.Waited(), DiskBusy: card.Busy, NetBytes: mail, Written: card.BytesWritten}
}

// happened does what a board did to power.
func (p *pi) happened(e twin.Event) {
	p.world.Kernel.Trace.Note(p.world.Kernel.Now(), p.Name, "board: "+string(e.Kind)+" "+e.Machine)
	p.events = append(p.events, e)
	switch e.Kind {
	case twin.Started:
		p.run()
	case twin.Halted:
		p.off(disk.KeepAll) // its system has written all before
	case twin.PowerOff, twin.UnderVoltageReset, twin.WatchdogReset, twin.Overheated:
		p.off(disk.DrawCrash)
	case twin.RelayOpened, twin.RelayClosed:
		if fed := p.world.pis[e.Machine]; fed != nil && e.Kind == twin.RelayOpened {
			fed.unplug()
		} else if fed != nil {
			fed.plug()
		}
	case twin.CardWornOut:
		if _, err := p.card.Apply(disk.Fault{Kind: disk.ReadOnly}); err != nil {
			p.world.Kernel.Fail(fmt.Errorf("world: %s: %w", p.Name, err))
		}
	}
}
