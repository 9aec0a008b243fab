package net

import (
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
)

// TestKilledProcess: the stack closes what the process had open, as Linux does.
func TestKilledProcess(t *testing.T) {
	t.Run("what it sent arrives, then the end", func(t *testing.T) {
		w := newWorld(t)
		a, ida, b, idb := w.streamBetween("a1", "b1")
		data := pattern(200_000)
		a.write(ida, data)
		a.host.Gone(a)
		w.run(time.Second)
		w.expect(b, idb, data)
		if !b.eof[idb] || b.reset[idb] != 0 {
			t.Fatalf("EOF %v, reset %v", b.eof[idb], b.reset[idb])
		}
		b.write(idb, []byte("to the dead"))
		w.run(time.Second)
		if b.reset[idb] != syscall.EPIPE {
			t.Fatalf("after writing: %v, want EPIPE", b.reset[idb])
		}
	})
	t.Run("unread bytes reset the peer", func(t *testing.T) {
		w := newWorld(t)
		a, ida, b, idb := w.streamBetween("a1", "b1")
		b.lazy = true
		a.write(ida, []byte("never read"))
		w.run(time.Second)
		b.host.Gone(b)
		w.run(time.Second)
		if a.reset[ida] != syscall.ECONNRESET || b.reset[idb] != 0 {
			t.Fatalf("a %v, want ECONNRESET; the dead one got %v", a.reset[ida], b.reset[idb])
		}
	})
	t.Run("its ports are free, those of others stay", func(t *testing.T) {
		w := newWorld(t)
		b, other, a := w.proc("b1"), w.proc("b1"), w.proc("a1")
		b.listen(80)
		other.listen(81)
		other.listen(80)
		if other.reply.Err != syscall.EADDRINUSE {
			t.Fatalf("%v, want EADDRINUSE", other.reply.Err)
		}
		b.host.Gone(b)
		gone, stays := a.dial("b1", 80), a.dial("b1", 81)
		w.run(time.Second)
		if a.reset[gone] != syscall.ECONNREFUSED || !a.conn[stays] {
			t.Fatalf("dead listener: %v; living one connected %v", a.reset[gone], a.conn[stays])
		}
		other.listen(80)
		if other.reply.Err != 0 {
			t.Fatalf("the dead process still holds its port: %v", other.reply.Err)
		}
	})
	t.Run("streams that it had not accepted are reset", func(t *testing.T) {
		w := newWorld(t)
		b, a := w.proc("b1"), w.proc("a1")
		b.listen(80)
		b.host.listeners[80].owner.guest = deaf{b}
		id := a.dial("b1", 80)
		w.run(time.Second)
		b.host.Gone(b)
		w.run(time.Second)
		if !a.conn[id] || a.reset[id] != syscall.ECONNRESET {
			t.Fatalf("connected %v, %v; want ECONNRESET", a.conn[id], a.reset[id])
		}
	})
	t.Run("an orphan gives up a peer that is cut off", func(t *testing.T) {
		w := newWorld(t)
		a, ida, _, _ := w.streamBetween("a1", "b1")
		w.apply(Isolate([]string{"a1", "a2", "b1"}, "a1"))
		a.write(ida, []byte("lost"))
		a.host.Gone(a)
		w.run(10 * time.Minute)
		if n := len(a.host.streams); n != 0 {
			t.Fatalf("%d streams are left", n)
		}
	})
}

// TestPowerCut is silent: peers learn of it by asking.
func TestPowerCut(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	b.write(idb, []byte("last words"))
	b.host.PowerOff()
	w.run(time.Second)
	w.expect(a, ida, []byte("last words")) // they were on the wire
	if a.eof[ida] || a.reset[ida] != 0 {
		t.Fatal("the power cut said goodbye")
	}
	a.write(ida, []byte("?"))
	w.run(5 * time.Second)
	if a.reset[ida] != 0 {
		t.Fatalf("silence gave %v", a.reset[ida])
	}
	b.host.PowerOn()
	w.run(5 * time.Second) // a retransmission meets a stack that knows nothing
	if a.reset[ida] != syscall.ECONNRESET {
		t.Fatalf("after power on: %v, want ECONNRESET", a.reset[ida])
	}
	b.send(channel.Frame{Op: channel.NetData, ID: idb, Data: []byte("a ghost")})
	b.host.Gone(b)
	w.run(time.Second)
}

// TestRebootedPeerReusesItsPort: the old end answers a new request with what it knows, and is
// reset; the second try connects.
func TestRebootedPeerReusesItsPort(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	port := w.stream("a1").from.port()
	a.host.PowerOff()
	a.host.PowerOn()
	a.host.ephemeral = port
	again := w.proc("a1")
	id := again.dial("b1", 80)
	w.run(500 * time.Millisecond)
	if again.conn[id] || b.reset[idb] != syscall.ECONNRESET {
		t.Fatalf("connected %v, old end %v; want it reset first", again.conn[id], b.reset[idb])
	}
	w.run(time.Second)
	if !again.conn[id] || a.reset[ida] != 0 {
		t.Fatalf("connected %v", again.conn[id])
	}
}

func TestAbortedDialLeavesNothing(t *testing.T) {
	w := newWorld(t)
	a, b := w.proc("a1"), w.proc("b1")
	b.listen(80)
	id := a.dial("b1", 80)
	a.send(channel.Frame{Op: channel.NetAbort, ID: id})
	w.run(time.Minute)
	if a.conn[id] || len(a.host.streams)+len(b.host.streams) != 0 || len(b.accepted) != 0 {
		t.Fatalf("connected %v, %d and %d streams", a.conn[id], len(a.host.streams), len(b.host.streams))
	}
}

func TestLoopbackNeedsNoLink(t *testing.T) {
	w := newWorld(t)
	w.apply(WireCut{Where{}})
	a, b := w.proc("a1"), w.proc("a1")
	b.listen(80)
	id := a.dial("a1", 80)
	w.run(time.Millisecond)
	start := w.loop.Now()
	a.write(id, pattern(100_000))
	w.run(time.Second)
	w.expect(b, b.accepted[0], pattern(100_000))
	if took := b.when[b.accepted[0]].Sub(start); took > time.Millisecond {
		t.Fatalf("took %v", took)
	}
}
