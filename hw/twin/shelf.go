package twin

import (
	"fmt"
	"time"
)

// ShelfConfig says what boards share. Zero values stand for the defaults.
type ShelfConfig struct {
	Ambient             int64 // thousandths of °C around the shelf; default 22000
	NeighbourKelvin     int64 // thousandths of a degree for each watt of the board below; default 700, estimated from 500 to 1000; negative: none
	CupboardKelvin      int64 // thousandths of a degree for each watt of all boards, as in a closed cupboard; default 0
	BudgetMilliwatts    int64 // what the supply can give for good; default 15 W for each board
	SupplyMillivolts    int64 // without load; default 5100
	SupplyMilliohms     int64 // of the supply, which all share; default 5
	OverloadMillijoules int64 // above the budget, before the supply turns itself off; default what it can give in half a second
}

// Validate reports the first bad value in one sentence.
func (c ShelfConfig) Validate() error {
	switch {
	case c.Ambient < -40_000 || c.Ambient > 85_000:
		return fmt.Errorf("twin: ambient air of %d thousandths of a degree is not between -40 and 85 °C", c.Ambient)
	case c.CupboardKelvin < 0:
		return fmt.Errorf("twin: a cupboard of %d millikelvin a watt cools what it holds", c.CupboardKelvin)
	case c.BudgetMilliwatts < 0 || c.SupplyMillivolts < 0 || c.SupplyMilliohms < 0 || c.OverloadMillijoules < 0:
		return fmt.Errorf("twin: a figure of the supply is negative: %+v", c)
	}
	return nil
}

func (c ShelfConfig) withDefaults(members int64) ShelfConfig {
	set := func(n *int64, value int64) {
		if *n == 0 {
			*n = value
		}
	}
	set(&c.Ambient, roomTemperature)
	set(&c.NeighbourKelvin, 700)
	c.NeighbourKelvin = max(c.NeighbourKelvin, 0)
	set(&c.BudgetMilliwatts, 15_000*max(members, 1))
	set(&c.SupplyMillivolts, nominalMillivolts)
	set(&c.SupplyMilliohms, 5)
	set(&c.OverloadMillijoules, c.BudgetMilliwatts/2)
	return c
}

// Shelf is boards above one another that share air and a supply. They are members from bottom to top. The relays that some drive cut the
// supply of others; the meters that some have see what others draw.
//
// Whoever uses it advances the boards first, then the shelf, at least every tick of a quarter of a second: what boards do to each other
// takes that long.
type Shelf struct {
	config   ShelfConfig
	built    int64 // what the supply can give for good, in milliwatts, if nothing is wrong with it
	members  []*Pi
	plugged  []bool
	warmth   []int64 // of the air around each, above ambient, in nanokelvin
	lag      *decay
	now      time.Duration
	on       bool
	overload int64         // nanojoules above the budget
	retry    time.Duration // when the supply tries again
	trips    int
	short    int64
}

const (
	airTau     = 60 * time.Second // of the air around a board, estimated
	hiccupTime = 2 * time.Second  // for which the supply stays off, estimated
)

// NewShelf returns a shelf whose boards are plugged in, and get power with the first Advance.
func NewShelf(config ShelfConfig, members ...*Pi) (*Shelf, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Shelf{config: config.withDefaults(int64(len(members))), members: members, on: true, lag: newDecay(airTau)}
	s.built = s.config.BudgetMilliwatts
	s.plugged, s.warmth = make([]bool, len(members)), make([]int64, len(members))
	names := map[string]bool{}
	for i, m := range members {
		if names[m.Name()] {
			return nil, fmt.Errorf("twin: two boards of a shelf have the name %q", m.Name())
		}
		names[m.Name()], s.plugged[i] = true, true
		m.SetSupply(s.config.SupplyMillivolts)
		m.SetAir(s.config.Ambient)
	}
	return s, nil
}

