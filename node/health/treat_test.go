package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/store/storetest"
)

// enters tells whether a transaction writes down what is about to be done: a row beside the journal's entry.
func enters(x *api.Txn, row string) bool {
	return len(x.Then) > 1 && strings.HasPrefix(x.Then[0].Key, journalRows) && strings.HasPrefix(x.Then[1].Key, row)
}

// checks tells whether a transaction asks for the last time whether the budget is held.
func checks(x *api.Txn) bool {
	return len(x.If) == 1 && x.If[0].Key == budgetRow && len(x.Then) == 1 && x.Then[0].Kind == api.Get
}

// TestWhatWasNotDoneIsTriedAgain: a node whose card dies has written down that it is fenced, and then the store does not answer.
func TestWhatWasNotDoneIsTriedAgain(t *testing.T) {
	gone := api.Errorf(api.Unavailable, "run a transaction", "", "nobody leads")
	for _, c := range []struct {
		name  string
		fails func(x *api.Txn) *storetest.Fault // the first time
		away  time.Duration                     // for which nothing else is answered
	}{
		{"the last question fails", func(x *api.Txn) *storetest.Fault {
			if checks(x) {
				return &storetest.Fault{Err: gone}
			}
			return nil
		}, 0},
		{"the store is away from the last question on", func(x *api.Txn) *storetest.Fault {
			if checks(x) {
				return &storetest.Fault{Err: gone}
			}
			return nil
		}, 30 * time.Second},
		{"nobody hears that it was written down", func(x *api.Txn) *storetest.Fault {
			if enters(x, outRow("pi-3")) {
				return &storetest.Fault{Err: api.Errorf(api.Unknown, "run a transaction", "", "the leader is gone"), After: true}
			}
			return nil
		}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, 3, func(t *testing.T, l *lab) {
				l.runAll(unchanged)
				time.Sleep(20 * time.Second)
				var failed time.Time
				l.store.Fail(func(x *api.Txn) *storetest.Fault {
					if !failed.IsZero() {
						if time.Since(failed) < c.away {
							return &storetest.Fault{Err: gone}
						}
						return nil
					}
					f := c.fails(x)
					if f != nil {
						failed = time.Now()
					}
					return f
				})
				l.set(func() { l.machines["pi-3"].reading.Card.Errors = hw.Known(int64(4)) })
				time.Sleep(c.away + time.Minute)
				l.set(func() {
					if failed.IsZero() || l.machines["pi-3"].fenced == "" {
						t.Errorf("the store has failed: %t; it is not fenced:\n%s", !failed.IsZero(), l.said.String())
					}
				})
			})
		})
	}
}

// TestABoardThatDoesNotTurnOff serves nothing while it is too hot, is asked to again, and is back when it is cool.
func TestABoardThatDoesNotTurnOff(t *testing.T) {
	for i := range 4 {
		mended, saysNothing := i%2 == 1, i > 1
		t.Run(fmt.Sprintf("mended: %t, says nothing: %t", mended, saysNothing), func(t *testing.T) {
			inLab(t, 5, func(t *testing.T, l *lab) {
				l.runAll(unchanged)
				time.Sleep(20 * time.Second)
				m := l.machines["pi-1"]
				l.set(func() { m.runsOn, m.saysNothing = true, saysNothing })
				m.heat(90_000)
				time.Sleep(10 * time.Second)
				m.heat(45_000) // rather than too-hot it is burning that stands: for ten minutes
				time.Sleep(70 * time.Second)
				l.set(func() {
					if !m.draining || !m.follows || m.halted {
						t.Errorf("it drains: %t, follows: %t, is off: %t", m.draining, m.follows, m.halted)
					}
					m.runsOn = !mended
				})
				if out := l.out(); out["pi-1"] != Drain || len(out) != 1 {
					t.Errorf("out of service: %v", out)
				}
				time.Sleep(2 * time.Minute)
				if m.halted != mended {
					t.Fatalf("it is off: %t\n%s", m.halted, l.said.String())
				}
				time.Sleep(15 * time.Minute)
				if out := l.out(); mended && out["pi-1"] != Halt || !mended && len(out) > 0 {
					t.Errorf("out of service: %v", out)
				}
				if m.draining != mended || m.follows != mended {
					t.Errorf("it drains: %t, follows: %t", m.draining, m.follows)
				}
			})
		})
	}
}

// TestWhatIsWorseThanDrainedIsNotForgotten: a drained node that is about to be turned off, or fenced, says still that it is there.
func TestWhatIsWorseThanDrainedIsNotForgotten(t *testing.T) {
	for _, worse := range []Action{Halt, Fence} {
		inLab(t, 5, func(t *testing.T, l *lab) {
			l.runAll(unchanged)
			time.Sleep(20 * time.Second)
			l.machines["pi-4"].heat(84_000)
			time.Sleep(time.Minute)
			if out := l.out(); out["pi-4"] != Drain {
				t.Fatalf("out of service: %v", out)
			}
			if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: outRow("pi-4"), Value: []byte(worse)}}}); err != nil {
				t.Fatal(err)
			}
			for range 2 { // and when it is drained no longer
				time.Sleep(10 * time.Second)
				if out := l.out(); out["pi-4"] != worse {
					t.Errorf("out of service: %v, not %s", out, worse)
				}
				l.machines["pi-4"].heat(45_000)
				time.Sleep(5 * time.Minute)
			}
		})
	}
}

