package net

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/sim/channel"
)

// drawFault draws any fault that harms no bytes.
func drawFault(t *rapid.T) Fault {
	hosts := []string{"", "a1", "a2", "b1"}
	where := Where{
		From:   rapid.SampledFrom(hosts).Draw(t, "from"),
		To:     rapid.SampledFrom(hosts).Draw(t, "to"),
		Mutual: rapid.Bool().Draw(t, "mutual"),
		Link:   rapid.SampledFrom([]string{"", "a1", "shelf-a"}).Draw(t, "link"),
	}
	ppm := rapid.SampledFrom([]int{10_000, 200_000, 500_000}).Draw(t, "ppm")
	ms := time.Duration(rapid.IntRange(1, 300).Draw(t, "ms")) * time.Millisecond
	return rapid.SampledFrom([]Fault{
		Loss{Where: where, PPM: ppm},
		Duplication{Where: where, PPM: ppm, Late: ms},
		Reordering{Where: where, PPM: ppm, By: ms},
		Delay{Where: where, Latency: Latency{Base: ms, Jitter: ms}},
		Bandwidth{Where: where, BytesPerSecond: int64(ppm), BufferBytes: 20_000},
		WireCut{where},
		SwitchDark{"shelf-a"},
		Isolate([]string{"a1", "a2", "b1"}, "a1"),
		Flap{Where: where, Period: 10 * ms, MinPPM: 0, MaxPPM: million},
		Clog{where},
		SwizzleClog{Hosts: []string{"a1", "b1"}, Step: ms},
		Hang{where},
	}).Draw(t, "fault")
}

// duplex is a stream with what was written at both ends.
type duplex struct {
	ends    [2]*proc
	ids     [2]uint64
	written [2][]byte
	shut    [2]bool
}

// play lets drawn things happen to streams, heals everything, and gives the world time.
func play(t *rapid.T, w *world, streams []*duplex, actions []func() string) string {
	log := sha256.New()
	w.net.Capture(log)
	for _, act := range actions {
		fmt.Fprintln(log, act())
	}
	for len(w.net.active) > 0 {
		w.net.active[0].Heal()
		w.run(time.Second)
	}
	for _, d := range streams {
		for i := range d.ends {
			d.ends[i].lazy = false
			d.ends[i].read(d.ids[i])
		}
	}
	w.run(20 * time.Minute)
	w.net.Capture(nil)
	return fmt.Sprintf("%x", log.Sum(nil))
}

// TestStreamsSurviveFaults: whatever happens on the wire, bytes arrive in order and once, and all
// of them once the wire is whole; or else both ends learn that the stream is gone. And it happens
// the same way twice.
func TestStreamsSurviveFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 5, 40).Draw(rt, "steps")
		first := playSteps(t, rt, steps)
		if second := playSteps(t, rt, steps); first != second {
			rt.Fatal("the same steps went another way the second time")
		}
	})
}

// step is one thing that happens in a play.
type step struct {
	kind   int
	stream int
	end    int
	bytes  int
	fault  Fault
	wait   time.Duration
}

func drawStep(t *rapid.T) step {
	s := step{
		kind:   rapid.IntRange(0, 7).Draw(t, "kind"),
		stream: rapid.IntRange(0, 2).Draw(t, "stream"),
		end:    rapid.IntRange(0, 1).Draw(t, "end"),
		bytes:  rapid.SampledFrom([]int{1, 100, 1448, 1449, 5000, 64 << 10}).Draw(t, "bytes"),
		wait:   time.Duration(rapid.SampledFrom([]int{0, 1, 50, 1000, 30_000}).Draw(t, "wait ms")) * time.Millisecond,
	}
	if s.kind == 0 || s.kind == 1 {
		s.fault = drawFault(t)
	}
	return s
}

func playSteps(t *testing.T, rt *rapid.T, steps []step) string {
	w := newWorld(t, func(c *Config) {
		for i := range c.Hosts {
			c.Hosts[i].Link = Gigabit()
		}
	})
	var streams []*duplex
	for _, ends := range [][2]string{{"a1", "b1"}, {"a2", "a1"}, {"b1", "a2"}} {
		a, ida, b, idb := w.streamBetween(ends[0], ends[1])
		streams = append(streams, &duplex{ends: [2]*proc{a, b}, ids: [2]uint64{ida, idb}})
	}
	var actions []func() string
	for i, s := range steps {
		actions = append(actions, func() string { return w.act(rt, i, s, streams[s.stream]) })
	}
	hash := play(rt, w, streams, actions)
	for i, d := range streams {
		d.check(rt, i)
	}
	return hash
}

func (w *world) act(rt *rapid.T, i int, s step, d *duplex) string {
	p, id := d.ends[s.end], d.ids[s.end]
	switch s.kind {
	case 0, 1:
		if _, err := w.net.Apply(fmt.Sprint("fault ", i), s.fault); err != nil {
			rt.Fatal(err)
		}
	case 2:
		if len(w.net.active) > 0 {
			w.net.active[s.bytes%len(w.net.active)].Heal()
		}
	case 3, 4:
		if !d.shut[s.end] && len(d.written[s.end])+s.bytes <= channel.SendBuffer {
			data := pattern(len(d.written[s.end]) + s.bytes)[len(d.written[s.end]):]
			d.written[s.end] = append(d.written[s.end], data...)
			p.write(id, data)
		}
	case 5:
		p.lazy = !p.lazy
		p.read(id)
	case 6:
		if s.bytes == 1 {
			d.shut[s.end] = true
			p.send(channel.Frame{Op: channel.NetCloseWrite, ID: id})
		}
	}
	w.run(s.wait)
	return fmt.Sprint(w.loop.Now())
}

func (d *duplex) check(t *rapid.T, n int) {
	gone := d.ends[0].reset[d.ids[0]] != 0 || d.ends[1].reset[d.ids[1]] != 0
	for i := range d.ends {
		written, read := d.written[i], d.ends[1-i].got[d.ids[1-i]]
		if !bytes.HasPrefix(written, read) {
			t.Fatalf("stream %d: what end %d read was not written", n, 1-i)
		}
		if !gone && (len(read) != len(written) || d.ends[1-i].eof[d.ids[1-i]] != d.shut[i]) {
			t.Fatalf("stream %d: end %d wrote %d bytes, closed %v; the other read %d, EOF %v",
				n, i, len(written), d.shut[i], len(read), d.ends[1-i].eof[d.ids[1-i]])
		}
		if gone && d.ends[i].reset[d.ids[i]] == 0 && !d.ends[i].eof[d.ids[i]] {
			t.Fatalf("stream %d is gone and end %d does not know", n, i)
		}
	}
}
