package health

import (
	"strings"
	"testing"
	"time"

	"picloud/hw"
	"picloud/node/api"
)

// TestWhatIsRefusedIsSaidOnce, and stands in the view until it is otherwise.
func TestWhatIsRefusedIsSaidOnce(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.runAll(func(_ *Config, k *Kit) { k.Spares = []string{"pi-1", "pi-2", "pi-3"} })
		time.Sleep(time.Minute)
		l.set(func() { l.machines["pi-3"].reading.Card.Errors = hw.Known[int64](7) })
		time.Sleep(2 * time.Minute)
		if n := strings.Count(l.said.String(), "there is no spare"); n != 1 {
			t.Errorf("it is said %d times", n)
		}
		pi1, shown := l.machines["pi-1"].engine, 0
		for range 10 {
			if pi1.View(l.ctx).Refused["replace pi-3 in group 0"] != "" {
				shown++
			}
			time.Sleep(time.Second)
		}
		if shown != 10 {
			t.Errorf("the view shows it %d times of 10", shown)
		}
		if _, err := l.store.Txn(l.ctx, &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: outRow("pi-3")}}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if why := pi1.View(l.ctx).Refused["replace pi-3 in group 0"]; why != "" {
			t.Errorf("nobody is fenced, and it is refused still: %s", why)
		}
	})
}

// TestADryRunSaysOnceWhoWouldBeLeftOff.
func TestADryRunSaysOnceWhoWouldBeLeftOff(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.wasCut("pi-3")
		l.runAll(func(c *Config, _ *Kit) { c.Mode = Dry })
		time.Sleep(20 * time.Second)
		l.machines["pi-3"].hang()
		time.Sleep(2 * time.Minute)
		if j := strings.Join(l.journal(), ", "); strings.Count(j, "pi-1 leave-off pi-3 (dry)") != 1 {
			t.Errorf("the journal has %s", j)
		}
	})
}
