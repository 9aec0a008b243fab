package health

import (
	"errors"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// Sight is what a node sees at one time. The zero value of each part is unknown.
type Sight struct {
	Board hw.Reading
	Read  time.Time // when the board was read

	Syncs     hw.Value[Syncs]
	CardLies  hw.Value[bool]
	DiskTotal hw.Value[int64] // bytes of the card
	Condemned hw.Value[int64] // how often the processor was wrong
	Resets    hw.Value[int64] // of the board that nobody asked for, within resetsOver
	// SupplyMost is what the supply can give that feeds the node and the neighbours whose current it measures.
	SupplyMost hw.Value[physic.Power]
	Silent     map[string]hw.Value[time.Duration] // of neighbours
}

// Syncs is how long the writes to a card have taken, with their syncs, in the last minute.
type Syncs struct {
	Tail    time.Duration // 99 of 100 took no longer
	Slowest time.Duration
	Waits   time.Duration // for how long the one takes that is under way; 0 for none
}

// How far back signals look.
const (
	fresh      = 10 * time.Second // a reading that is older says nothing about now
	meanOver   = 10 * time.Second
	riseOver   = 5 * time.Second
	eventsOver = 10 * time.Minute
	resetsOver = 3 * time.Minute
	soonIn     = 60 // seconds
)

var (
	errOld   = errors.New("health: the last reading of the board is old")
	errFew   = errors.New("health: there are too few readings yet")
	errNoFan = errors.New("health: the fan is not driven, or only begins to turn")
)

// senses keeps what was seen as long as a signal needs it.
type senses struct {
	info  hw.Info
	last  time.Time // when the board was read last
	now   hw.Reading
	heat  []sample // of 20 s, m°C
	slow  []sample // the last three readings: 1 if the clock was held down
	sags  []sample // of ten minutes: when the supply began to sag
	sags0 bool     // it sagged at the last reading
	links []sample // of ten minutes: the counter
	card0 hw.Value[int64]
}

type sample struct {
	at    time.Time
	value int64
}

// after returns what is not older than a time.
func after(all []sample, from time.Time) []sample {
	for len(all) > 0 && all[0].at.Before(from) {
		all = all[1:]
	}
	return all
}

// take takes a sight, and returns the values of all signals.
func (s *senses) take(sight Sight, now time.Time) map[Signal]map[string]hw.Value[int64] {
	if sight.Read.After(s.last) {
		s.note(&sight.Board, sight.Read)
	}
	values := map[Signal]map[string]hw.Value[int64]{}
	own := func(signal Signal, v hw.Value[int64]) { values[signal] = map[string]hw.Value[int64]{"": v} }
	board := s.ofBoard(now)
	board[CardRewrites], board[SupplyLoad] = s.rewrites(sight.DiskTotal), s.load(sight.SupplyMost)
	for signal, v := range board {
		if now.Sub(s.last) > fresh {
			v = hw.Unknown[int64](errOld)
		}
		own(signal, v)
	}
	if now.Sub(s.last) > fresh {
		own(Unread, hw.Known(int64(1)))
	}
	for signal, of := range map[Signal]func(Syncs) time.Duration{SyncTail: func(y Syncs) time.Duration { return y.Tail },
		SyncSlowest: func(y Syncs) time.Duration { return y.Slowest }, SyncWaits: func(y Syncs) time.Duration { return y.Waits }} {
		own(signal, as(sight.Syncs, func(y Syncs) int64 { return of(y).Milliseconds() }))
	}
	own(CardLies, as(sight.CardLies, truth))
	own(Condemned, sight.Condemned)
	own(Resets, sight.Resets)
	values[Silent] = map[string]hw.Value[int64]{}
	for node, v := range sight.Silent {
		values[Silent][node] = as(v, func(d time.Duration) int64 { return d.Milliseconds() })
	}
	return values
}

// as returns a value in another form.
func as[A any](v hw.Value[A], form func(A) int64) hw.Value[int64] {
	x, err := v.Get()
	if err != nil {
		return hw.Unknown[int64](err)
	}
	return hw.Known(form(x))
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func millicelsius(t physic.Temperature) int64 {
	return int64((t - physic.ZeroCelsius) / physic.MilliKelvin)
}

// note takes a reading that is new.
func (s *senses) note(r *hw.Reading, at time.Time) {
	s.last, s.now = at, *r
	if t, err := r.Temperature.Get(); err == nil {
		s.heat = append(after(s.heat, at.Add(-2*meanOver)), sample{at, millicelsius(t)})
	}
	if t, err := r.Throttling.Get(); err == nil {
		s.slow = append(s.slow, sample{at, truth(t&(hw.CappedNow|hw.ThrottledNow) != 0)})
		s.slow = s.slow[max(0, len(s.slow)-3):]
	}
	s.sags = after(s.sags, at.Add(-eventsOver))
	if sag, err := s.sagging().Get(); err == nil {
		if sag != 0 && !s.sags0 {
			s.sags = append(s.sags, sample{at, 1})
		}
		s.sags0 = sag != 0
	}
	if n, err := r.Link.Changes.Get(); err == nil {
		for len(s.links) > 1 && s.links[1].at.Before(at.Add(-eventsOver)) { // one that is older tells what it was then
			s.links = s.links[1:]
		}
		s.links = append(s.links, sample{at, n})
	}
	if !s.card0.Known() {
		s.card0 = r.Card.Errors
	}
}

// sagging is 1 if the supply has sagged since the reading before, by whatever says so.
func (s *senses) sagging() hw.Value[int64] {
	direct, err := s.now.UnderVoltage.Get()
	bits, errBits := s.now.Throttling.Get()
	if err != nil && errBits != nil {
		return hw.Unknown[int64](err)
	}
	return hw.Known(truth(direct || bits&hw.UnderVoltageNow != 0))
}

// ofBoard returns what the last reading says, with those before it.
func (s *senses) ofBoard(now time.Time) map[Signal]hw.Value[int64] {
	return map[Signal]hw.Value[int64]{
		Temperature:     as(s.now.Temperature, millicelsius),
		TemperatureMean: s.mean(now),
		TemperatureRise: s.rise(now),
		TemperatureSoon: s.soon(now),
		FanStill:        s.fanStill(),
		Slowed:          s.slowed(),
		UnderVoltage:    s.sagging(),
		UnderVoltages:   as(s.sagging(), func(int64) int64 { return int64(len(after(s.sags, now.Add(-eventsOver)))) }),
		SupplyVoltage:   as(s.now.Supply.Voltage, func(v physic.ElectricPotential) int64 { return int64(v / physic.MilliVolt) }),
		CardReadOnly:    as(s.now.Card.ReadOnly, truth),
		CardErrors:      as(s.now.Card.Errors, func(n int64) int64 { first, _ := s.card0.Get(); return n - first }),
		LinkChanges:     as(s.now.Link.Changes, func(n int64) int64 { return n - s.links[0].value }),
		Unread:          hw.Known(int64(s.unread())),
	}
}

// average returns the mean of samples; they are not none.
func average(all []sample) int64 {
	sum := int64(0)
	for _, x := range all {
		sum += x.value
	}
	return sum / int64(len(all))
}

func (s *senses) mean(now time.Time) hw.Value[int64] {
	if _, err := s.now.Temperature.Get(); err != nil {
		return hw.Unknown[int64](err)
	}
	recent := after(s.heat, now.Add(-meanOver))
	if len(recent) == 0 {
		return hw.Unknown[int64](errFew)
	}
	return hw.Known(average(recent))
}

// rise is how fast the temperature has risen between the ends of its window.
func (s *senses) rise(now time.Time) hw.Value[int64] {
	if _, err := s.now.Temperature.Get(); err != nil {
		return hw.Unknown[int64](err)
	}
	recent := after(s.heat, now.Add(-riseOver))
	if len(recent) < 3 { // one wrong value is no rise
		return hw.Unknown[int64](errFew)
	}
	first, last := recent[0], recent[len(recent)-1]
	return hw.Known((last.value - first.value) * 1000 / max(1, last.at.Sub(first.at).Milliseconds()))
}

// soon is what the temperature will be in a minute. The board takes some 100 s to heat (its second time constant), so that in 60 s it goes
// 100*(1-exp(-0.6)) = 45 s of its present slope, which is that between the mean of the last 10 s and that of the 10 s before.
func (s *senses) soon(now time.Time) hw.Value[int64] {
	mean, err := s.mean(now).Get()
	if err != nil {
		return hw.Unknown[int64](err)
	}
	recent := after(s.heat, now.Add(-meanOver))
	before := after(s.heat[:len(s.heat)-len(recent)], now.Add(-2*meanOver))
	if len(before) == 0 || now.Sub(before[0].at) < 2*meanOver-3*time.Second {
		return hw.Unknown[int64](errFew)
	}
	age, apart := now.Sub(middle(recent)), middle(recent).Sub(middle(before))
	ahead := soonIn*3/4*time.Second + age
	return hw.Known(mean + (mean-average(before))*ahead.Milliseconds()/max(1, apart.Milliseconds()))
}

// middle is the mean of the times of samples; they are not none.
func middle(all []sample) time.Time {
	sum := time.Duration(0)
	for _, x := range all {
		sum += x.at.Sub(all[0].at)
	}
	return all[0].at.Add(sum / time.Duration(len(all)))
}

// turns is how fast a fan turns at least that works, in turns a minute.
const turns = 500

// driven is the lowest speed that the kernel gives the fan of a Pi 5: 75 of 255. At less a fan may stand.
const driven = 75 * hw.FullDuty / 255

func (s *senses) fanStill() hw.Value[int64] {
	duty, err := s.now.Fan.Duty.Get()
	rpm, errRPM := s.now.Fan.RPM.Get()
	switch {
	case err != nil:
		return hw.Unknown[int64](err)
	case errRPM != nil:
		return hw.Unknown[int64](errRPM)
	case duty >= driven && rpm == 0:
		return hw.Known(int64(1))
	case rpm > turns:
		return hw.Known(int64(0))
	}
	return hw.Unknown[int64](errNoFan)
}

func (s *senses) slowed() hw.Value[int64] {
	if _, err := s.now.Throttling.Get(); err != nil {
		return hw.Unknown[int64](err)
	}
	n := int64(0)
	for _, x := range s.slow {
		n += x.value
	}
	return hw.Known(n)
}

// clockShare is what the clock is of its most, in whole quarters but at least one; all if it is not known.
func (s *senses) clockShare() int {
	f, err := s.now.Clock.Get()
	if err != nil || s.info.MaxClock == 0 || f >= s.info.MaxClock {
		return Full
	}
	return max(1, int(4*f/s.info.MaxClock)) * quarter
}

// amplification is how many bytes a card writes for one that it is given, when writes are small and synced: 4 to 10.
const amplification = 4

func (s *senses) rewrites(total hw.Value[int64]) hw.Value[int64] {
	all, err := total.Get()
	if err != nil || all <= 0 {
		return hw.Unknown[int64](err)
	}
	return as(s.now.Card.Written, func(n int64) int64 { return n / all * amplification })
}

// load is what the node and its neighbours draw, in thousandths of what their supply can give.
func (s *senses) load(most hw.Value[physic.Power]) hw.Value[int64] {
	limit, err := most.Get()
	if err != nil || limit <= 0 {
		return hw.Unknown[int64](err)
	}
	sum := int64(0)
	all := []hw.Power{s.now.Supply}
	for _, p := range s.now.Neighbours {
		all = append(all, p)
	}
	for _, p := range all {
		v, errV := p.Voltage.Get()
		i, errI := p.Current.Get()
		if err := errors.Join(errV, errI); err != nil {
			return hw.Unknown[int64](err)
		}
		sum += int64(v/physic.MilliVolt) * int64(i/physic.MilliAmpere) // µW
	}
	return hw.Known(sum * 1000 / int64(limit/physic.MicroWatt))
}

// unread counts what the board has and could not be read.
func (s *senses) unread() (n int) {
	r := &s.now
	for _, q := range []struct {
		has   hw.Capability
		known bool
	}{{hw.ReadTemperature, r.Temperature.Known()}, {hw.ReadClock, r.Clock.Known()}, {hw.ReadThrottling, r.Throttling.Known()},
		{hw.ReadUnderVoltage, r.UnderVoltage.Known()}, {hw.ReadVoltage, r.Supply.Voltage.Known()}, {hw.ReadCurrent, r.Supply.Current.Known()},
		{hw.ReadFan, r.Fan.RPM.Known()}, {hw.ReadCard, r.Card.ReadOnly.Known()}, {hw.ReadCardErrors, r.Card.Errors.Known()},
		{hw.ReadLink, r.Link.Changes.Known()}} {
		if err, listed := s.info.Has[q.has]; listed && err == nil && !q.known {
			n++
		}
	}
	return n
}
