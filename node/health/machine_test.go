package health

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"pgregory.net/rapid"

	"picloud/hw"
)

// begin is when the tests begin.
func begin() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

func celsius(milli int64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(milli)*physic.MilliKelvin
}

var errSensor = errors.New("the sensor does not answer")

// quiet is what a board shows that is well.
func quiet() hw.Reading {
	return hw.Reading{
		Temperature: hw.Known(celsius(45_000)), Clock: hw.Known(1500 * physic.MegaHertz), Throttling: hw.Known(hw.Throttling(0)), UnderVoltage: hw.Known(false),
		Supply: hw.Power{Voltage: hw.Known(5100 * physic.MilliVolt), Current: hw.Known(600 * physic.MilliAmpere)},
		Fan:    hw.Fan{Duty: hw.Known(hw.Duty(0)), RPM: hw.Known(0)},
		Card:   hw.Card{Serial: hw.Known("0x1234"), ReadOnly: hw.Known(false), Errors: hw.Known(int64(3)), Written: hw.Known(int64(1 << 30))},
		Link:   hw.Link{Up: hw.Known(true), Changes: hw.Known(int64(1))},
	}
}

// tell returns when which rules are raised (+) and cleared (-) by what a machine sees every two seconds.
func tell(rules []Rule, info hw.Info, seconds int, see func(second int, s *Sight)) string {
	m := NewMachine(rules, info)
	var said []string
	for second := 0; second <= seconds; second += 2 {
		s := Sight{Board: quiet(), Read: begin().Add(time.Duration(second) * time.Second), Syncs: hw.Known(Syncs{Tail: 5 * time.Millisecond}),
			CardLies: hw.Known(false), DiskTotal: hw.Known(int64(32 << 30)), Condemned: hw.Known(int64(0))}
		see(second, &s)
		for _, d := range m.Decide(s, begin().Add(time.Duration(second)*time.Second)) {
			sign := "-"
			if d.Raised {
				sign = "+"
			}
			said = append(said, strings.TrimSuffix(fmt.Sprintf("%s%s@%d %s", sign, d.Rule.Name, second, d.Subject), " "))
		}
	}
	return strings.Join(said, ", ")
}

// TestAnOldReadingSaysNothingOfTheSupply.
func TestAnOldReadingSaysNothingOfTheSupply(t *testing.T) {
	var rules []Rule
	for _, r := range DefaultRules() {
		if r.Signal == SupplyLoad {
			r.For = 30 * time.Second
			rules = append(rules, r)
		}
	}
	got := tell(rules, hw.Info{}, 100, func(s int, sight *Sight) {
		sight.SupplyMost = hw.Known(3 * physic.Watt)
		sight.Read = begin().Add(time.Duration(min(s, 10)) * time.Second)
	})
	if len(rules) != 1 || got != "" {
		t.Errorf("of %d rules: %s", len(rules), got)
	}
}

