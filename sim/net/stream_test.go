package net

import (
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
)

func TestStreamCarriesBytesBothWaysAndCloses(t *testing.T) {
	w := newWorld(t)
	a, ida, b, idb := w.streamBetween("a1", "b1")
	long := pattern(200_000)
	a.write(ida, long)
	b.write(idb, []byte("answer"))
	w.run(time.Second)
	w.expect(b, idb, long)
	w.expect(a, ida, []byte("answer"))

	a.send(channel.Frame{Op: channel.NetCloseWrite, ID: ida})
	w.run(time.Second)
	if !b.eof[idb] || a.eof[ida] {
		t.Fatalf("half close: b got EOF %v, a %v", b.eof[idb], a.eof[ida])
	}
	b.write(idb, []byte(", and more"))
	b.send(channel.Frame{Op: channel.NetClose, ID: idb, A: b.count[idb]})
	w.run(time.Second)
	w.expect(a, ida, []byte("answer, and more"))
	if !a.eof[ida] {
		t.Fatal("a got no EOF")
	}
	if n := len(w.net.Host("a1").streams) + len(w.net.Host("b1").streams); n != 0 {
		t.Fatalf("%d streams are left", n)
	}
}

func TestDial(t *testing.T) {
	w := newWorld(t)
	a := w.proc("a1")
	id := a.dial("b1", 81)
	w.run(time.Second)
	if a.reset[id] != syscall.ECONNREFUSED {
		t.Fatalf("nobody listens: %v, want ECONNREFUSED", a.reset[id])
	}

	w.net.Host("b1").PowerOff()
	start := w.loop.Now()
	id = a.dial("b1", 80)
	w.run(126 * time.Second)
	if a.reset[id] != 0 {
		t.Fatalf("gave up after %v", w.loop.Now().Sub(start))
	}
	w.run(2 * time.Second)
	if a.reset[id] != syscall.ETIMEDOUT {
		t.Fatalf("power off: %v, want ETIMEDOUT", a.reset[id])
	}

	w.net.Host("b1").PowerOn()
	id = a.dial("b1", 80)
	w.run(time.Second)
	if a.reset[id] != syscall.ECONNREFUSED {
		t.Fatalf("power on, nobody listens: %v, want ECONNREFUSED", a.reset[id])
	}
}
