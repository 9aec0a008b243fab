package net

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// sockets opens a packet socket on port 53 of two machines.
func (w *world) sockets(from, to string) (a, b *proc, send func(string)) {
	a, b = w.proc(from), w.proc(to)
	for _, p := range []*proc{a, b} {
		p.send(channel.Frame{Op: channel.NetPacketOpen, A: 53, B: 2})
	}
	return a, b, func(s string) {
		a.send(channel.Frame{Op: channel.NetPacket, ID: 2, A: int64(makeEndpoint(b.host.ip, 53)), Data: []byte(s)})
		b.send(channel.Frame{Op: channel.NetPacketConsumed, ID: 2, A: 1 << 40})
	}
}

// TestPacketFaults sends a hundred numbered packets a millisecond apart, with the fault and then
// without, and looks at what arrives. Packets hide nothing of what the wire does.
func TestPacketFaults(t *testing.T) {
	const total = 100
	inOrder := func(got []string) bool {
		last := ""
		for _, p := range got {
			if p <= last {
				return false
			}
			last = p
		}
		return true
	}
	intact := func(got []string) int {
		n := 0
		for _, p := range got {
			if strings.HasPrefix(p, "packet ") && strings.HasSuffix(p, strings.Repeat("x", 50)) {
				n++
			}
		}
		return n
	}
	ab := Where{From: "a1", To: "b1"}
	for _, c := range []struct {
		fault Fault
		check func(got []string) bool
		blind bool // does not touch the packets of this test
	}{
		{fault: Loss{Where: ab, PPM: 300_000}, check: func(g []string) bool { return len(g) > 50 && len(g) < 90 && inOrder(g) }},
		{fault: Loss{Where: Where{Link: "b1", Direction: Down}, PPM: million}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: Loss{Where: Where{Link: "b1", Direction: Up}, PPM: million}, check: func(g []string) bool { return len(g) == total }, blind: true},
		{fault: Loss{Where: Where{From: "b1", To: "a1"}, PPM: million}, check: func(g []string) bool { return len(g) == total }, blind: true},
		{fault: Loss{Where: Where{From: "b1", To: "a1", Mutual: true}, PPM: million}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: Loss{Where: Where{Port: 53}, PPM: million}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: Loss{Where: Where{Port: 54}, PPM: million}, check: func(g []string) bool { return len(g) == total }, blind: true},
		{fault: Duplication{Where: ab, PPM: 500_000, Late: time.Millisecond}, check: func(g []string) bool { return len(g) > total+30 && intact(g) == len(g) }},
		{fault: Reordering{Where: ab, PPM: 200_000, By: 5 * time.Millisecond}, check: func(g []string) bool { return len(g) == total && !inOrder(g) }},
		{fault: Corruption{Where: ab, PPM: 500_000, Bits: 32}, check: func(g []string) bool { return len(g) == total && intact(g) < total-10 }},
		{fault: Delay{Where: ab, Latency: Latency{Base: 50 * time.Millisecond}}, check: func(g []string) bool { return len(g) == 50 && inOrder(g) }},
		{fault: Bandwidth{Where: ab, BytesPerSecond: 10_000, BufferBytes: 5000}, check: func(g []string) bool { return len(g) < 10 }},
		{fault: OneWay([]string{"a1"}, []string{"b1"}), check: func(g []string) bool { return len(g) == 0 }},
		{fault: OneWay([]string{"b1"}, []string{"a1"}), check: func(g []string) bool { return len(g) == total }, blind: true},
		{fault: Isolate([]string{"a1", "a2", "b1"}, "b1"), check: func(g []string) bool { return len(g) == 0 }},
		{fault: SwitchDark{Switch: "core"}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: SwitchDark{Switch: "shelf-a"}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: WireCut{Where{Link: "shelf-b", Direction: Down}}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: WireCut{Where{Link: "shelf-b", Direction: Up}}, check: func(g []string) bool { return len(g) == total }, blind: true},
		{fault: Flap{Where: ab, Period: 20 * time.Millisecond, MinPPM: 200_000, MaxPPM: 800_000}, check: func(g []string) bool { return len(g) > 20 && len(g) < 80 && inOrder(g) }},
		{fault: Clog{ab}, check: func(g []string) bool { return len(g) == 0 }},
		{fault: SwizzleClog{Hosts: []string{"b1", "a2"}, Step: 10 * time.Millisecond}, check: func(g []string) bool { return len(g) == 0 }},
	} {
		t.Run(fmt.Sprintf("%T%+v", c.fault, c.fault), func(t *testing.T) {
			w := newWorld(t)
			_, b, send := w.sockets("a1", "b1")
			burst := func() {
				for i := range total {
					send(fmt.Sprintf("packet %03d %s", i, strings.Repeat("x", 50)))
					w.run(time.Millisecond)
				}
			}
			f := w.apply(c.fault)
			burst()
			if !c.check(b.packets) {
				t.Errorf("%d packets arrived: %q", len(b.packets), b.packets)
			}
			if (f.Felt() == 0) != c.blind {
				t.Errorf("felt %d", f.Felt())
			}
			f.Heal()
			w.run(time.Second)
			felt := f.Felt()
			b.packets = nil
			burst()
			w.run(time.Second)
			if len(b.packets) != total || !inOrder(b.packets) || intact(b.packets) != total || f.Felt() != felt {
				t.Errorf("healed: %d packets, felt %d more", len(b.packets), f.Felt()-felt)
			}
		})
	}
}