func TestRules(t *testing.T) {
	heat := func(of func(second int) int64) func(int, *Sight) {
		return func(second int, s *Sight) { s.Board.Temperature = hw.Known(celsius(of(second))) }
	}
	step := func(from, to int, in, out int64) func(int) int64 {
		return func(second int) int64 {
			if second >= from && second < to {
				return in
			}
			return out
		}
	}
	softly := hw.Info{SoftLimit: celsius(60_000)}
	for _, c := range []struct {
		name  string
		info  hw.Info
		only  string // rules, separated by spaces; all if it is empty
		until int
		see   func(int, *Sight)
		want  string
	}{
		{"what is well does nothing", hw.Info{}, "", 3600, func(int, *Sight) {}, ""},
		{"60 °C are nothing to a board that is first slowed at 80", hw.Info{SoftLimit: celsius(80_000)}, "warm", 600,
			func(_ int, sight *Sight) { sight.Board.Temperature = hw.Known(celsius(60_000)) }, ""},
		{"what is not known does nothing but be missed", hw.Info{Has: map[hw.Capability]error{hw.ReadTemperature: nil}}, "", 600,
			func(s int, sight *Sight) { *sight = Sight{Read: sight.Read} }, "+blind@30"},
		{"a board that is not read", hw.Info{}, "", 600, func(s int, sight *Sight) {
			if s >= 100 {
				*sight = Sight{Board: sight.Board, Read: begin().Add(98 * time.Second)}
			}
		}, "+blind@140"},
		{"the fan follows the heat", hw.Info{}, "fan-30 fan-50", 120, heat(step(20, 60, 62_000, 40_000)), "+fan-30@24, +fan-50@30, -fan-50@72, -fan-30@78"},
		{"a board with a soft limit is cooled early", softly, "fan-30 warm", 60, heat(step(0, 100, 58_000, 0)), "+fan-30@0, +warm@0"},
		{"another is not", hw.Info{}, "fan-30 warm", 60, heat(step(0, 100, 58_000, 0)), "+fan-30@0"},
		{"heat takes work off, then the lead, then all", hw.Info{}, "warm hot too-hot", 900,
			heat(func(s int) int64 { return min(84_000, 60_000+int64(s)*100, 60_000+int64(max(0, 840-s))*100) }), "+warm@106, +hot@176, +too-hot@240, -hot@796, -warm@836, -too-hot@860"},
		{"a peak of ten seconds does not drain", hw.Info{}, "too-hot", 200, heat(step(50, 60, 85_000, 60_000)), ""},
		{"88 degrees halt", hw.Info{}, "burning", 100, heat(step(50, 100, 88_500, 80_000)), "+burning@52"},
		{"a sensor that jumps once is no runaway", hw.Info{}, "runaway", 100, heat(step(50, 52, 80_000, 50_000)), ""},
		{"six degrees a second are", hw.Info{}, "runaway", 70, heat(func(s int) int64 { return 40_000 + int64(max(0, s-50))*6_000 }), "+runaway@58"},
		{"heat is foreseen", hw.Info{}, "soon-hot hot", 140, heat(func(s int) int64 { return 50_000 + int64(s)*250 }), "+soon-hot@82, +hot@114"},
		{"a fan that stands while it is driven", hw.Info{}, "dead-fan", 100, func(s int, sight *Sight) {
			sight.Board.Fan = hw.Fan{Duty: hw.Known(hw.Duty(500)), RPM: hw.Known(int(step(20, 40, 0, 2000)(s)))}
		}, "+dead-fan@26, -dead-fan@70"},
		{"the kernel's lowest speed is driven, too", hw.Info{}, "dead-fan", 100, func(s int, sight *Sight) {
			sight.Board.Fan = hw.Fan{Duty: hw.Known(hw.Duty(75 * 1000 / 255)), RPM: hw.Known(int(step(20, 40, 0, 2000)(s)))}
		}, "+dead-fan@26, -dead-fan@70"},
		{"one that is not driven may stand", hw.Info{}, "dead-fan", 100, func(s int, sight *Sight) {
			sight.Board.Fan = hw.Fan{Duty: hw.Known(hw.Duty(0)), RPM: hw.Known(0)}
		}, ""},
		{"a clock that is held down in two of three", hw.Info{}, "slowed", 200, func(s int, sight *Sight) {
			sight.Board.Throttling = hw.Known(hw.Throttling(step(20, 22, 4, 0)(s) | step(24, 26, 2, 0)(s)))
		}, "+slowed@24, -slowed@90"},
		{"what has been is not now", hw.Info{}, "slowed sag", 100, func(s int, sight *Sight) { sight.Board.Throttling = hw.Known(hw.Throttling(0x50000)) }, ""},
		{"the supply sags once", hw.Info{}, "sag sagged", 200, func(s int, sight *Sight) { sight.Board.UnderVoltage = hw.Known(s == 50) }, "+sag@50, +sagged@50, -sag@62, -sagged@112"},
		{"it sags for the third time in ten minutes", hw.Info{}, "bad-supply", 900, func(s int, sight *Sight) {
			sight.Board.UnderVoltage = hw.Known(s == 50 || s >= 300 && s < 310 || s == 600)
		}, "+bad-supply@600"},
		{"thrice in twenty minutes is less", hw.Info{}, "bad-supply", 1300, func(s int, sight *Sight) {
			sight.Board.UnderVoltage = hw.Known(s == 50 || s == 600 || s == 1200)
		}, ""},
		{"a low voltage, before it sags", hw.Info{}, "low-voltage", 100, func(s int, sight *Sight) {
			sight.Board.Supply.Voltage = hw.Known(physic.ElectricPotential(step(20, 40, 4_740, 4_800)(s)) * physic.MilliVolt)
		}, "+low-voltage@20"},
		{"a slow card does not lead", hw.Info{}, "slow-card card-pause card-hangs", 100, func(s int, sight *Sight) {
			sight.Syncs = hw.Known(Syncs{Tail: time.Duration(step(20, 60, 450, 270)(s)) * time.Millisecond, Waits: time.Duration(step(40, 44, 6, 0)(s)) * time.Second})
		}, "+slow-card@40, +card-hangs@40, -card-hangs@54"},
		{"a card with a new error", hw.Info{}, "card-errors", 100, func(s int, sight *Sight) { sight.Board.Card.Errors = hw.Known(step(40, 1000, 4, 3)(s)) }, "+card-errors@40"},
		{"errors of old are no new ones", hw.Info{}, "card-errors", 100, func(s int, sight *Sight) { sight.Board.Card.Errors = hw.Known(int64(70)) }, ""},
		{"a dying card does not become well", hw.Info{}, "card-read-only card-lies", 4000, func(s int, sight *Sight) {
			sight.Board.Card.ReadOnly, sight.CardLies = hw.Known(s == 10), hw.Known(s == 20)
		}, "+card-read-only@10, +card-lies@20"},
		{"a link that flaps", hw.Info{}, "flapping-link", 2500, func(s int, sight *Sight) { sight.Board.Link.Changes = hw.Known(1 + int64(min(s, 40)/10)) }, "+flapping-link@30, -flapping-link@1842"},
		{"a worn card", hw.Info{}, "card-worn", 10, func(s int, sight *Sight) { sight.Board.Card.Written = hw.Known(int64(126 * 32 << 30)) }, "+card-worn@0"},
		{"a wrong processor", hw.Info{}, "wrong-processor", 10, func(s int, sight *Sight) { sight.Condemned = hw.Known(step(4, 100, 1, 0)(s)) }, "+wrong-processor@4"},
		{"a supply that is nearly used up", hw.Info{}, "weak-supply", 60, func(s int, sight *Sight) {
			sight.SupplyMost = hw.Known(10 * physic.Watt)
			sight.Board.Neighbours = map[string]hw.Power{"pi-2": {Voltage: hw.Known(5 * physic.Volt), Current: hw.Known(physic.ElectricCurrent(step(20, 40, 1250, 900)(s)) * physic.MilliAmpere)}}
		}, "+weak-supply@24, -weak-supply@50"},
		{"a neighbour that hangs", hw.Info{}, "hung", 200, func(s int, sight *Sight) {
			sight.Silent = map[string]hw.Value[time.Duration]{"pi-3": hw.Known(time.Duration(max(0, s-50)) * time.Second), "pi-2": hw.Known(time.Second)}
			if s >= 100 {
				sight.Silent["pi-3"] = hw.Known(time.Second)
			}
		}, "+hung@80 pi-3, -hung@106 pi-3"},
		{"one of whom nobody knows", hw.Info{}, "hung", 200, func(s int, sight *Sight) {
			sight.Silent = map[string]hw.Value[time.Duration]{"pi-3": hw.Unknown[time.Duration](errUplink)}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rules []Rule
			for _, r := range DefaultRules() {
				if c.only == "" || strings.Contains(" "+c.only+" ", " "+r.Name+" ") {
					rules = append(rules, r)
				}
			}
			if got := tell(rules, c.info, c.until, c.see); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// naive is how a rule stands after each of some values, found out by looking at all that was before.
func naive(r Rule, at []time.Time, values []hw.Value[int64]) (stands []bool) {
	is, cleared := false, -1
	for now := range values {
		held := func(good func(int64) bool, d time.Duration) bool {
			for first := now; first >= 0; first-- {
				v, err := values[first].Get()
				if err != nil || !good(v) {
					return false
				}
				if at[now].Sub(at[first]) >= d {
					return true
				}
			}
			return false
		}
		up := r.Raise > r.Clear
		bad := func(v int64) bool { return up && v >= r.Raise || !up && v <= r.Raise }
		good := func(v int64) bool { return up && v <= r.Clear || !up && v >= r.Clear }
		switch {
		case !is:
			is = held(bad, r.For) && (cleared < 0 || at[now].Sub(at[cleared]) >= r.CoolDown)
		case !r.Stays && held(good, r.Hold):
			is, cleared = false, now
		}
		stands = append(stands, is)
	}
	return stands
}

// TestRulesNeverFlap draws rules and what they look at. A rule stands as it does by the naive way; it is not raised before it has cooled
// down, not cleared before it was well for long enough, and neither by what is not known.
func TestRulesNeverFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{Name: "drawn", Signal: Temperature, Effect: Effect{Rest: true},
			Raise: rapid.Int64Range(-5, 5).Draw(t, "raise"), Clear: rapid.Int64Range(-5, 5).Draw(t, "clear"),
			For:      time.Duration(rapid.IntRange(0, 4).Draw(t, "for")) * time.Second,
			Hold:     time.Duration(rapid.IntRange(0, 6).Draw(t, "hold")) * time.Second,
			CoolDown: time.Duration(rapid.IntRange(0, 9).Draw(t, "cool-down")) * time.Second,
			Stays:    rapid.IntRange(0, 9).Draw(t, "stays") == 0}
		if r.Raise == r.Clear {
			r.Raise++
		}
		m := NewMachine([]Rule{r}, hw.Info{})
		var at []time.Time
		var values []hw.Value[int64]
		var stands []bool
		now, is := begin(), false
		var raised, cleared time.Time
		for i := range rapid.IntRange(1, 60).Draw(t, "values") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second)
			v := hw.Known(rapid.Int64Range(-7, 7).Draw(t, "value"))
			if rapid.IntRange(0, 5).Draw(t, "known") == 0 {
				v = hw.Unknown[int64](errSensor)
			}
			at, values = append(at, now), append(values, v)
			for _, d := range m.decide(map[Signal]map[string]hw.Value[int64]{Temperature: {"": v}}, now) {
				if is == d.Raised || !v.Known() {
					t.Fatalf("at value %d: raised %t although it stood %t, and the value is known: %t", i, d.Raised, is, v.Known())
				}
				is = d.Raised
				if is {
					if !cleared.IsZero() && now.Sub(cleared) < r.CoolDown {
						t.Fatalf("raised again %s after it was cleared", now.Sub(cleared))
					}
					raised = now
				} else {
					if now.Sub(raised) < r.Hold {
						t.Fatalf("cleared %s after it was raised", now.Sub(raised))
					}
					cleared = now
				}
			}
			stands = append(stands, is)
		}
		if want := naive(r, at, values); fmt.Sprint(stands) != fmt.Sprint(want) {
			t.Fatalf("%+v\nstands %v\nwant   %v", r, stands, want)
		}
	})
}

func TestEffectsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Effect {
			return Effect{Fan: hw.Duty(rapid.IntRange(0, 1000).Draw(t, name)), Weight: rapid.IntRange(0, Full).Draw(t, name), Share: rapid.IntRange(0, Full).Draw(t, name),
				Clock: rapid.IntRange(0, Full).Draw(t, name), Follow: rapid.Bool().Draw(t, name), Drain: rapid.Bool().Draw(t, name)}
		}
		a, b, c := draw("a"), draw("b"), draw("c")
		if a.add(b) != b.add(a) || a.add(b).add(c) != a.add(b.add(c)) || a.add(a) != a || a.add(Effect{}) != a {
			t.Fatalf("the order of %+v, %+v and %+v matters", a, b, c)
		}
	})
}

func TestBadRulesAreRefused(t *testing.T) {
	good := DefaultRules()[0]
	for want, change := range map[string]func(*Rule){
		"no name":                  func(r *Rule) { r.Name = "" },
		"there is no signal":       func(r *Rule) { r.Signal = "mood" },
		"it would flap":            func(r *Rule) { r.Clear = r.Raise },
		"on the other side":        func(r *Rule) { r.SoftRaise, r.SoftClear = 1, 2 },
		"a time is negative":       func(r *Rule) { r.Hold = -1 },
		"it has no effect":         func(r *Rule) { r.Effect = Effect{} },
		"effect.weight is 0 to":    func(r *Rule) { r.Effect.Weight = Full + 1 },
		"neighbours are cut off":   func(r *Rule) { r.Effect.Cycle = true },
		"no effect on the node it": func(r *Rule) { r.Signal, r.Effect = Silent, Effect{Cycle: true, Rest: true} },
	} {
		r := good
		change(&r)
		if err := r.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c := DefaultConfig()
	c.Rules = DefaultRules()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Rules = append(c.Rules, c.Rules[0])
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}
