package twin

import "time"

// Event is something that happened to a board, or that it did to another.
type Event struct {
	At      time.Duration
	Kind    EventKind
	Machine string // that a relay feeds
}

// EventKind is a kind of event.
type EventKind string

// The kinds. Whatever ends the run of a board's programs is followed by Started once it begins to boot again.
const (
	Started           EventKind = "started"             // the board begins to boot
	PowerOff          EventKind = "power-off"           // its power was cut
	UnderVoltageReset EventKind = "under-voltage-reset" // its volts were too low to go on
	WatchdogReset     EventKind = "watchdog-reset"      // nobody fed it
	Halted            EventKind = "halted"              // by a program
	Overheated        EventKind = "overheated"          // the kernel halted it
	RelayOpened       EventKind = "relay-opened"        // the machine that it feeds is cut off
	RelayClosed       EventKind = "relay-closed"
	CardWornOut       EventKind = "card-worn-out" // it takes no more writes
)

// Events returns what has happened since the last call, in order.
func (p *Pi) Events() []Event {
	events := p.events
	p.events = nil
	return events
}

func (p *Pi) tell(kind EventKind, machine string) {
	p.events = append(p.events, Event{At: p.now, Kind: kind, Machine: machine})
}

// SetPower gives the board power or takes it away, at an instant.
func (p *Pi) SetPower(on bool, now time.Duration) {
	p.Advance(now, Work{})
	if on == p.powered {
		return
	}
	p.settle()
	p.powered = on
	if !on {
		p.stop(off, PowerOff)
		p.volts, p.drawn = 0, 0
		return
	}
	p.state = held
	p.tickSince, p.tickWork = p.settled, Work{}
	p.inrush = p.settled + inrushTime
	p.bus.forget()
	p.dog.bit = false
}

// stop ends what runs, and forgets what is not kept without it.
func (p *Pi) stop(s state, why EventKind) {
	p.tell(why, "")
	p.state = s
	p.boot()
}

// start begins to boot.
func (p *Pi) start() {
	p.state = running
	p.started = p.settled
	p.boot()
	p.tell(Started, "")
}

// boot sets what programs can change to what it is before any has run. The pins become inputs, so the relays fall to rest.
func (p *Pi) boot() {
	p.tickWork, p.backlog = Work{}, 0
	p.firmware = firmware{cap: p.model.maxMHz, frozen: p.frozen, frozenAt: p.frozenAt}
	p.kernel.boot(p.model.maxMHz)
	p.dog = watchdog{timeout: mostWatchdog, deadline: Never, dead: p.dog.dead, bit: p.dog.bit}
	p.fan = fan{duty: p.duty, fault: p.fan.fault, stuck: p.fan.stuck}
	p.releasePins()
	p.turnFan()
}

// releasePins makes all pins what they are after a reset.
func (p *Pi) releasePins() {
	for _, pin := range p.pins {
		pin.release()
	}
	p.followPins()
}