func TestBandwidthCapGivesItsThroughput(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	f := w.apply(Bandwidth{Where: Where{From: "a1"}, BytesPerSecond: 1_000_000, BufferBytes: 128 << 10})
	start := w.loop.Now()
	sendAll(w, a, ida, pattern(4<<20))
	for b.count[idb] < 4<<20 {
		w.run(10 * time.Millisecond)
		if w.loop.Now().Sub(start) > time.Minute {
			t.Fatalf("only %d bytes in a minute", b.count[idb])
		}
	}
	w.expect(b, idb, pattern(4<<20))
	took := w.loop.Now().Sub(start)
	rate := int64(4<<20) * int64(time.Second) / int64(took)
	if rate < 800_000 || rate > 1_000_000 || f.Felt() == 0 {
		t.Fatalf("%d bytes/s through a cap of 1,000,000; felt %d", rate, f.Felt())
	}
}

// sendAll writes data as credit allows, while the event loop runs.
func sendAll(w *world, p *proc, id uint64, data []byte) {
	room := int64(channel.SendBuffer)
	p.credited = func(bytes int64) {
		room += bytes
		n := min(int64(len(data)), room)
		p.write(id, data[:n])
		data = data[n:]
		if room -= n; len(data) > 0 && p.reset[id] == 0 {
			p.send(channel.Frame{Op: channel.NetWant, ID: id})
		}
	}
	p.credited(0)
}

// TestAQueueIsFullAlsoWhereItTakesSecondsToEmpty: a packet takes two seconds, and the queue has room for four.
func TestAQueueIsFullAlsoWhereItTakesSecondsToEmpty(t *testing.T) {
	w := newWorld(t)
	_, b, send := w.sockets("a1", "b1")
	w.apply(Bandwidth{Where: Where{From: "a1"}, BytesPerSecond: 500, BufferBytes: 5000})
	for i := range 20 {
		send(fmt.Sprintf("%02d%s", i, strings.Repeat("x", 998)))
	}
	w.run(time.Minute)
	if len(b.packets) != 4 {
		t.Errorf("%d packets arrived", len(b.packets))
	}
}

// TestWhatWaitsForBandwidthArrivesOnceThereIsEnough: in order, whichever of two narrow queues is mended first, and before what is sent later.
func TestWhatWaitsForBandwidthArrivesOnceThereIsEnough(t *testing.T) {
	narrow := Bandwidth{Where: Where{From: "a1"}, BytesPerSecond: 10_000, BufferBytes: 200_000}
	wider := Bandwidth{Where: Where{To: "b1"}, BytesPerSecond: 20_000, BufferBytes: 200_000}
	for _, faults := range [][]Fault{{narrow}, {narrow, wider}, {wider, narrow}} {
		w := newWorld(t)
		_, b, send := w.sockets("a1", "b1")
		var applied []*Applied
		for _, f := range faults {
			applied = append(applied, w.apply(f))
		}
		for i := range 150 {
			send(fmt.Sprintf("%03d%s", i, strings.Repeat("x", 997)))
		}
		w.run(time.Second)
		if n := len(b.packets); n != 9 {
			t.Errorf("%d packets of a kilobyte arrived in a second, at 10 kB/s", n)
		}
		for i, f := range applied {
			if before := len(b.packets); i > 0 && before > 20 {
				t.Errorf("%d packets passed the queue that is left", before)
			}
			f.Heal()
			w.run(time.Millisecond)
		}
		send("after")
		w.run(49 * time.Millisecond)
		if n := len(b.packets); n != 151 || b.packets[n-1] != "after" || !slices.IsSorted(b.packets) {
			t.Errorf("%d packets arrived once there was enough, and want 151 in order", n)
		}
	}
}

