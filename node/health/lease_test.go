package health

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// hanging is a store that does not answer while it hangs.
type hanging struct {
	api.Store
	hangs *atomic.Bool
}

func (h hanging) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if h.hangs.Load() {
		<-ctx.Done()
		return nil, api.Errorf(api.Unknown, "run a transaction", "", "%s", ctx.Err())
	}
	return h.Store.Txn(ctx, t)
}

// TestARelayIsLetGoWhenTheBudgetIsOver, and not when the store has been asked in vain once more: others may have the budget from then on.
func TestARelayIsLetGoWhenTheBudgetIsOver(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		var hangs atomic.Bool
		var opened, closed time.Time
		l.judge = func(m *machine, what string) {
			switch {
			case m.name == "pi-1" && what == "opens pi-3":
				hangs.Store(true)
				opened = time.Now()
			case m.name == "pi-1" && what == "closes pi-3":
				closed = time.Now()
			}
		}
		l.runAll(func(c *Config, k *Kit) {
			if c.Open = 40 * time.Second; k.Owner.Node == "pi-1" {
				k.Store = hanging{k.Store, &hangs}
			}
		})
		time.Sleep(20 * time.Second)
		l.set(func() { l.group.Leader = "pi-2" })
		l.machines["pi-3"].hang()
		time.Sleep(2 * time.Minute)
		live := DefaultConfig().Live
		l.set(func() {
			if took := closed.Sub(opened); opened.IsZero() || closed.IsZero() || took > live+time.Second {
				t.Errorf("the relay was open for %s, and the budget is held for %s\n%s", took, live, l.said.String())
			}
		})
		hangs.Store(false)
	})
}

// TestThatARelayHasFailedIsNotForgotten: the store does not answer when the node wants to say so.
func TestThatARelayHasFailedIsNotForgotten(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		l.tick.Reset(10 * time.Second)
		l.runAll(slowly)
		time.Sleep(20 * time.Second)
		failed := false
		l.store.Fail(func(x *api.Txn) *storetest.Fault {
			if !failed && slices.ContainsFunc(x.Then, func(o api.Op) bool { return o.Key == relayRow("pi-3") && o.Kind == api.Put }) {
				failed = true
				return &storetest.Fault{Err: api.Errorf(api.Unavailable, "run a transaction", "", "nobody leads")}
			}
			return nil
		})
		l.set(func() { l.machines["pi-3"].stuck = true })
		l.machines["pi-3"].hang()
		time.Sleep(20 * time.Minute)
		v, err := read(l.ctx, l.store, "pi-3")
		if err != nil {
			t.Fatal(err)
		}
		if cut := l.done("opens"); !failed || len(cut) != 1 || v.relay == nil {
			t.Errorf("failed: %t; %q; known to have failed: %v", failed, cut, v.relay)
		}
	})
}
