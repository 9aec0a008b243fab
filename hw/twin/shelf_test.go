package twin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"picloud/hw"
)

// rack is a shelf of boards that all work alike.
type rack struct {
	*Shelf
	t *testing.T
}

func newRack(t *testing.T, n int, c ShelfConfig) rack {
	t.Helper()
	var members []*Pi
	for i := range n {
		p, err := New(Config{Name: fmt.Sprintf("pi%d", i), Model: Pi4B, Equipment: hw.Config{
			Relays: []hw.Relay{{Feeds: fmt.Sprintf("pi%d", (i+1)%n), Pin: "GPIO17"}},
			Meters: []hw.Meter{{Of: fmt.Sprintf("pi%d", (i+1)%n), Chip: "ina219", Address: 0x40}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, p)
	}
	s, err := NewShelf(c, members...)
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(0)
	return rack{s, t}
}

func (r rack) run(t time.Duration, cores int) {
	for until := r.now + t; r.now < until; {
		next := r.now + tickTime
		for _, m := range r.members {
			m.Advance(next, Work{CoreTime: tickTime * time.Duration(cores)})
		}
		r.Advance(next)
	}
}

func (r rack) running() int {
	n := 0
	for _, m := range r.members {
		if m.Running() {
			n++
		}
	}
	return n
}

func TestBoardsAboveAreWarmer(t *testing.T) {
	r := newRack(t, 3, ShelfConfig{})
	r.run(20*time.Minute, 1)
	a, b, c := r.members[0], r.members[1], r.members[2]
	each := a.Milliwatts() * 700 / 1000
	if warm := b.MilliCelsius() - a.MilliCelsius(); warm < each-20 || warm > each+20 {
		t.Errorf("the second is %d warmer than the first, want %d", warm, each)
	}
	if warm := c.MilliCelsius() - b.MilliCelsius(); warm < -20 || warm > 20 {
		t.Errorf("the third, which has one board below it as well, is %d warmer than the second", warm)
	}
	r.SetAmbient(32_000)
	r.run(20*time.Minute, 1)
	if now := a.MilliCelsius(); now < 63_200 || now > 64_500 { // 3.4 W * 9.5 K/W
		t.Errorf("in a warm room the first has %d", now)
	}
	cupboard := newRack(t, 3, ShelfConfig{CupboardKelvin: 500})
	cupboard.run(20*time.Minute, 1)
	if warm := cupboard.members[0].MilliCelsius() - (22_000 + 32_300); warm < 5000 || warm > 5200 { // 10.2 W
		t.Errorf("a cupboard makes it %d warmer", warm)
	}
}

func TestAnOverloadedSupplyPullsAllDown(t *testing.T) {
	r := newRack(t, 4, ShelfConfig{BudgetMilliwatts: 22_000, OverloadMillijoules: 60_000})
	r.run(5*time.Second, 0)
	if r.running() != 4 || r.Trips() != 0 {
		t.Fatalf("%d run after %d trips", r.running(), r.Trips())
	}
	atStart := r.Short() // what all draw when they are given power
	r.run(tickTime, 4)
	r.run(tickTime, 4) // 25.6 W
	for _, m := range r.members {
		m.Events()
		if v := m.Millivolts(); v >= underMillivolts || v < resetMillivolts {
			t.Errorf("%s has %d mV", m.Name(), v)
		}
	}
	r.run(tickTime, 4)
	if bits := r.members[2].bits; bits&hw.UnderVoltageNow == 0 {
		t.Errorf("the third does not feel what all do: %v", bits)
	}
	if r.Short() == atStart || r.Trips() != 0 {
		t.Errorf("it gave too little %d times, %d of them at the start, with %d trips", r.Short(), atStart, r.Trips())
	}
	r.run(10*time.Second, 4)
	if r.Milliwatts() > 22_000 || r.running() != 4 {
		t.Errorf("the clamped clocks draw %d mW, and %d run", r.Milliwatts(), r.running())
	}
}

func TestATrippedSupplyTriesAgain(t *testing.T) {
	r := newRack(t, 4, ShelfConfig{BudgetMilliwatts: 40_000})
	r.run(5*time.Second, 0)
	r.SetBudget(5_000)
	for i := 0; r.Trips() == 0 && i < 100; i++ {
		r.run(tickTime, 4)
	}
	if r.SupplyOn() || r.running() != 0 {
		t.Fatalf("on %t, %d run", r.SupplyOn(), r.running())
	}
	r.SetBudget(40_000)
	r.run(hiccupTime+time.Second, 0)
	if !r.SupplyOn() || r.running() != 4 {
		t.Fatalf("on %t, %d run", r.SupplyOn(), r.running())
	}
	var kinds []string
	for _, e := range r.members[0].Events() {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); !strings.HasSuffix(got, "started") || !strings.Contains(got, "power-off") && !strings.Contains(got, "reset") {
		t.Errorf("the first saw %s", got)
	}
}

// TestASupplyThatIsOutStartsNobody, also after it has turned itself off and nobody draws anything, and all start once it is back.
func TestASupplyThatIsOutStartsNobody(t *testing.T) {
	r := newRack(t, 2, ShelfConfig{BudgetMilliwatts: 18_000})
	r.run(5*time.Second, 0)
	started := func() (n int) {
		for _, m := range r.members {
			for _, e := range m.Events() {
				if e.Kind == Started {
					n++
				}
			}
		}
		return n
	}
	if n := started(); n != 2 {
		t.Fatalf("%d boards started", n)
	}
	r.SetBudget(0)
	r.run(time.Minute, 0)
	if n := started(); n != 0 || r.running() != 0 || r.Short() == 0 {
		t.Errorf("without a supply boards started %d times and %d run; it was short %d times", n, r.running(), r.Short())
	}
	r.SetBudget(18_000)
	r.run(hiccupTime+time.Second, 0)
	if n := started(); n != 2 || r.running() != 2 {
		t.Errorf("when it was back %d boards started, and %d run", n, r.running())
	}
}

func TestStartingAllAtOnceTripsWhatOneAfterTheOtherDoesNot(t *testing.T) {
	config := ShelfConfig{BudgetMilliwatts: 20_000, OverloadMillijoules: 5_000}
	atOnce := newRack(t, 8, config)
	atOnce.run(30*time.Second, 0)
	if atOnce.Trips() < 5 {
		t.Errorf("8 boards that start at once trip it %d times", atOnce.Trips())
	}
	staggered := newRack(t, 8, config)
	for _, m := range staggered.members {
		staggered.SetPlugged(m.Name(), false)
	}
	staggered.run(10*time.Second, 0)
	trips := staggered.Trips()
	for _, m := range staggered.members {
		staggered.SetPlugged(m.Name(), true)
		staggered.run(2*time.Second, 0)
	}
	if staggered.Trips() != trips || staggered.running() != 8 {
		t.Errorf("one after the other: %d trips more, %d run", staggered.Trips()-trips, staggered.running())
	}
}

func TestARelayOfTheShelfCutsItsNeighbour(t *testing.T) {
	r := newRack(t, 2, ShelfConfig{})
	r.run(2*time.Second, 0)
	pin, err := r.members[0].Parts().Pin("GPIO17")
	if err != nil {
		t.Fatal(err)
	}
	meter := registers{t, dev(t, r.members[0])}
	if meter.get(1) < 4000 { // 0.4 A
		t.Errorf("the neighbour draws %d", meter.get(1))
	}
	if err := pin.Out(gpio.High); err != nil {
		t.Fatal(err)
	}
	r.run(time.Second, 0)
	if r.members[1].Running() || meter.get(1) != 0 {
		t.Error("the neighbour still draws")
	}
	if err := pin.Out(gpio.Low); err != nil {
		t.Fatal(err)
	}
	r.run(time.Second, 0)
	if !r.members[1].Running() {
		t.Error("the neighbour does not come back")
	}
	r.SetPlugged("pi0", false)
	r.run(time.Second, 0)
	if r.members[0].Running() || !r.members[1].Running() {
		t.Error("a plug was pulled from the wrong one")
	}
}

func TestShelvesAreRefused(t *testing.T) {
	a, _ := New(Config{Name: "a"})
	for want, c := range map[string]ShelfConfig{
		"ambient air": {Ambient: 200_000}, "cools what it holds": {CupboardKelvin: -1}, "supply is negative": {BudgetMilliwatts: -1},
	} {
		if _, err := NewShelf(c, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := NewShelf(ShelfConfig{}, a, a); err == nil || !strings.Contains(err.Error(), `the name "a"`) {
		t.Error(err)
	}
}
