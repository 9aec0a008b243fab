package net

import (
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// TestPartitionRecoversOnlyAtTheNextRetransmission: what was written into a partition waits, after
// the partition has healed, for a timer that has doubled meanwhile.
func TestPartitionRecoversOnlyAtTheNextRetransmission(t *testing.T) {
	for _, c := range []struct {
		name        string
		cut         Partition
		arrivesLate bool
	}{
		{"both ways", Split([]string{"a1"}, []string{"b1"}), true},
		{"the way there", OneWay([]string{"a1"}, []string{"b1"}), true},
		{"the way back", OneWay([]string{"b1"}, []string{"a1"}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a, ida, b, idb := w.streamBetween("a1", "b1")
			f := w.apply(c.cut)
			start := w.loop.Now()
			a.write(ida, []byte("into the partition"))
			w.run(7 * time.Second) // tries at 0.2, 0.6, 1.4, 3.0, 6.2 s; the next is due at 12.6 s
			if arrived := b.count[idb] > 0; arrived == c.arrivesLate {
				t.Fatalf("arrived during the cut: %v", arrived)
			}
			if f.Felt() < 6 {
				t.Fatalf("felt %d", f.Felt())
			}
			f.Heal()
			w.run(5500 * time.Millisecond) // 12.5 s
			una := w.stream("a1").una
			w.run(200 * time.Millisecond)
			if w.stream("a1").una == una {
				t.Fatal("nothing was acknowledged at the retransmission")
			}
			w.expect(b, idb, []byte("into the partition"))
			if at := b.when[idb].Sub(start); c.arrivesLate && (at < 12500*time.Millisecond || at > 12700*time.Millisecond) {
				t.Fatalf("arrived after %v, want 12.6 s", at)
			}
		})
	}
}

// stream returns the only stream of a machine.
func (w *world) stream(host string) *stream {
	w.t.Helper()
	for _, s := range w.net.Host(host).streams {
		return s
	}
	w.t.Fatalf("%s has no stream", host)
	return nil
}

// TestOneWayCutStallsTheSender: data arrives, acknowledgements do not, so the sender's window and
// then its buffer fill.
func TestOneWayCutStallsTheSender(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	w.apply(OneWay([]string{"b1"}, []string{"a1"}))
	a.write(ida, pattern(channel.SendBuffer))
	a.send(channel.Frame{Op: channel.NetWant, ID: ida})
	w.run(10 * time.Second)
	if a.credit[ida] != 0 {
		t.Fatalf("credit of %d bytes without an acknowledgement", a.credit[ida])
	}
	if n := b.count[idb]; n == 0 || n > initialWindow {
		t.Fatalf("%d bytes arrived, want the first congestion window", n)
	}
}

func TestStreamGivesUpAfterFifteenRetries(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	w.apply(Split([]string{"a1"}, []string{"b1"}))
	a.write(ida, []byte("x"))
	w.run(900 * time.Second)
	if a.reset[ida] != 0 {
		t.Fatal("gave up too early")
	}
	w.run(60 * time.Second) // 924.6 s in all for a timeout of 200 ms
	if a.reset[ida] != syscall.ETIMEDOUT {
		t.Fatalf("a: %v, want ETIMEDOUT", a.reset[ida])
	}
	if b.reset[idb] != syscall.ETIMEDOUT { // by keepalive, long before
		t.Fatalf("b: %v, want ETIMEDOUT", b.reset[idb])
	}
}

func TestKeepAliveFindsADeadPeer(t *testing.T) {
	w := newWorld(t)
	a, ida, _, _ := w.streamBetween("a1", "b1")
	w.run(time.Minute) // a living peer answers
	if a.reset[ida] != 0 {
		t.Fatalf("an idle stream ended: %v", a.reset[ida])
	}
	w.net.Host("b1").PowerOff()
	start := w.loop.Now()
	for a.reset[ida] == 0 && w.loop.Now().Sub(start) < 10*time.Minute {
		w.run(time.Second)
	}
	// Up to 15 s since it was heard, then nine probes 15 s apart.
	if took := w.loop.Now().Sub(start); a.reset[ida] != syscall.ETIMEDOUT || took < 135*time.Second || took > 151*time.Second {
		t.Fatalf("%v after %v, want ETIMEDOUT after 135 to 150 s", a.reset[ida], took)
	}
}

func TestLossBecomesDelay(t *testing.T) {
	took := func(ppm int) time.Duration {
		w := newWorld(t)
		a, ida, b, idb := w.streamBetween("a1", "b1")
		w.apply(Loss{Where: Where{}, PPM: ppm})
		start := w.loop.Now()
		sendAll(w, a, ida, pattern(1<<20))
		for b.count[idb] < 1<<20 && w.loop.Now().Sub(start) < time.Hour {
			w.run(10 * time.Millisecond)
		}
		w.expect(b, idb, pattern(1<<20))
		return w.loop.Now().Sub(start)
	}
	none, some, many := took(0), took(10_000), took(200_000)
	t.Logf("1 MiB without loss %v, at 1 %% %v, at 20 %% %v", none, some, many)
	if none > 30*time.Millisecond || some < 2*none || many < 5*some {
		t.Fatal("loss costs too little time, or none costs too much")
	}
}

// TestFastRetransmit loses one segment in the middle: three later ones bring it back within a
// round trip, without a timeout.
func TestFastRetransmit(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	start := w.loop.Now()
	data := pattern(5 * 1000)
	for i := range 5 {
		var f *Applied
		if i == 1 {
			f = w.apply(Loss{Where: Where{From: "a1"}, PPM: million})
		}
		a.write(ida, data[i*1000:(i+1)*1000])
		if f != nil {
			f.Heal()
		}
	}
	w.run(100 * time.Millisecond)
	w.expect(b, idb, data)
	if took := b.when[idb].Sub(start); took > 2*time.Millisecond || w.net.Stats().Retransmits != 1 {
		t.Fatalf("took %v with %d retransmissions", took, w.net.Stats().Retransmits)
	}
}

// TestCorruptionIsSeenEndToEndOnly: the stream goes on as if nothing had happened.
func TestCorruptionIsSeenEndToEndOnly(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	f := w.apply(Corruption{Where: Where{From: "a1"}, PPM: million, Bits: 32})
	data := pattern(5000)
	a.write(ida, data)
	w.run(time.Second)
	flipped := 0
	for i := range data {
		for bits := b.got[idb][i] ^ data[i]; bits != 0; bits &= bits - 1 {
			flipped++
		}
	}
	if len(b.got[idb]) != len(data) || flipped < 1 || flipped > 32 || f.Felt() != 1 {
		t.Fatalf("%d bytes, %d bits flipped, felt %d", len(b.got[idb]), flipped, f.Felt())
	}
	if string(data) != string(pattern(5000)) || a.reset[ida] != 0 {
		t.Fatal("the sender was touched")
	}
}

// TestPausedProcess does not read: its machine acknowledges until the receive buffer is full, then
// the sender's buffer fills, and all goes on when it reads.
func TestPausedProcess(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	b.lazy = true
	data := pattern(receiveBuffer + channel.SendBuffer)
	sendAll(w, a, ida, data)
	w.run(time.Hour) // probes of the closed window keep the stream alive
	if b.count[idb] != receiveBuffer || a.reset[ida] != 0 {
		t.Fatalf("%d bytes arrived, want a receive buffer's worth; a: %v", b.count[idb], a.reset[ida])
	}
	s := w.stream("a1")
	if queued := s.end() - s.una; queued <= channel.SendBuffer*2/3 || queued > channel.SendBuffer {
		t.Fatalf("%d bytes wait at the sender, want a buffer with less than a third free", queued)
	}
	if n := w.net.Stats().Retransmits; n != 0 {
		t.Fatalf("%d segments were sent for which there was no room", n)
	}
	id := a.dial("b1", 80)
	w.run(time.Second)
	if !a.conn[id] {
		t.Fatal("the machine of a paused process does not shake hands")
	}
	b.lazy = false
	start := w.loop.Now()
	b.read(idb)
	w.run(time.Second)
	w.expect(b, idb, data)
	if n := w.net.Stats().Retransmits; n != 0 {
		t.Fatalf("%d segments were sent for which there was no room", n)
	}
	if took := b.when[idb].Sub(start); took > 100*time.Millisecond {
		t.Fatalf("took %v after the window opened", took)
	}
}

// TestLostWindowUpdate: the word that there is room again is lost, and a probe brings it back.
func TestLostWindowUpdate(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	b.lazy = true
	data := pattern(receiveBuffer + 1000)
	sendAll(w, a, ida, data)
	w.run(5 * time.Second)
	f := w.apply(OneWay([]string{"b1"}, []string{"a1"}))
	b.lazy = false
	b.read(idb)
	w.run(100 * time.Millisecond)
	f.Heal()
	if b.count[idb] != receiveBuffer {
		t.Fatalf("%d bytes arrived during the cut", b.count[idb])
	}
	w.run(20 * time.Second)
	w.expect(b, idb, data)
}

func TestBacklog(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Backlog = 2 })
	b := w.proc("b1")
	b.listen(80)
	b.host.listeners[80].owner.guest = deaf{b} // never takes a stream
	a := w.proc("a1")
	ids := []uint64{a.dial("b1", 80), a.dial("b1", 80), a.dial("b1", 80)}
	w.run(10 * time.Second)
	if !a.conn[ids[0]] || !a.conn[ids[1]] || a.conn[ids[2]] || a.reset[ids[2]] != 0 {
		t.Fatalf("connected %v, want the third to hang", a.conn)
	}
}