// TestAPowerCutThatWasNotMadeLeavesNothing: the meter fails after it was written down that a neighbour's power is cut.
func TestAPowerCutThatWasNotMadeLeavesNothing(t *testing.T) {
	for _, action := range []Action{Cycle, LeaveOff} {
		t.Run(string(action), func(t *testing.T) {
			inLab(t, 3, func(t *testing.T, l *lab) {
				row := rows + "cycled/pi-3/"
				if action == LeaveOff {
					row = outRow("pi-3")
					l.wasCut("pi-3")
				}
				began := make(chan struct{}, 1)
				l.store.Fail(func(x *api.Txn) *storetest.Fault {
					if enters(x, row) {
						select {
						case began <- struct{}{}:
						default:
						}
					}
					return nil
				})
				pi1 := l.machines["pi-1"]
				blind := map[string]hw.Power{"pi-3": {Voltage: hw.Known(5 * physic.Volt), Current: hw.Unknown[physic.ElectricCurrent](errSensor)}}
				l.looks = func(m *machine) {
					if m == pi1 && len(began) > 0 {
						l.set(func() { m.reading.Neighbours = blind })
					}
				}
				l.runAll(unchanged)
				time.Sleep(20 * time.Second)
				l.set(func() { l.machines["pi-3"].stays = action == LeaveOff })
				before := l.cycled("pi-3")
				l.machines["pi-3"].hang()
				time.Sleep(time.Minute)
				if n := l.cycled("pi-3"); len(began) == 0 || len(l.done("opens")) > 0 || len(l.out()) > 0 || n != before {
					t.Fatalf("begun: %d; out: %v; cut %d times and %d before; %q", len(began), l.out(), n, before, l.done("opens"))
				}
				<-began
				l.store.Fail(nil)
				l.set(func() { pi1.reading.Neighbours = nil })
				time.Sleep(2 * time.Minute)
				if cut := l.done("opens pi-3"); len(cut) != 1 || (l.out()["pi-3"] == LeaveOff) != (action == LeaveOff) {
					t.Errorf("%q; out: %v\n%s", cut, l.out(), l.said.String())
				}
			})
		})
	}
}

// TestWhatWasNotDoneIsTakenBackLate: the owner stands still after it has written down that a neighbour is left off, and others use the budget
// meanwhile. What it has written is taken back, and what somebody else has written since is not.
func TestWhatWasNotDoneIsTakenBackLate(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("written again: ", again), func(t *testing.T) {
			inLab(t, 7, func(t *testing.T, l *lab) {
				l.wasCut("pi-5")
				owner, begun := l.machines["pi-1"], false
				l.looks = func(m *machine) {
					l.set(func() {
						if m == owner && begun {
							owner.gate.pause()
						}
					})
				}
				l.runAll(unchanged)
				time.Sleep(20 * time.Second)
				l.store.Fail(func(x *api.Txn) *storetest.Fault {
					l.set(func() { begun = begun || enters(x, outRow("pi-5")) })
					return nil
				})
				l.set(func() { l.group.Leader = "pi-2" })
				l.machines["pi-5"].hang()
				time.Sleep(time.Minute)
				if !begun || l.out()["pi-5"] != LeaveOff {
					t.Fatalf("begun: %t; out: %v\n%s", begun, l.out(), l.said.String())
				}
				l.set(func() { l.machines["pi-4"].reading.Card.Errors = hw.Known(int64(4)) })
				time.Sleep(time.Minute)
				if l.machines["pi-4"].fenced == "" {
					t.Fatalf("nobody had the budget meanwhile:\n%s", l.said.String())
				}
				l.machines["pi-5"].revive()
				time.Sleep(30 * time.Second)
				if again {
					row := api.Op{Kind: api.Put, Key: outRow("pi-5"), Value: []byte(LeaveOff)}
					if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{row}}); err != nil {
						t.Fatal(err)
					}
				}
				l.store.Fail(nil)
				l.set(func() { begun = false })
				owner.gate.goOn()
				time.Sleep(30 * time.Second)
				if _, out := l.out()["pi-5"]; out != again || len(l.done("opens")) > 0 {
					t.Errorf("out: %v; %q\n%s", l.out(), l.done("opens"), l.said.String())
				}
			})
		})
	}
}

// TestWhoKeepsItsPowerIsNotLeftOff: the relay does not move.
func TestWhoKeepsItsPowerIsNotLeftOff(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.wasCut("pi-3")
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		l.set(func() { l.machines["pi-3"].stuck = true })
		l.machines["pi-3"].hang()
		time.Sleep(2 * time.Minute)
		if cut := l.done("opens pi-3"); len(cut) != 1 || len(l.out()) > 0 {
			t.Errorf("%q; out: %v", cut, l.out())
		}
	})
}

// wasCut has a machine's power have been cut as often as may be in a day, and long enough ago.
func (l *lab) wasCut(node string) {
	l.t.Helper()
	for i := range backOff {
		row := api.Op{Kind: api.Put, Key: cycledRow(node, uint64(i)), TTL: day.Milliseconds()}
		if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{row}}); err != nil {
			l.t.Fatal(err)
		}
	}
	l.store.Tick(2 * time.Hour)
}

// cycled returns how often it was noted in a day that a machine's power was cut.
func (l *lab) cycled(node string) int {
	l.t.Helper()
	v, err := read(l.ctx, l.store, node)
	if err != nil {
		l.t.Fatal(err)
	}
	return len(v.cycled)
}
