package health

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/hw"
	"picloud/node/api"
	"picloud/node/owned"
	"picloud/node/store/storetest"
)

// fencedBefore has a machine have been fenced with the card that it has.
func (l *lab) fencedBefore(node string) {
	l.t.Helper()
	ops := []api.Op{{Kind: api.Put, Key: fencedRow(node), Value: []byte("card of " + node)}, {Kind: api.Put, Key: outRow(node), Value: []byte(Fence)},
		{Kind: api.Put, Key: probeRow(node), Value: []byte(`{"card":"card of ` + node + `","last":17}`)}}
	if _, err := l.store.Txn(l.ctx, &api.Txn{Then: ops}); err != nil {
		l.t.Fatal(err)
	}
}

// TestWhoWasForgivenIsNotFencedAgain: the store does not answer when the node says that it is back, or the node ends right after that.
func TestWhoWasForgivenIsNotFencedAgain(t *testing.T) {
	for _, ends := range []bool{false, true} {
		inLab(t, 3, func(t *testing.T, l *lab) {
			m := l.machines["pi-3"]
			l.fencedBefore("pi-3")
			if err := Forgive(m.disk, owned.Owner{Cloud: "home", Node: "pi-3"}); err != nil {
				t.Fatal(err)
			}
			failed := 0
			l.store.Fail(func(x *api.Txn) *storetest.Fault {
				back := slices.ContainsFunc(x.Then, func(o api.Op) bool { return o.Kind == api.Delete && o.Key == fencedRow("pi-3") })
				proved := slices.ContainsFunc(x.Then, func(o api.Op) bool { return o.Kind == api.Put && o.Key == probeRow("pi-3") })
				if !ends && back && failed == 0 || ends && proved && failed < 2 {
					failed++
					return &storetest.Fault{Err: api.Errorf(api.Unavailable, "run a transaction", "", "nobody leads")}
				}
				return nil
			})
			l.runAll(func(c *Config, _ *Kit) {
				if ends {
					c.Probe = time.Hour
				}
			})
			time.Sleep(30 * time.Second)
			if ends {
				p := &prober{Engine: m.engine} // it starts again
				p.probe(l.ctx)
				p.probe(l.ctx)
			}
			time.Sleep(3 * time.Minute)
			if failed == 0 || m.fenced != "" || len(l.out()) > 0 {
				t.Errorf("failed: %d; fenced: %q; out: %v", failed, m.fenced, l.out())
			}
		})
	}
}

// TestACardWhoseNumberIsNotKnownYetIsNoNewOne: the node was fenced with it, and its board has not been read when it starts.
func TestACardWhoseNumberIsNotKnownYetIsNoNewOne(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		m := l.machines["pi-3"]
		l.fencedBefore("pi-3")
		m.reading.Card.Serial = hw.Value[string]{}
		l.runAll(unchanged)
		time.Sleep(30 * time.Second)
		if out := l.out(); out["pi-3"] != Fence {
			t.Errorf("out of service: %v", out)
		}
		l.set(func() { m.reading.Card.Serial = hw.Known("card of pi-3") })
		time.Sleep(2 * time.Minute)
		if m.fenced == "" || l.out()["pi-3"] != Fence {
			t.Errorf("fenced: %q; out: %v", m.fenced, l.out())
		}
	})
}

// unsynced is a disk whose folder does not let itself be synced once.
type unsynced struct {
	vfs.FS
	fails atomic.Bool
}

type folder struct {
	vfs.File
	of *unsynced
}

func (u *unsynced) OpenDir(name string) (vfs.File, error) {
	f, err := u.FS.OpenDir(name)
	return folder{f, u}, err
}

func (f folder) Sync() error {
	if f.of.fails.Swap(false) {
		return errors.New("the folder is not synced")
	}
	return f.File.Sync()
}

// TestWhatMayHaveBeenWrittenIsNoLie: a number is on the card of which nobody knows that it was synced.
func TestWhatMayHaveBeenWrittenIsNoLie(t *testing.T) {
	inLab(t, 3, func(t *testing.T, l *lab) {
		m := l.machines["pi-3"]
		disk := &unsynced{FS: m.disk}
		m.disk = disk
		l.runAll(unchanged)
		time.Sleep(90 * time.Second)
		disk.fails.Store(true)
		time.Sleep(3 * time.Minute)
		if disk.fails.Load() || m.fenced != "" {
			t.Errorf("it was not synced once: %t; fenced: %q", !disk.fails.Load(), m.fenced)
		}
	})
}

// TestWhatIsDoneIsNotTakenForWhatWas: a node that the store has not heard yet is too hot, and is being turned off when it says that it is back.
func TestWhatIsDoneIsNotTakenForWhatWas(t *testing.T) {
	inLab(t, 5, func(t *testing.T, l *lab) {
		m := l.machines["pi-3"]
		m.isolated, m.runsOn, m.saysNothing = true, true, true
		l.runAll(unchanged)
		time.Sleep(20 * time.Second)
		l.set(func() { m.isolated = false })
		m.heat(90_000)
		time.Sleep(20 * time.Second)
		for range 30 { // in which it says so
			if out := l.out(); out["pi-3"] != Halt {
				t.Fatalf("out of service: %v\n%s", out, l.said.String())
			}
			time.Sleep(time.Second)
		}
	})
}
