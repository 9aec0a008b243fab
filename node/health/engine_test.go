package health

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/store/storetest"
)

// inLab tells a story of so many machines. All engines end with it.
func inLab(t *testing.T, machines int, story func(t *testing.T, l *lab)) {
	t.Helper()
	if testing.Short() && t.Name() != "TestHeatTakesWorkOffAMachine" && t.Name() != "TestADyingCardEndsItsNode" {
		t.Skip("the race detector takes minutes for all stories: it sees two")
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, machines)
		defer l.end()
		story(t, l)
	})
}

func TestQuietMachinesAreLeftAlone(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		time.Sleep(10 * time.Minute)
		if len(l.deeds) > 0 || len(l.journal()) > 0 {
			t.Errorf("done: %q; in the journal: %q", l.deeds, l.journal())
		}
	})
}

func TestHeatTakesWorkOffAMachine(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		m := l.machines["pi-1"]
		time.Sleep(20 * time.Second)
		m.heat(71_000)
		time.Sleep(30 * time.Second)
		m.heat(78_000)
		time.Sleep(30 * time.Second)
		l.set(func() {
			if m.share != Full/4 || !m.follows || l.group.Leader != "pi-2" || m.draining {
				t.Errorf("at 78 °C it takes %d, follows: %t (%s leads), and drains: %t", m.share, m.follows, l.group.Leader, m.draining)
			}
		})
		m.heat(84_000)
		time.Sleep(30 * time.Second)
		l.set(func() {
			if !m.draining {
				t.Error("at 84 °C it is still in service")
			}
		})
		m.heat(45_000)
		time.Sleep(5 * time.Minute)
		l.set(func() {
			if m.draining || m.share != Full || m.weight != Full || m.follows {
				t.Error("it has cooled down, and is not what it was before")
			}
		})
		want := []string{"fan 300", "fan 500", "rests true", "takes 500000, 1000000", "fan 700", "fan 1000", "takes 500000, 250000", "leads false", "drains true"}
		var got []string
		for _, d := range l.done("pi-1 ") {
			_, what, _ := strings.Cut(d, "pi-1 ")
			got = append(got, what)
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("it did %q, not first %q", got, want)
		}
		if j := l.journal(); len(j) != len(got) {
			t.Errorf("%d entries of the journal for %d deeds: %q, %q", len(j), len(got), j, got)
		}
	})
}

func TestOneHotShelfIsNotDrainedAsAWhole(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		for _, m := range l.machines {
			m.heat(84_000)
		}
		time.Sleep(10 * time.Minute)
		if n := len(l.done("drains true")); n != 1 {
			t.Errorf("%d machines are drained: %q", n, l.done("drains"))
		}
	})
}

func TestAHungNeighbourGetsItsPowerCut(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		l.machines["pi-3"].hang()
		time.Sleep(4 * time.Minute)
		cut := l.done("pi-3")
		if len(cut) != 2 || !strings.HasSuffix(cut[0], "pi-1 opens pi-3") || !strings.HasSuffix(cut[1], "pi-1 closes pi-3") {
			t.Fatalf("%q", cut)
		}
		var opened, closed time.Duration
		opened, _ = time.ParseDuration(strings.Fields(cut[0])[0])
		closed, _ = time.ParseDuration(strings.Fields(cut[1])[0])
		if wait := opened - 20*time.Second; wait < 26*time.Second || wait > 45*time.Second || closed-opened != 10*time.Second {
			t.Errorf("it was cut off after %s of silence, for %s", wait, closed-opened)
		}
		if j := l.journal(); !slices.Equal(j, []string{"pi-1 cycle pi-3"}) {
			t.Errorf("the journal has %q", j)
		}
	})
}

