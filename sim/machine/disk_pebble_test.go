package machine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"picloud/sim/disk"
)

// quiet is a logger for Pebble that passes on only what it calls fatal. On a node that ends the
// process; here Pebble goes on and returns the error too.
type quiet struct{ fatal func(string) }

func (quiet) Infof(string, ...any)             {}
func (quiet) Errorf(string, ...any)            {}
func (q quiet) Fatalf(format string, a ...any) { q.fatal(fmt.Sprintf(format, a...)) }

func openPebble(t testing.TB, d *Disk, fatal func(string)) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{
		FS:                    d,
		Logger:                quiet{fatal},
		MemTableSize:          64 << 10, // small, so that flushes and compactions happen
		L0CompactionThreshold: 2,
	})
	if err != nil {
		t.Fatal("open: ", err)
	}
	return db
}

// What Pebble has said to be durable survives power cuts of every mode, on a card whose directories
// keep the order of their changes. (Pebble removes its old marker file before it syncs the
// directory of the new one, so it needs that order: see TestMarkersNeedOrderedNames.)
func TestPebbleLosesNothingSynced(t *testing.T) {
	for _, mode := range []disk.Crash{disk.LoseAll, disk.KeepAll, disk.Prefix, disk.Subset, disk.Torn} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			p := newDiskPump(t, uint64(mode), disk.Config{Profile: disk.NVMe})
			rng := rand.New(rand.NewPCG(1, uint64(mode)))
			kept := map[string]string{}
			for round := range 8 {
				g, d := p.boot()
				db := openPebble(t, d, func(s string) { t.Error(s) })
				checkPebble(t, db, kept)
				for n := range 20 + rng.IntN(150) {
					key, value := fmt.Sprintf("k%d", rng.IntN(50)), strings.Repeat(fmt.Sprint(round, n, " "), rng.IntN(200))
					if err := db.Set([]byte(key), []byte(value), pebble.Sync); err != nil {
						t.Fatal(err)
					}
					kept[key] = value
				}
				if rng.IntN(2) == 0 {
					if err := db.Flush(); err != nil {
						t.Fatal(err)
					}
				}
				unsynced := []byte(fmt.Sprint("unsynced", round))
				if err := db.Set(unsynced, unsynced, pebble.NoSync); err != nil {
					t.Fatal(err)
				}
				p.reboot(g, mode) // in the midst of flushes and compactions
			}
		})
	}
}

func checkPebble(t *testing.T, db *pebble.DB, kept map[string]string) {
	t.Helper()
	for key, want := range kept {
		got, closer, err := db.Get([]byte(key))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if string(got) != want {
			t.Fatalf("%s: got %q, want %q", key, got, want)
		}
		closer.Close()
	}
}

// Pebble removes its old marker before the new one is durable. A card that keeps no order among the
// changes of a directory can lose both, so Pebble must not be judged on such a card.
func TestMarkersNeedOrderedNames(t *testing.T) {
	for _, anyOrder := range []bool{false, true} {
		lost := 0
		for seed := range uint64(40) {
			p := newDiskPump(t, seed, disk.Config{Profile: disk.NVMe, AnyOrder: anyOrder})
			g, d := p.boot()
			newSyncedFile(t, d, "marker.1", "").Close()
			if _, err := d.Create("marker.2", anyCategory); err != nil {
				t.Fatal(err)
			}
			if err := d.Remove("marker.1"); err != nil {
				t.Fatal(err)
			}
			p.reboot(g, disk.Subset)
			_, d = p.boot()
			if markers, _ := d.List("/"); len(markers) == 0 {
				lost++
			}
		}
		if (lost > 0) != anyOrder {
			t.Errorf("any order %t: both markers lost in %d of 40 power cuts", anyOrder, lost)
		}
	}
}

// A sync that lies loses what Pebble has said to be durable: the fault is what it says.
func TestPebbleLosesWhatALyingSyncAcknowledged(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{Profile: disk.NVMe})
	g, d := p.boot()
	db := openPebble(t, d, func(s string) { t.Error(s) })
	lie := p.apply(t, disk.Fault{Kind: disk.SyncLie})
	if err := db.Set([]byte("k"), []byte("v"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	p.reboot(g, disk.LoseAll)
	_, d = p.boot()
	if _, _, err := openPebble(t, d, func(s string) { t.Error(s) }).Get([]byte("k")); !errors.Is(err, pebble.ErrNotFound) {
		t.Fatal("the write survived a sync that did nothing: ", err)
	}
	if lie.Felt() == 0 {
		t.Fatal("the lie was not felt")
	}
}

// Rot in a table is found by its checksum when the table is read from the card.
func TestPebbleFindsRot(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{Profile: disk.NVMe})
	g, d := p.boot()
	db := openPebble(t, d, func(s string) { t.Error(s) })
	for i := range 500 {
		key := []byte(fmt.Sprintf("k%04d", i))
		if err := db.Set(key, append(key, make([]byte, 100)...), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
	p.on(func() { p.card.Gone(g) })
	p.apply(t, disk.Fault{Kind: disk.Evict})
	rot := p.apply(t, disk.Fault{Kind: disk.Rot, Path: "*.sst", Bits: 8, To: 2000})
	_, d = p.boot()
	var fatal atomic.Int64 // Pebble's own goroutines read too
	db = openPebble(t, d, func(string) { fatal.Add(1) })
	corrupt := 0
	for i := range 500 {
		_, closer, err := db.Get([]byte(fmt.Sprintf("k%04d", i)))
		switch {
		case err == nil:
			closer.Close()
		case pebble.IsCorruptionError(err):
			corrupt++
		default:
			t.Fatal(err)
		}
	}
	if corrupt == 0 || fatal.Load() == 0 || rot.Felt() == 0 {
		t.Fatalf("the rot was felt %d times, and found %d times", rot.Felt(), corrupt)
	}
}