// TestAClogHoldsWhatANarrowQueueLetsGo, and both keep the order in which all was sent.
func TestAClogHoldsWhatANarrowQueueLetsGo(t *testing.T) {
	w := newWorld(t)
	_, b, send := w.sockets("a1", "b1")
	narrow := w.apply(Bandwidth{Where: Where{From: "a1"}, BytesPerSecond: 1000, BufferBytes: 200_000})
	send("0")
	send("1")
	clog := w.apply(Clog{Where{To: "b1"}})
	send("2")
	w.run(time.Second)
	narrow.Heal()
	send("3")
	w.run(time.Second)
	if len(b.packets) != 0 {
		t.Errorf("%q passed the clog", b.packets)
	}
	clog.Heal()
	send("4")
	w.run(time.Millisecond)
	if got := strings.Join(b.packets, " "); got != "0 1 2 3 4" {
		t.Errorf("got %s", got)
	}
}

func TestClogReleasesInOrderAndLetsAnotherClogHold(t *testing.T) {
	w := newWorld(t)
	_, b, send := w.sockets("a1", "b1")
	first := w.apply(Clog{Where{From: "a1"}})
	second := w.apply(Clog{Where{To: "b1"}})
	for i := range 10 {
		send(fmt.Sprint(i))
		w.run(time.Millisecond)
	}
	first.Heal()
	w.run(time.Second)
	if len(b.packets) != 0 {
		t.Fatalf("%d packets passed the clog that is left", len(b.packets))
	}
	second.Heal()
	send("after")
	w.run(time.Millisecond)
	if got := strings.Join(b.packets, " "); got != "0 1 2 3 4 5 6 7 8 9 after" {
		t.Fatalf("got %s", got)
	}
}

func TestRefuseAndHang(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	f := w.apply(Refuse{Where{From: "a1", To: "b1"}})
	id := a.dial("b1", 80)
	w.run(time.Second)
	if a.reset[id] != syscall.ECONNREFUSED || f.Felt() != 1 {
		t.Fatalf("refuse: %v, felt %d", a.reset[id], f.Felt())
	}
	f.Heal()
	f = w.apply(Hang{Where{From: "a1", Port: 80}})
	id = a.dial("b1", 80)
	a.write(ida, []byte("open streams go on"))
	w.run(2500 * time.Millisecond) // two more tries, at 1 and 3 s, of which one has hung
	if a.conn[id] || a.reset[id] != 0 || f.Felt() != 2 {
		t.Fatalf("hang: connected %v, %v, felt %d", a.conn[id], a.reset[id], f.Felt())
	}
	f.Heal()
	w.run(time.Second)
	if !a.conn[id] {
		t.Fatal("the third try did not connect")
	}
	w.expect(b, idb, []byte("open streams go on"))
}

func TestResetEndsBothEnds(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	other, ido, _, _ := w.streamBetween("b1", "a2")
	f := w.apply(Reset{Where: Where{From: "a1", To: "b1"}, PPM: million})
	w.run(time.Second)
	if a.reset[ida] != syscall.ECONNRESET || b.reset[idb] != syscall.ECONNRESET || f.Felt() != 1 {
		t.Fatalf("%v and %v, felt %d", a.reset[ida], b.reset[idb], f.Felt())
	}
	if other.reset[ido] != 0 {
		t.Fatal("another stream was reset")
	}
}

