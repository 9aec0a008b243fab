package health

import (
	"slices"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/node/api"
)

// TestAShelfDoesNotWaitForWhoIsLeftOff, nor is that given power with the others.
func TestAShelfDoesNotWaitForWhoIsLeftOff(t *testing.T) {
	nothing := hw.Power{Voltage: hw.Known(0 * physic.Volt), Current: hw.Known(0 * physic.Ampere)}
	for _, c := range []struct {
		name    string
		off     string // who is left off
		byOther bool   // by another node, as a row says
		lost    string // who draws nothing after the supply has come back
		held    string
		after   time.Duration // within which who was held back has power again
	}{
		{"the first is left off", "pi-3", false, "", "pi-5", 30 * time.Second},
		{"another is left off", "pi-4", false, "", "pi-5", 30 * time.Second},
		{"the first is left off by the backup", "pi-3", true, "pi-3", "pi-5", 30 * time.Second},
		{"the first has no supply", "", false, "pi-3", "pi-4, pi-5", patience + 30*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, 5, func(t *testing.T, l *lab) {
				if c.off != "" && !c.byOther {
					l.wasCut(c.off)
				}
				l.runAll(func(config *Config, k *Kit) {
					if k.Owner.Node == "pi-1" {
						config.Shelves = map[string][]string{"b": {"pi-3", "pi-4", "pi-5"}}
					}
				})
				pi1 := l.machines["pi-1"]
				time.Sleep(20 * time.Second)
				if c.off != "" {
					l.leaveOff(c.off, c.byOther)
				}
				before := len(l.deeds)
				l.set(func() {
					pi1.reading.Neighbours = map[string]hw.Power{"pi-3": nothing, "pi-4": nothing, "pi-5": nothing}
				})
				for _, n := range []string{"pi-3", "pi-4", "pi-5"} {
					l.machines[n].hang()
				}
				time.Sleep(time.Minute)
				held := opened(l.deeds[before:])
				if strings.Join(held, ", ") != c.held {
					t.Fatalf("held back: %q: %q", held, l.deeds)
				}
				l.set(func() { pi1.reading.Neighbours = map[string]hw.Power{c.lost: nothing} })
				for _, n := range []string{"pi-3", "pi-4", "pi-5"} {
					if n != c.off && n != c.lost && !slices.Contains(held, n) {
						l.machines[n].revive()
					}
				}
				time.Sleep(c.after)
				for _, d := range l.deeds[before:] {
					if c.off != "" && strings.HasSuffix(d, c.off) {
						t.Errorf("%s is left off: %s", c.off, d)
					}
				}
				for _, n := range []string{"pi-3", "pi-4", "pi-5"} {
					if off := n == c.off && !c.byOther; l.machines[n].open != off {
						t.Errorf("%s is without power: %t, at the end of %q", n, !off, l.deeds)
					}
				}
			})
		})
	}
}

// TestAShelfGetsItsPowerBackThoughNobodyReadsItsMeters: the bus hangs after neighbours were held back.
func TestAShelfGetsItsPowerBackThoughNobodyReadsItsMeters(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		pi1 := l.machines["pi-1"]
		var hangs time.Time
		l.runAll(func(config *Config, k *Kit) {
			if k.Owner.Node != "pi-1" {
				return
			}
			config.Shelves = map[string][]string{"b": {"pi-3", "pi-4", "pi-5"}}
			l.readsUntil(k, &hangs)
		})
		time.Sleep(20 * time.Second)
		nothing := hw.Power{Voltage: hw.Known(0 * physic.Volt), Current: hw.Known(0 * physic.Ampere)}
		l.set(func() {
			pi1.reading.Neighbours = map[string]hw.Power{"pi-3": nothing, "pi-4": nothing, "pi-5": nothing}
		})
		for _, n := range []string{"pi-3", "pi-4", "pi-5"} {
			l.machines[n].hang()
		}
		time.Sleep(time.Minute)
		if held := opened(l.deeds); len(held) != 2 {
			t.Fatalf("held back: %q", held)
		}
		l.set(func() { hangs = time.Now() })
		time.Sleep(patience + 30*time.Second)
		if back := l.done("closes"); len(back) != 2 {
			t.Errorf("after %s without a reading they have power again: %q", patience, back)
		}
	})
}

// leaveOff has a machine be left off: by pi-1, or by another, as a row says.
func (l *lab) leaveOff(node string, byOther bool) {
	l.t.Helper()
	if byOther {
		if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: outRow(node), Value: []byte(LeaveOff)}}}); err != nil {
			l.t.Fatal(err)
		}
		return
	}
	l.set(func() { l.machines[node].stays = true })
	l.machines[node].hang()
	time.Sleep(2 * time.Minute)
	if !l.machines[node].open {
		l.t.Fatalf("%s is not left off:\n%s", node, l.said.String())
	}
}

// opened returns whose relays were opened.
func opened(deeds []string) (all []string) {
	for _, d := range deeds {
		if _, n, opens := strings.Cut(d, " opens "); opens {
			all = append(all, n)
		}
	}
	return all
}