// WarmUp lets the boards, which have power, and the air around them be as if they had been idle for long.
func (s *Shelf) WarmUp() {
	idle, below := int64(0), int64(0)
	for _, m := range s.members {
		idle += m.model.idleMicrowatt / 1000
	}
	for i, m := range s.members {
		s.warmth[i] = (below*s.config.NeighbourKelvin + idle*s.config.CupboardKelvin) * 1000
		below = m.model.idleMicrowatt / 1000
		m.SetAir(s.config.Ambient + s.warmth[i]/nanokelvin)
		m.warmUp()
	}
}

// SetAmbient says how warm the air around the shelf is.
func (s *Shelf) SetAmbient(milliCelsius int64) { s.config.Ambient = milliCelsius }

// SetBudget says what the supply can give for good, in milliwatts.
func (s *Shelf) SetBudget(milliwatts int64) { s.config.BudgetMilliwatts = milliwatts }

// BuiltFor returns what the supply was built to give, in milliwatts, whatever SetBudget has said since.
func (s *Shelf) BuiltFor() int64 { return s.built }

// SetPlugged pulls a board's plug, or puts it in.
func (s *Shelf) SetPlugged(machine string, plugged bool) {
	for i, m := range s.members {
		if m.Name() == machine {
			s.plugged[i] = plugged
		}
	}
}

// SupplyOn tells whether the supply gives power.
func (s *Shelf) SupplyOn() bool { return s.on }

// Trips returns how often the supply has turned itself off.
func (s *Shelf) Trips() int { return s.trips }

// Short returns how often the supply was looked at and could not give what was drawn: volts fell then, or it turned itself off.
func (s *Shelf) Short() int64 { return s.short }

// Milliwatts returns what all members draw now.
func (s *Shelf) Milliwatts() int64 {
	sum := int64(0)
	for _, m := range s.members {
		sum += m.Milliwatts()
	}
	return sum
}

// Advance lets time pass until now, to where the members have come before.
func (s *Shelf) Advance(now time.Duration) {
	t := now - s.now
	s.now = now
	drawn := s.Milliwatts()
	s.heatAir(drawn, t)
	s.supply(drawn, t)
	for i, m := range s.members {
		m.SetPower(s.on && s.plugged[i] && !s.cutOff(m.Name()), now)
		for _, observer := range s.members {
			observer.SetMeasured(m.Name(), m.Millivolts(), m.Milliamps())
		}
	}
}

// heatAir lets each board's air follow what the board below and all together give off.
func (s *Shelf) heatAir(drawn int64, t time.Duration) {
	if t <= 0 {
		return
	}
	left, below := s.lag.over(t), int64(0)
	for i, m := range s.members {
		s.warmth[i] = approach(s.warmth[i], (below*s.config.NeighbourKelvin+drawn*s.config.CupboardKelvin)*1000, left)
		below = m.Milliwatts()
		m.SetAir(s.config.Ambient + s.warmth[i]/nanokelvin)
	}
}

// supply works out the volts for all. Above its budget the supply gives way: volts fall as the draw rises, so what it gives stays the same. It
// turns itself off when that has lasted, and tries again after a while; what starts at once then may be too much again. One that is out, with
// nothing to give, does not try.
func (s *Shelf) supply(drawn int64, t time.Duration) {
	c := &s.config
	out := c.BudgetMilliwatts == 0
	if !s.on && (out || s.now < s.retry) {
		return
	}
	if drawn > c.BudgetMilliwatts {
		s.short++
	}
	s.overload = max(0, s.overload+(drawn-c.BudgetMilliwatts)*t.Microseconds())
	if !s.on {
		s.on, s.overload = true, 0
	}
	if s.overload > c.OverloadMillijoules*1_000_000 {
		s.on, s.retry = false, s.now+hiccupTime
		s.trips++
		return
	}
	volts := sag(c.SupplyMillivolts, c.SupplyMilliohms, drawn)
	switch {
	case out: // also for who draws nothing yet
		volts = 0
	case drawn > c.BudgetMilliwatts:
		volts = volts * c.BudgetMilliwatts / drawn
	}
	for _, m := range s.members {
		m.SetSupply(volts)
	}
}

// cutOff tells whether a relay of any member cuts a machine off.
func (s *Shelf) cutOff(machine string) bool {
	for _, m := range s.members {
		if m.Cuts(machine) {
			return true
		}
	}
	return false
}