func TestHalfOpenIsFoundByDataOrKeepAlive(t *testing.T) {
	for _, speaks := range []bool{true, false} {
		w := newWorld(t)
		a, ida, b, idb := w.streamBetween("a1", "b1")
		w.apply(HalfOpen{Where: Where{From: "b1", To: "a1"}, PPM: million})
		w.run(10 * time.Second)
		if b.reset[idb] != syscall.ECONNABORTED || a.reset[ida] != 0 {
			t.Fatalf("b %v, a %v; want b alone to know", b.reset[idb], a.reset[ida])
		}
		if speaks {
			a.write(ida, []byte("hello?"))
			w.run(time.Second)
		} else {
			w.run(10 * time.Second) // a keepalive probe after 15 s
		}
		if a.reset[ida] != syscall.ECONNRESET {
			t.Errorf("speaks %v: a %v, want ECONNRESET", speaks, a.reset[ida])
		}
	}
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Loss{PPM: -1}, `network fault "f": loss of -1 ppm, need 0 to 1000000`},
		{Loss{Where: Where{From: "c9"}, PPM: 1}, `network fault "f": no machine "c9"`},
		{WireCut{Where{Link: "core"}}, `network fault "f": switch "core" has no uplink`},
		{SwitchDark{"attic"}, `network fault "f": no switch "attic"`},
		{Corruption{PPM: 1, Bits: 33}, `network fault "f": corruption of up to 33 bits, need 1 to 32`},
		{Isolate([]string{"a1"}, "x"), `network fault "f": no machine "x"`},
		{Flap{Period: time.Second, MinPPM: 2, MaxPPM: 1}, `network fault "f": flapping with period 1s and 2 to 1 ppm, need a period and a range`},
	} {
		if _, err := w.net.Apply("f", c.fault); err == nil || err.Error() != c.want {
			t.Errorf("%T: %v\nwant %s", c.fault, err, c.want)
		}
	}
}

// TestFaultsDrawFromStreamsOfTheirOwn adds a fault elsewhere and expects the same losses here.
func TestFaultsDrawFromStreamsOfTheirOwn(t *testing.T) {
	arrivals := func(elsewhere bool) string {
		w := newWorld(t)
		_, b, send := w.sockets("a1", "b1")
		_, _, sendElsewhere := w.sockets("b1", "a2")
		lose := func(name string, where Where) {
			if _, err := w.net.Apply(name, Loss{Where: where, PPM: 500_000}); err != nil {
				t.Fatal(err)
			}
		}
		if elsewhere {
			lose("elsewhere", Where{From: "b1", To: "a2"})
		}
		lose("here", Where{})
		for i := range 50 {
			send(fmt.Sprint(i))
			if elsewhere {
				sendElsewhere(fmt.Sprint(i))
			}
			w.run(time.Millisecond)
		}
		return strings.Join(b.packets, " ")
	}
	if one, two := arrivals(false), arrivals(true); one != two {
		t.Errorf("alone:   %s\nbetween: %s", one, two)
	}
}

func TestLatencyTail(t *testing.T) {
	l := Latency{Jitter: 100, TailPPM: 10_000, TailMax: time.Millisecond}
	rng := event.Stream(1, "test")
	late, longest := 0, time.Duration(0)
	const draws = 1_000_000
	for range draws {
		d := l.extra(rng)
		if d > 100 {
			late++
		}
		longest = max(longest, d)
	}
	if late < draws/100*9/10 || late > draws/100*11/10 || longest > l.TailMax+l.Jitter || longest < l.TailMax*9/10 {
		t.Fatalf("%d of %d late, want a hundredth; the longest %v", late, draws, longest)
	}
}

// TestOrderIsKept: a wire is a queue, so a packet that meets a tail holds up those behind it.
func TestOrderIsKept(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Hosts[0].Link = Gigabit() })
	_, b, send := w.sockets("a1", "b1")
	for i := range 2000 {
		send(fmt.Sprintf("%04d", i))
		w.run(10 * time.Microsecond)
	}
	w.run(time.Second)
	last := ""
	for _, p := range b.packets {
		if p <= last {
			t.Fatalf("%s arrived after %s", p, last)
		}
		last = p
	}
	if last != "1999" {
		t.Fatalf("the last was %q", last)
	}
}
