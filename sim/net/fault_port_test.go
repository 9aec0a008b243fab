package net

import (
	"strings"
	"testing"
	"time"
)

// TestABlackHoleTakesOnlyWhatIsLarge: small packets pass it, and a stream stands still from its first full packet on until it is healed.
func TestABlackHoleTakesOnlyWhatIsLarge(t *testing.T) {
	w := newWorld(t)
	_, b, send := w.sockets("a1", "b1")
	f := w.apply(BlackHole{Where: Where{From: "a1", To: "b1"}, Size: 1000})
	send(strings.Repeat("s", 900))
	send(strings.Repeat("l", 1100))
	w.run(time.Second)
	if len(b.packets) != 1 || b.packets[0][0] != 's' || f.Felt() != 1 {
		t.Fatalf("%d packets arrived, felt %d", len(b.packets), f.Felt())
	}
	from, ida, to, idb := w.streamBetween("a1", "b1")
	from.write(ida, pattern(100))
	w.run(time.Second)
	if to.count[idb] != 100 {
		t.Fatalf("%d bytes of a small packet arrived", to.count[idb])
	}
	from.write(ida, pattern(5000))
	from.write(ida, pattern(10)) // behind what is lost
	w.run(5 * time.Second)
	if to.count[idb] != 100 {
		t.Fatalf("%d bytes arrived through the black hole", to.count[idb])
	}
	f.Heal()
	w.run(20 * time.Second)
	if to.count[idb] != 5110 {
		t.Fatalf("healed: %d bytes", to.count[idb])
	}
}

// throughput sends four megabytes each way at once and returns the bytes a second of both together.
func (w *world) throughput(from, to string) int64 {
	w.t.Helper()
	const size = 4 << 20
	a, ida, b, idb := w.streamBetween(from, to)
	a.quiet, b.quiet = true, true
	start := w.loop.Now()
	sendAll(w, a, ida, pattern(size))
	sendAll(w, b, idb, pattern(size))
	for a.count[ida] < size || b.count[idb] < size {
		w.run(10 * time.Millisecond)
		if w.loop.Now().Sub(start) > time.Minute {
			w.t.Fatalf("only %d and %d bytes in a minute", a.count[ida], b.count[idb])
		}
	}
	return 2 * size * int64(time.Second) / int64(w.loop.Now().Sub(start))
}

func TestAWireThatNegotiatedLessCarriesLess(t *testing.T) {
	for _, c := range []struct {
		half, heal bool
		low, high  int64
	}{{false, false, 1_600_000, 2_000_000}, {true, false, 700_000, 1_000_000}, {true, true, 20_000_000, 250_000_000}} {
		w := newWorld(t)
		f := w.apply(Negotiated{Machine: "b1", BytesPerSecond: 1_000_000, Half: c.half})
		if got := w.net.Host("b1").BytesPerSecond(); got != 1_000_000 {
			t.Errorf("its speed is said to be %d", got)
		}
		if c.heal {
			f.Heal()
		}
		if rate := w.throughput("a1", "b1"); rate < c.low || rate > c.high || (f.Felt() > 0) == c.heal {
			t.Errorf("%+v: %d bytes/s both ways together over a wire of 1,000,000; felt %d", c, rate, f.Felt())
		}
	}
}

// TestASlowSenderLeavesTheOthersTheirRoom: what it will send in a while takes no place at the ports that it shares.
func TestASlowSenderLeavesTheOthersTheirRoom(t *testing.T) {
	for _, rate := range []int64{125_000_000, 12_500_000, 1_250_000} {
		w := newWorld(t)
		w.apply(Negotiated{Machine: "a1", BytesPerSecond: rate})
		a, id, b, _ := w.streamBetween("a1", "b1")
		b.quiet = true
		sendAll(w, a, id, pattern(4<<20))
		_, to, send := w.sockets("a2", "b1")
		for i := range 200 {
			w.loop.After(time.Duration(i)*time.Millisecond, func() { send("x") })
		}
		w.run(time.Second)
		if len(to.packets) < 195 {
			t.Errorf("beside a sender of %d bytes/s %d of 200 packets arrived", rate, len(to.packets))
		}
	}
}

// TestIncastOverflowsASharedBuffer: one sender at a time passes; two that send to one machine at the same time overflow what the
// switch has for all its ports together, and each port had room of its own for it.
func TestIncastOverflowsASharedBuffer(t *testing.T) {
	for _, senders := range []int{1, 2} {
		w := newWorld(t)
		f := w.apply(SharedBuffer{Switch: "shelf-a", Bytes: 32 << 10})
		to := w.proc("a1")
		to.listen(80)
		to.quiet = true
		for _, from := range []string{"a2", "b1"}[:senders] {
			a := w.proc(from)
			id := a.dial("a1", 80)
			w.loop.After(10*time.Millisecond, func() { sendAll(w, a, id, pattern(1<<20)) })
		}
		w.run(30 * time.Second)
		for _, id := range to.accepted {
			if to.count[id] != 1<<20 {
				t.Errorf("%d senders: %d bytes arrived", senders, to.count[id])
			}
		}
		if (f.Felt() > 0) != (senders > 1) {
			t.Errorf("%d senders: felt %d", senders, f.Felt())
		}
		if f.Heal(); w.net.Host("a1").down.pool != nil {
			t.Error("healed, and the buffer is still shared")
		}
	}
}

// TestABroadcastStormLeavesLittleRoom at the switch that is flooded, and all elsewhere.
func TestABroadcastStormLeavesLittleRoom(t *testing.T) {
	for _, c := range []struct {
		to        string
		low, high int
	}{{"a2", 100, 100}, {"b1", 5, 40}} {
		w := newWorld(t)
		f := w.apply(Storm{Switch: "shelf-b", PPM: 800_000})
		_, to, send := w.sockets("a1", c.to)
		for range 100 {
			send("a packet")
			w.run(time.Millisecond)
		}
		w.run(time.Second)
		if n := len(to.packets); n < c.low || n > c.high || (f.Felt() > 0) != (c.to == "b1") {
			t.Errorf("%d of 100 packets came to %s; felt %d", n, c.to, f.Felt())
		}
	}
}