func TestWhoIsNotCutOff(t *testing.T) {
	for _, c := range []struct {
		name  string
		trap  func(l *lab)
		why   string // in the log
		hangs string
	}{
		{"one who is heard by another", func(*lab) {}, "1 of 2 observers", "pi-3"},
		{"one who draws no current", func(l *lab) {
			l.machines["pi-1"].reading.Neighbours = map[string]hw.Power{"pi-3": {Voltage: hw.Known(0 * physic.Volt), Current: hw.Known(0 * physic.Ampere)}}
		}, "", "pi-3"},
		{"one whose meter does not answer", func(l *lab) {
			l.machines["pi-1"].reading.Neighbours = map[string]hw.Power{"pi-3": {Current: hw.Unknown[physic.ElectricCurrent](errSensor)}}
		}, "", "pi-3"},
		{"one who leads still", func(l *lab) { l.group.Leader = "pi-3" }, "no other node is known to have all", "pi-3"},
		{"one whose group is without a leader", func(l *lab) { l.group.Leader = "" }, "no other node is known to have all", "pi-3"},
		{"one of whose groups nobody knows", func(l *lab) { l.unknown = errors.New("group 0 does not answer") }, "group 0 does not answer", "pi-3"},
		{"one of two that are up to date", func(l *lab) { l.group.Applied["pi-2"] = 100 }, "would have 1 well members", "pi-3"},
		{"one who was halted", func(l *lab) {
			if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: outRow("pi-3"), Value: []byte(Halt)}}}); err != nil {
				l.t.Error(err)
			}
		}, "treated already: halt", "pi-3"},
		{"one while another is treated", func(l *lab) {
			row := []byte(`{"node":"pi-9","action":"drain","subject":"pi-9","token":7}`)
			if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: budgetRow, Value: row}}}); err != nil {
				l.t.Error(err)
			}
		}, "pi-9 does drain to pi-9", "pi-3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, 3, func(t *testing.T, l *lab) {
				l.runAll(func(config *Config, k *Kit) {
					if c.why == "1 of 2 observers" && k.Owner.Node == "pi-2" {
						config.Neighbours = nil // it misses nobody
					}
				})
				time.Sleep(20 * time.Second)
				l.set(func() { c.trap(l) })
				l.machines[c.hangs].hang()
				time.Sleep(5 * time.Minute)
				if cut := l.done("opens"); len(cut) > 0 {
					t.Errorf("%q", cut)
				}
				if !l.said.has(c.why) {
					t.Errorf("nobody says %q:\n%s", c.why, l.said.String())
				}
			})
		})
	}
}

func TestWhoIsCutOffThemselvesCutNobodyOff(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		l.set(func() { l.machines["pi-1"].isolated = true }) // it hears nobody; the others do not hear it
		time.Sleep(10 * time.Minute)
		for _, d := range l.done("opens") {
			if strings.Contains(d, "pi-1 opens") {
				t.Error(d)
			}
		}
	})
}

func TestTheBackupActsWhenTheOwnerHangsToo(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		l.set(func() { l.group.Leader = "pi-2"; l.machines["pi-1"].stays = true })
		l.machines["pi-1"].hang()
		time.Sleep(2 * time.Minute)
		if cut := l.done("opens"); len(cut) != 1 || !strings.HasSuffix(cut[0], "pi-2 opens pi-1") {
			t.Errorf("%q", cut)
		}
	})
}

// TestATokenThatIsLostMovesNoRelay: the owner stands still after it has written down what it will do, or when it looks at its meter then. The
// backup does it meanwhile.
func TestATokenThatIsLostMovesNoRelay(t *testing.T) {
	for _, atMeter := range []bool{false, true} {
		t.Run(fmt.Sprint("at its meter: ", atMeter), func(t *testing.T) {
			inLab(t, 5, func(t *testing.T, l *lab) {
				l.tick.Reset(10 * time.Second)
				owner := l.machines["pi-1"]
				var entered, paused bool
				l.looks = func(m *machine) {
					if m == owner && entered && !paused {
						paused = true
						owner.gate.pause()
					}
				}
				l.runAll(slowly)
				time.Sleep(time.Minute)
				l.store.Fail(func(x *api.Txn) *storetest.Fault {
					if !entered && enters(x, rows+"cycled/pi-5/") && strings.Contains(string(x.Then[0].Value), `"node":"pi-1"`) {
						entered = true
						if !atMeter {
							paused = true
							owner.gate.pause() // the answer does not reach it before it goes on
						}
					}
					return nil
				})
				l.set(func() { l.machines["pi-5"].stays = true; l.group.Leader = "pi-2" })
				l.machines["pi-5"].hang()
				for i := 0; len(l.done("pi-2 opens pi-5")) == 0 && i < 300; i++ { // once the time of the first is over
					time.Sleep(10 * time.Second)
				}
				if !paused {
					t.Fatal("the owner has not begun")
				}
				time.Sleep(time.Minute)
				before := len(l.done("opens pi-5"))
				owner.gate.goOn()
				time.Sleep(3 * time.Minute)
				if cut := l.done("opens pi-5"); before != 1 || len(cut) != 1 {
					t.Errorf("%q\n%s", cut, l.said.String())
				}
			})
		})
	}
}

