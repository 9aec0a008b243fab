package health

import (
	"testing"
	"time"
)

// TestABoardThatHangsHoldsUpNothingElse: the node does not look at the meter of a neighbour that hangs while it cannot read its board, and so
// does what needs no reading.
func TestABoardThatHangsHoldsUpNothingElse(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		pi1, mended := l.machines["pi-1"], make(chan struct{})
		defer close(mended)
		var hangs time.Time // since when its bus does
		l.looks = func(m *machine) {
			l.mu.Lock()
			hang := m == pi1 && !hangs.IsZero()
			l.mu.Unlock()
			if hang {
				<-mended
			}
		}
		l.runAll(func(_ *Config, k *Kit) {
			if k.Owner.Node == "pi-1" {
				l.readsUntil(k, &hangs)
			}
		})
		time.Sleep(20 * time.Second)
		l.set(func() { l.group.Leader, hangs = "pi-2", time.Now() })
		l.machines["pi-3"].hang()
		time.Sleep(time.Minute)
		pi1.engine.Condemn("a test wants it")
		time.Sleep(30 * time.Second)
		if !pi1.draining {
			t.Errorf("it is not drained:\n%s", l.said.String())
		}
	})
}