// deaf is a process that gets its mail and does nothing about it.
type deaf struct{ channel.Guest }

func (deaf) Post(channel.Frame)     {}
func (deaf) PostLazy(channel.Frame) {}

// TestIncast: many senders at once overflow the queue of one machine's wire, and all bytes arrive
// none the less.
func TestIncast(t *testing.T) {
	const senders = 20
	w := newWorld(t, func(c *Config) {
		for i := range senders {
			c.Hosts = append(c.Hosts, HostConfig{Name: string(rune('A' + i)), Switch: "shelf-a", Link: exact()})
		}
		c.Hosts[0].Link.BufferBytes = 64 << 10
	})
	sink := w.proc("a1")
	sink.listen(80)
	sink.quiet = true
	var procs []*proc
	var ids []uint64
	for i := range senders {
		p := w.proc(string(rune('A' + i)))
		ids = append(ids, p.dial("a1", 80))
		procs = append(procs, p)
	}
	w.run(time.Second)
	for i, p := range procs {
		p.write(ids[i], pattern(100_000))
	}
	var last event.Time
	for range 1000 {
		w.run(10 * time.Millisecond)
	}
	var total int64
	for _, id := range sink.accepted {
		total += sink.count[id]
		last = max(last, sink.when[id])
	}
	if total != senders*100_000 || w.net.Stats().QueueDrops == 0 {
		t.Fatalf("%d bytes arrived, %d packets found no room; the last at %v", total, w.net.Stats().QueueDrops, last)
	}
}
