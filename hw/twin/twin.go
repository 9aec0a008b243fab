// Package twin is a modelled Raspberry Pi: its heat, power, clock and the wear of its card, as integer arithmetic on time. It serves the
// files, registers and pins that a real one has, so the same drivers run on both.
//
// Time is that of the caller, who tells by Advance how far it has come and what the board has worked since. The physics are exact over any
// span; what the firmware and the electronics decide (clock, fan, throttling, sag, reset) they decide at fixed instants, every 250 ms, so
// how the caller cuts time into pieces makes no difference.
//
// Invariants: no floating point, no goroutines, no clock, and no chance but from Config.Seed, so equal calls give equal bits on every
// machine; heat that came in is stored or has gone out; a board without power draws none; one goroutine at a time uses a Pi.
package twin

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/hw"
)

// Config says what board it is, how it is cooled and what is wired to it. Zero values stand for the defaults.
type Config struct {
	Name           string // what relays and meters of others call it
	Model          Model
	Cooling        Cooling
	CableMilliohms int64     // from the supply to the board; default 110, as a good one has
	Equipment      hw.Config // relays, meters, the pin of the fan
	// StrictPins makes the pins inputs again when the process that drives them ends. The kernel of Raspberry Pi only does so if it is told to
	// (dtparam=strict_gpiod): without it an output stays what it is, and a relay that was open stays open.
	StrictPins bool
	Seed       uint64 // of serial numbers and of the thermometer's noise
	Card       Card
}

// Card is the card's make.
type Card struct {
	Bytes  int64 // what it holds; default 32 GiB
	Cycles int64 // how often its flash can be erased before it is worn out; default 3000
	Aging  int64 // how many times faster it wears than real ones; default 1
}

// Validate reports the first bad value in one sentence.
func (c Config) Validate() error {
	switch {
	case int(c.Model) >= len(modelNames()):
		return fmt.Errorf("twin: unknown model %d", c.Model)
	case int(c.Cooling) >= len(coolingNames()):
		return fmt.Errorf("twin: unknown cooling %d", c.Cooling)
	case c.CableMilliohms < 0 || c.CableMilliohms > mostMilliohms:
		return fmt.Errorf("twin: a cable of %d milliohms is not between 0 and %d", c.CableMilliohms, mostMilliohms)
	case c.Card.Bytes < 0 || c.Card.Bytes > 1<<42 || c.Card.Cycles < 0 || c.Card.Cycles > 1e6 || c.Card.Aging < 0 || c.Card.Aging > 1e9:
		return fmt.Errorf("twin: a card's figure is negative or beyond all cards: %+v", c.Card)
	}
	if c.Equipment.FanPin != "" && (c.Cooling != Fan || c.Model == Pi5) {
		return fmt.Errorf("twin: a fan on pin %s needs the cooling fan, on a model whose kernel has none", c.Equipment.FanPin)
	}
	return c.validateEquipment()
}

func (c Config) validateEquipment() error {
	equipment := c.equipment()
	if err := equipment.Validate(); err != nil {
		return fmt.Errorf("twin: equipment: %w", err)
	}
	for _, r := range c.relays() {
		if r.Feeds == c.Name {
			return fmt.Errorf("twin: equipment: %s would cut itself off by %s", c.Name, r.Pin)
		}
	}
	return nil
}

// equipment returns a copy of it, with defaults once it is validated.
func (c Config) equipment() hw.Config {
	e := c.Equipment
	e.Meters = slices.Clone(e.Meters)
	return e
}

func (c Config) relays() []hw.Relay {
	return slices.Concat(c.Equipment.Relays, c.Equipment.BackupRelays)
}

func (c Config) withDefaults() Config {
	c.CableMilliohms = cmp.Or(c.CableMilliohms, goodMilliohms)
	c.Card = Card{Bytes: cmp.Or(c.Card.Bytes, 32<<30), Cycles: cmp.Or(c.Card.Cycles, 3000), Aging: cmp.Or(c.Card.Aging, 1)}
	c.Equipment = c.equipment()
	_ = c.Equipment.Validate() // puts in its defaults; Config.Validate has seen it
	return c
}

// Pi is a board and what is wired to it.
type Pi struct {
	config Config
	model  model
	serial uint64
	events []Event

	state   state
	powered bool          // the supply reaches it
	started time.Duration // when it last began to run
	now     time.Duration
	end     time.Duration // as far as the caller has come: within Advance, now is on its way there
	settled time.Duration // as far as the physics have come
	work    Work          // done from then to the end
	backlog time.Duration // core time that was reported faster than the cores can give it

	tickSince time.Duration // the last tick, or when power came
	tickWork  Work          // done since then, and settled

	heat
	electrics
	firmware
	fan
	kernel
	wear
	dog    watchdog
	pins   []*pin
	relays []relay
	bus    *bus
	tree   *tree
}

// state is what a board is doing.
type state uint8

const (
	off     state = iota // no power
	held                 // in reset, as the supply is too weak to start
	running              //
	halted               // power is there, and nothing runs until it is taken away
)

// New returns a board without power, as warm as the air.
func New(config Config) (*Pi, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	p := &Pi{config: config, model: config.Model.figures()}
	p.serial = p.model.serial | rand.NewPCG(config.Seed, 1).Uint64()>>32
	p.bus = newBus(config.Equipment.Meters)
	p.heat = newHeat(config.Model.cooler(config.Cooling))
	p.electrics = electrics{supply: nominalMillivolts, cable: config.CableMilliohms}
	p.wear = newWear(config.Card)
	p.kernel.link = LinkState{Up: true, Changes: 1, Megabits: p.model.linkMbit}
	p.activeMicrowatt = p.powerTable()
	p.makePins()
	p.tree = newTree(p.files())
	p.boot()
	return p, nil
}

// Name returns what others call it.
func (p *Pi) Name() string { return p.config.Name }

// Running tells whether programs run on it.
func (p *Pi) Running() bool { return p.state == running }

// Cores returns how many cores are in use now.
func (p *Pi) Cores() int {
	n := 0
	for _, used := range p.online {
		if used {
			n++
		}
	}
	return n
}

// SpeedPPM returns the speed of a core now, against one of a Pi 4B at 1.8 GHz, in parts per million.
func (p *Pi) SpeedPPM() int64 { return p.model.speedPPM * p.clock() / p.model.maxMHz }

// Milliwatts returns what the board draws now.
func (p *Pi) Milliwatts() int64 { return p.drawn / 1000 }

// Milliamps returns what flows to the board.
func (p *Pi) Milliamps() int64 {
	if p.volts <= 0 {
		return 0
	}
	return p.Milliwatts() * 1000 / p.volts
}

// Millivolts returns what arrives at the board.
func (p *Pi) Millivolts() int64 { return p.volts }

// Megahertz returns how fast the cores' clock is; 0 while nothing runs.
func (p *Pi) Megahertz() int64 { return p.clock() }

// MilliCelsius returns how hot the processor is, exactly.
func (p *Pi) MilliCelsius() int64 { return p.heat.nanokelvin() / 1_000_000 }