// slowly is for stories of many hours.
func slowly(c *Config, _ *Kit) {
	c.Every, c.Ask, c.Refresh, c.Live, c.Rules = 10*time.Second, 10*time.Second, 10*time.Second, time.Minute, DefaultRules()
	for i := range c.Rules {
		if c.Rules[i].Signal == Silent {
			c.Rules[i].Raise, c.Rules[i].Clear = 60_000, 20_000
		}
	}
}

func TestANeighbourThatDoesNotComeBackIsLeftOff(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.tick.Reset(10 * time.Second)
		l.runAll(slowly)
		time.Sleep(20 * time.Second)
		m := l.machines["pi-3"]
		l.set(func() { m.stays = true })
		m.hang()
		time.Sleep(4 * time.Hour)
		var at []time.Duration
		for _, d := range l.done("opens pi-3") {
			when, _ := time.ParseDuration(strings.Fields(d)[0])
			at = append(at, when)
		}
		if j := l.journal(); len(at) != 4 || !m.open || l.out()["pi-3"] != LeaveOff || len(j) != 4 {
			t.Fatalf("cut off at %v, and off at the end: %t; out: %v; the journal has %q", at, m.open, l.out(), j)
		}
		for i, least := range backOff {
			if pause := at[i+1] - at[i]; pause < least-20*time.Second || pause > least+3*time.Minute {
				t.Errorf("cut off at %v", at)
			}
		}
	})
}

func TestARelayThatDoesNotMoveIsNotTriedAgain(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.tick.Reset(10 * time.Second)
		l.runAll(slowly)
		time.Sleep(20 * time.Second)
		l.set(func() { l.machines["pi-3"].stuck = true })
		l.machines["pi-3"].hang()
		time.Sleep(2 * time.Hour)
		if cut := l.done("opens"); len(cut) != 1 || l.machines["pi-3"].open {
			t.Errorf("%q; open at the end: %t", cut, l.machines["pi-3"].open)
		}
		if !l.said.has("drew 600mA before the relay was opened, and 600mA after") {
			t.Error("nobody says that the relay has failed")
		}
	})
}

func TestADryRunDoesNothingAndSaysAll(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(func(c *Config, _ *Kit) { c.Mode = Dry })
		time.Sleep(20 * time.Second)
		l.machines["pi-4"].heat(84_000)
		l.set(func() { l.machines["pi-5"].reading.Card.ReadOnly = hw.Known(true) })
		time.Sleep(2 * time.Minute)
		l.machines["pi-3"].hang()
		time.Sleep(2 * time.Minute)
		if len(l.deeds) > 0 {
			t.Errorf("done: %q", l.deeds)
		}
		j := strings.Join(l.journal(), ", ")
		for _, want := range []string{"pi-4 drain pi-4 (dry)", "pi-4 lead  false (dry)", "pi-5 fence pi-5 (dry)", "pi-1 cycle pi-3 (dry)"} {
			if strings.Count(j, want) != 1 {
				t.Errorf("%q stands %d times in the journal: %s", want, strings.Count(j, want), j)
			}
		}
	})
}

func TestADyingCardEndsItsNode(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		m := l.machines["pi-1"]
		l.set(func() { m.reading.Card.Errors = hw.Known(int64(4)) })
		time.Sleep(30 * time.Second)
		l.set(func() {
			if m.fenced == "" || l.group.Leader != "pi-2" {
				t.Errorf("%q; %s leads", l.deeds, l.group.Leader)
			}
		})
		owner := m.engine.kit.Owner
		if why := Fenced(m.disk, owner); !strings.Contains(why, "card-errors") {
			t.Errorf("it may come back: %q", why)
		}
		if err := Forgive(m.disk, owner); err != nil || Fenced(m.disk, owner) != "" {
			t.Errorf("it is not forgiven: %v", err)
		}
	})
}

func TestAFencedCardIsKnownToTheStoreAndANewOneIsWell(t *testing.T) {
	for _, isNew := range []bool{false, true} {
		inLab(t, 3, func(t *testing.T, l *lab) {
			m := l.machines["pi-3"]
			put := api.Op{Kind: api.Put, Key: fencedRow("pi-3"), Value: []byte("card of pi-3")}
			out := api.Op{Kind: api.Put, Key: outRow("pi-3"), Value: []byte(Fence)}
			begun := api.Op{Kind: api.Put, Key: swapRow("pi-3", 0), Value: []byte("pi-2")}
			if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{put, out, begun}}); err != nil {
				t.Fatal(err)
			}
			if isNew {
				m.reading.Card.Serial = hw.Known("a new card")
			}
			l.runAll(unchanged)
			time.Sleep(time.Minute)
			v, err := read(l.ctx, l.store, "pi-3")
			if err != nil {
				t.Fatal(err)
			}
			if (m.fenced == "") != isNew || (v.out["pi-3"] == "") != isNew || (len(v.swaps) == 0) != isNew {
				t.Errorf("the card is new: %t; fenced: %q, out: %q, being replaced: %v", isNew, m.fenced, v.out, v.swaps)
			}
		})
	}
}

