package rack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/hw"
	"picloud/hw/twin"
	"picloud/sim/channel"
	"picloud/sim/event"
)

// bench is a board that feeds pi-2, with what it has done to power.
type bench struct {
	t     *testing.T
	loop  *event.Loop
	board *Board
	did   []twin.EventKind
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, loop: event.NewLoop(1)}
	c := twin.Config{Name: "pi-1", StrictPins: true, Equipment: hw.Config{Relays: []hw.Relay{{Feeds: "pi-2", Pin: "GPIO17"}}}}
	var err error
	b.board, err = NewBoard(c, Wiring{
		Work:  func() twin.Work { return twin.Work{} },
		Card:  func() twin.CardState { return twin.CardState{} },
		Link:  func() twin.LinkState { return twin.LinkState{Up: true} },
		Speed: func(int64, int) {},
		Event: func(e twin.Event) { b.did = append(b.did, e.Kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(b.loop).AddShelf(twin.ShelfConfig{Ambient: 22_000}, b.board); err != nil {
		t.Fatal(err)
	}
	b.run(time.Second)
	b.expect(twin.Started)
	return b
}

func (b *bench) run(d time.Duration) { b.loop.RunUntil(b.loop.Now().Add(d)) }

// expect checks what the board has done to power since the last look.
func (b *bench) expect(want ...twin.EventKind) {
	b.t.Helper()
	if !slices.Equal(b.did, want) {
		b.t.Fatalf("the board did %v, want %v", b.did, want)
	}
	b.did = nil
}

// process is a process that uses the board.
type process struct {
	*bench
	pid   uint64
	reply channel.Frame
}

func (p *process) PID() uint64              { return p.pid }
func (p *process) Post(f channel.Frame)     { p.reply = f }
func (p *process) PostLazy(f channel.Frame) { p.Post(f) }

// ask asks the board, and returns what it says in place of doing it.
func (p *process) ask(op uint8, request, argument int64) string {
	f := channel.Frame{Class: channel.ClassBoard, Op: op, A: request, B: argument}
	if op == channel.BoardPin {
		f.Data = []byte("GPIO17")
	}
	p.board.Handle(p, f)
	if p.reply.Err == 0 {
		return ""
	}
	return fmt.Sprint(p.reply.Err, ": ", string(p.reply.Data))
}

// can checks that the process can drive the relay and have the watchdog.
func (p *process) can() {
	p.t.Helper()
	for _, refused := range []string{
		p.ask(channel.BoardPin, channel.PinOut, 1),
		p.ask(channel.BoardWatchdog, channel.WatchdogOpen, 0),
		p.ask(channel.BoardWatchdog, channel.WatchdogTimeout, int64(10*time.Second)),
		p.ask(channel.BoardWatchdog, channel.WatchdogFeed, 0),
	} {
		if refused != "" {
			p.t.Fatalf("process %d is told %q", p.pid, refused)
		}
	}
}

// TestASecondProcessTakesNothingFromTheFirst: pins and the watchdog are busy, and what the first one has stays when the second ends.
func TestASecondProcessTakesNothingFromTheFirst(t *testing.T) {
	b := newBench(t)
	first, second := &process{bench: b, pid: 1}, &process{bench: b, pid: 2}
	first.can()
	b.expect(twin.RelayOpened)
	for _, c := range []struct {
		op  uint8
		ask int64
	}{{channel.BoardPin, channel.PinOut}, {channel.BoardPin, channel.PinIn}, {channel.BoardPin, channel.PinRead}, {channel.BoardWatchdog, channel.WatchdogOpen}} {
		if got := second.ask(c.op, c.ask, 0); !strings.HasSuffix(got, "device or resource busy") {
			t.Errorf("a second process that asks %d of %d is told %q", c.ask, c.op, got)
		}
	}
	for _, ask := range []int64{channel.WatchdogTimeout, channel.WatchdogFeed, channel.WatchdogDisarm} {
		if got := second.ask(channel.BoardWatchdog, ask, int64(time.Second)); !strings.HasSuffix(got, "it is not open") {
			t.Errorf("a second process that asks %d of the watchdog is told %q", ask, got)
		}
	}
	b.board.Gone(second)
	for range 40 {
		if refused := first.ask(channel.BoardWatchdog, channel.WatchdogFeed, 0); refused != "" {
			t.Fatalf("when the second has ended the first is told %q", refused)
		}
		b.run(time.Second)
	}
	b.expect()
}

// TestWhatAProcessHadIsFreeWhenItEnds: by itself, or with the power.
func TestWhatAProcessHadIsFreeWhenItEnds(t *testing.T) {
	b := newBench(t)
	first, second, third := &process{bench: b, pid: 1}, &process{bench: b, pid: 2}, &process{bench: b, pid: 3}
	first.can()
	b.expect(twin.RelayOpened)
	b.board.Gone(first)
	b.expect(twin.RelayClosed)
	b.run(8 * time.Second)
	second.can() // in time: it ran on
	b.run(8 * time.Second)
	b.expect(twin.RelayOpened)
	b.run(8 * time.Second)
	b.expect(twin.WatchdogReset, twin.RelayClosed, twin.Started)
	third.can()
	b.board.Gone(second) // long since
	if refused := third.ask(channel.BoardWatchdog, channel.WatchdogDisarm, 0); refused != "" {
		t.Fatal(refused)
	}
	third.can()
	b.expect(twin.RelayOpened)
}

// TestEachHasItsOwn: who ends leaves what others have.
func TestEachHasItsOwn(t *testing.T) {
	b := newBench(t)
	drives, feeds := &process{bench: b, pid: 1}, &process{bench: b, pid: 2}
	if refused := drives.ask(channel.BoardPin, channel.PinOut, 1) + feeds.ask(channel.BoardWatchdog, channel.WatchdogOpen, 0); refused != "" {
		t.Fatal(refused)
	}
	b.board.Gone(feeds)
	b.expect(twin.RelayOpened)
	if refused := drives.ask(channel.BoardWatchdog, channel.WatchdogOpen, 0); refused != "" {
		t.Errorf("the watchdog is not free: %s", refused)
	}
	other := &process{bench: b, pid: 3}
	b.board.Gone(drives)
	b.expect(twin.RelayClosed)
	other.can()
}
