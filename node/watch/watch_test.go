package watch

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/web"
)

// started returns a board's watchdog that runs, with a timeout of 15 s.
func started(t *testing.T) (hw.Watchdog, *hwtest.Watchdog) {
	t.Helper()
	p := hwtest.Pi4B()
	b, err := board.Open(p, hw.Config{})
	if err != nil {
		t.Fatal(err)
	}
	dog, err := b.StartWatchdog(15 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return dog, p.Dog()
}

// fed runs a feeder for the test.
func fed(t *testing.T, dog hw.Watchdog, loops ...Loop) *prometheus.Registry {
	t.Helper()
	f := New(dog, loops, slog.New(slog.DiscardHandler))
	metrics := prometheus.NewRegistry()
	for _, c := range f.Collectors() {
		metrics.MustRegister(c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // a loop that hangs is not waited for
	})
	return metrics
}

func lives(name string) Loop { return Loop{name, func(context.Context) error { return nil }} }

func TestTheWatchdogIsFedWhileAllLoopsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog, device := started(t)
		metrics := fed(t, dog, lives("store"), lives("disk"), lives("network"))
		for range 100 {
			time.Sleep(time.Second)
			if device.Bites() {
				t.Fatal("it bites")
			}
		}
		if n := metricstest.Sum(t, metrics, "picloud_watchdog_fed_total"); n != 33 {
			t.Errorf("it was fed %v times in 100 s", n)
		}
	})
}

// TestALoopThatDiesResetsTheBoard: each of the loops, by each way to die.
func TestALoopThatDiesResetsTheBoard(t *testing.T) {
	ways := map[string]func(ctx context.Context) error{
		"hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"fails": func(context.Context) error { return errors.New("input/output error") },
		"slows": func(context.Context) error { time.Sleep(7 * time.Second); return nil },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dog, device := started(t)
				from := time.Now().Add(30 * time.Second)
				dies := Loop{"disk", func(ctx context.Context) error {
					if time.Now().Before(from) {
						return nil
					}
					return way(ctx)
				}}
				metrics := fed(t, dog, lives("store"), dies, lives("network"))
				time.Sleep(30 * time.Second)
				if device.Bites() {
					t.Fatal("it bites while all live")
				}
				time.Sleep(lateAfter + pace)
				if metricstest.Sum(t, metrics, "picloud_watchdog_withheld_total") == 0 || metricstest.Sum(t, metrics, "picloud_watchdog_loop_late", "disk") != 1 {
					t.Error("it is fed although the disk is late")
				}
				if metricstest.Sum(t, metrics, "picloud_watchdog_loop_late") != 1 {
					t.Error("others are late too")
				}
				time.Sleep(15 * time.Second)
				if name != "slows" && !device.Bites() { // one that slows ticks now and then
					t.Error("it does not bite")
				}
			})
		})
	}
}

// TestAStallThatEndsInTimeIsForgiven: a card that stalls for ten seconds costs some meals, and no reset.
func TestAStallThatEndsInTimeIsForgiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog, device := started(t)
		stalled := false
		stalls := Loop{"disk", func(context.Context) error {
			if !stalled && time.Now().Second()%60 > 20 {
				stalled = true
				time.Sleep(10 * time.Second)
			}
			return nil
		}}
		metrics := fed(t, dog, stalls)
		for range 120 {
			time.Sleep(time.Second)
			if device.Bites() {
				t.Fatal("it bites")
			}
		}
		if n := metricstest.Sum(t, metrics, "picloud_watchdog_withheld_total"); n < 1 || n > 3 || !stalled {
			t.Errorf("it went without %v times", n)
		}
	})
}

func TestTheDisksLoop(t *testing.T) {
	crashed := vfs.NewCrashableMem()
	l := Disk(crashed)
	for range 2 {
		if err := l.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	broken := Disk(brokenDisk{vfs.NewMem()})
	if err := broken.Round(t.Context()); err == nil {
		t.Error("a disk whose sync fails is well")
	}
}

// brokenDisk fails to sync.
type brokenDisk struct{ vfs.FS }

func (d brokenDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, o...)
	return brokenFile{f}, err
}

type brokenFile struct{ vfs.File }

func (brokenFile) Sync() error { return errors.New("input/output error") }

// TestTheNetworksLoop looks at a machine that listens at its address, at one that listens at all of them while others have one for it
// that is gone, and at one whose only address is gone: nobody is reset for that.
func TestTheNetworksLoop(t *testing.T) {
	const gone = "192.0.2.1" // of no machine (RFC 5737)
	port := hosttest.FreePort(t)
	for _, c := range []struct {
		listens, known string
		wellBefore     bool
	}{
		{"127.0.0.1", "127.0.0.1", false},
		{"0.0.0.0", gone, false},
		{gone, gone, true},
	} {
		h := &host.Host{Name: "pi-1", Network: &host.RealNetwork{Name: "pi-1", Address: c.listens, Names: map[string]string{"pi-1": c.known}}}
		l := Network(h, port)
		if err := l.Round(t.Context()); (err == nil) != c.wellBefore {
			t.Errorf("%+v: nobody listens: %v", c, err)
		}
		if c.listens == gone {
			continue
		}
		listener, err := h.Network.Listen("tcp", ":"+port)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- web.Serve(ctx, listener, healthy()) }()
		if err := l.Round(t.Context()); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func healthy() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(web.HealthPath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux
}