// TestACardThatDropsWritesIsFoundOut: its node starts again, and finds what was there before the last writes.
func TestACardThatDropsWritesIsFoundOut(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: probeRow("pi-2"), Value: []byte(`{"card":"card of pi-2","last":17}`)}}}); err != nil {
			t.Fatal(err)
		}
		l.runAll(unchanged)
		time.Sleep(time.Minute)
		l.set(func() {
			if l.machines["pi-2"].fenced == "" || l.machines["pi-3"].fenced != "" {
				t.Errorf("%q", l.deeds)
			}
		})
	})
}

func TestWithoutTheStoreTheJournalIsOnTheDisk(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		for _, name := range l.group.Voters { // nobody has a relay
			l.run(name, unchanged)
		}
		time.Sleep(20 * time.Second)
		m := l.machines["pi-2"]
		l.set(func() { m.isolated = true })
		m.heat(84_000)
		time.Sleep(2 * time.Minute)
		if m.draining || m.share != Full/4 {
			t.Errorf("without the store it drains: %t, and takes %d", m.draining, m.share)
		}
		if j := l.journal(); len(j) > 0 {
			t.Errorf("the store has %q", j)
		}
		if kept := newJournal(m.engine.kit.Owner, l.store, m.disk, l.log).kept(); len(kept) < 4 {
			t.Errorf("the disk has %v", kept)
		}
		l.set(func() { m.isolated = false })
		time.Sleep(30 * time.Second)
		if j := strings.Join(l.journal(), ", "); !strings.Contains(j, "pi-2 lead  false") || !strings.Contains(j, "pi-2 drain pi-2") {
			t.Errorf("the store has %q", j)
		}
	})
}

func TestAShelfGetsItsPowerBackOneByOne(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		l.runAll(func(c *Config, k *Kit) {
			if k.Owner.Node == "pi-1" {
				c.Shelves = map[string][]string{"b": {"pi-3", "pi-4", "pi-5"}}
			}
		})
		time.Sleep(20 * time.Second)
		shelf := []string{"pi-3", "pi-4", "pi-5"}
		power := func(v physic.ElectricPotential, i physic.ElectricCurrent) {
			l.set(func() {
				l.machines["pi-1"].reading.Neighbours = map[string]hw.Power{}
				for _, n := range shelf {
					l.machines["pi-1"].reading.Neighbours[n] = hw.Power{Voltage: hw.Known(v), Current: hw.Known(i)}
				}
			})
		}
		power(0, 0)
		for _, n := range shelf {
			l.machines[n].hang()
		}
		time.Sleep(time.Minute)
		if cut := l.done("opens"); len(cut) != 2 {
			t.Fatalf("while the shelf is dark: %q", cut)
		}
		power(5*physic.Volt, 600*physic.MilliAmpere)
		l.machines["pi-3"].revive()
		time.Sleep(time.Minute)
		var at []time.Duration
		for _, d := range l.done("closes") {
			when, _ := time.ParseDuration(strings.Fields(d)[0])
			at = append(at, when)
		}
		if len(at) != 2 || at[1]-at[0] < 5*time.Second {
			t.Errorf("power came back at %v: %q", at, l.deeds)
		}
	})
}

func TestTheViewShowsRulesAndJournal(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.runAll(unchanged)
		m := l.machines["pi-2"]
		m.heat(84_000)
		time.Sleep(time.Minute)
		v := m.engine.View(l.ctx)
		var stand []string
		for _, r := range v.Rules {
			if r.Stands {
				stand = append(stand, fmt.Sprint(r.Name, " ", *r.Value))
			}
		}
		if got := strings.Join(stand, ", "); got != "fan-30 84000, fan-50 84000, fan-70 84000, fan-100 84000, warm 84000, soon-hot 84000, hot 84000, too-hot 84000" {
			t.Error(got)
		}
		if !v.Drained || v.Error != "" || len(v.Journal) == 0 || v.Journal[0].Action != Drain || v.Done[SetFan] != "1000" || v.Budget != nil {
			t.Errorf("%+v", v)
		}
	})
}
