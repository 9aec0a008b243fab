package net

import (
	"testing"
	"time"

	"picloud/sim/channel"
)

// BenchmarkMessage sends one message of a segment on an open stream, lets it arrive, be read and
// be acknowledged.
func BenchmarkMessage(b *testing.B) {
	w := newWorld(b, func(c *Config) {
		for i := range c.Hosts {
			c.Hosts[i].Link = Gigabit()
		}
	})
	from, id, to, _ := w.streamBetween("a1", "a2")
	from.quiet, to.quiet = true, true
	message := pattern(400)
	b.ReportAllocs()
	for b.Loop() {
		from.write(id, message)
		w.run(5 * time.Millisecond)
	}
	if s := w.net.Host("a1").streams; len(s) != 1 {
		b.Fatal("the stream is gone")
	}
}

// BenchmarkBulk sends a megabyte, as fast as credit allows.
func BenchmarkBulk(b *testing.B) {
	w := newWorld(b)
	from, id, to, idb := w.streamBetween("a1", "a2")
	from.quiet, to.quiet = true, true
	chunk := pattern(channel.MaxData)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		before := to.count[idb]
		for sent := 0; sent < 1<<20; sent += len(chunk) {
			from.write(id, chunk)
			w.run(600 * time.Microsecond)
		}
		w.run(10 * time.Millisecond)
		if to.count[idb]-before != 1<<20 {
			b.Fatalf("%d bytes arrived", to.count[idb]-before)
		}
	}
}

// BenchmarkPacket sends a packet.
func BenchmarkPacket(b *testing.B) {
	w := newWorld(b)
	from, to := w.proc("a1"), w.proc("a2")
	from.send(channel.Frame{Op: channel.NetPacketOpen, A: 53, B: 2})
	to.send(channel.Frame{Op: channel.NetPacketOpen, A: 53, B: 2})
	f := channel.Frame{Op: channel.NetPacket, ID: 2, A: int64(makeEndpoint(to.host.ip, 53)), Data: pattern(400)}
	read := channel.Frame{Op: channel.NetPacketConsumed, ID: 2}
	b.ReportAllocs()
	for b.Loop() {
		from.send(f)
		w.run(time.Millisecond)
		read.A += 400
		to.send(read)
		to.packets = to.packets[:0]
	}
}
