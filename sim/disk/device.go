package disk

import (
	"syscall"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// A request is a piece of work for the device.
type request struct {
	kind  requestKind
	ino   *inode
	file  *handle       // sync: whose errors it reports
	guest channel.Guest // who waits, nil when nobody does or the process is gone
	call  uint64        // the ID of the reply
	seq   uint64        // sync, write-back: the last operation that it covers
	off   int64         // read: what is asked for, in bytes
	n     int64
	fetch int64 // read: bytes to bring into the cache from off on, at least n
	seek  bool  // read: does not follow on the last one
	bytes int64 // write-back: pending when it was asked for
}

type requestKind uint8

const (
	readRequest requestKind = iota
	syncRequest
	writebackRequest
)

// device serves requests one at a time, first come first served.
type device struct {
	card   *Card
	queue  []*request // the first is being served
	timer  *event.Timer
	began  event.Time    // of the first's service, or when that went on
	left   time.Duration // what the first still needs at full speed, while it does not go on
	queued int64         // bytes of the write-backs that wait
}

// submit hands a request to the device.
func (c *Card) submit(r *request) {
	if c.faults.has(Gone) {
		c.faults.feel(Gone)
		c.complete(r, syscall.EIO)
		return
	}
	d := &c.dev
	if r.kind == writebackRequest {
		r.bytes = r.ino.pending
		d.queued += r.bytes
	}
	d.queue = append(d.queue, r)
	if c.faults.has(Stall) {
		c.faults.feel(Stall)
	}
	if len(d.queue) == 1 {
		d.left = c.service(r)
		d.start()
	}
}

// start runs the clock of the first request unless the device is stalled.
func (d *device) start() {
	if len(d.queue) > 0 && d.timer == nil && !d.card.faults.has(Stall) {
		d.began = d.card.loop.Now()
		d.timer = d.card.loop.After(d.left*d.card.slowness(), d.done)
	}
}

// stop holds the clock of the first request.
func (d *device) stop() {
	if d.timer != nil {
		d.left = d.timer.When().Sub(d.card.loop.Now()) / d.card.slowness()
		d.card.stats.Busy += d.serving()
		d.card.loop.Stop(d.timer)
		d.timer = nil
	}
}

// serving is for how long the first request has been served since it began or went on.
func (d *device) serving() time.Duration {
	if d.timer == nil {
		return 0
	}
	return d.card.loop.Now().Sub(d.began)
}

func (d *device) done() {
	d.card.stats.Busy += d.serving()
	d.card.complete(d.pop(), 0) // which may ask for more, or cut the power
	if len(d.queue) > 0 && d.timer == nil {
		d.left = d.card.service(d.queue[0])
		d.start()
	}
}

func (d *device) pop() *request {
	r := d.queue[0]
	copy(d.queue, d.queue[1:])
	d.queue[len(d.queue)-1] = nil
	d.queue = d.queue[:len(d.queue)-1]
	d.timer = nil
	d.queued -= r.bytes
	return r
}

// fail ends all requests with an I/O error.
func (d *device) fail() {
	d.stop()
	for len(d.queue) > 0 {
		d.card.faults.feel(Gone)
		d.card.complete(d.pop(), syscall.EIO)
	}
}

// reset forgets all requests.
func (d *device) reset() {
	d.stop()
	*d = device{card: d.card}
}

// service draws the time that the device needs for a request at full speed.
func (c *Card) service(r *request) time.Duration {
	p := &c.timing.profile
	var t time.Duration
	switch r.kind {
	case readRequest:
		t = moving(c.uncached(r.ino, r.off, r.fetch), p.readBps)
		if r.seek {
			t += p.readSeek
		}
	case writebackRequest:
		t = p.writeSeek + moving(r.ino.pending, p.writeBs)
		t *= c.cliff(r.ino.pending)
	case syncRequest:
		t = c.timing.sync(c.loop.Now()) * c.pressure()
		t += moving(max(0, r.ino.pending-blockSize), p.writeBs)
		t *= c.cliff(r.ino.pending)
	}
	c.faults.feel(Slow)
	return t
}

// cliff is the factor by which a card takes longer to write so many bytes, once it has taken what it takes fast.
func (c *Card) cliff(bytes int64) time.Duration {
	f := c.faults.first(Cliff)
	if f == nil {
		return 1
	}
	if f.room -= bytes; f.room >= 0 {
		return 1
	}
	f.felt++
	return time.Duration(f.Factor)
}

// slowness is the factor by which everything takes longer. It may change while a request is served: what is left
// of that then goes on at the new speed.
func (c *Card) slowness() time.Duration {
	if f := c.faults.first(Slow); f != nil {
		return time.Duration(f.Factor)
	}
	return 1
}

// pressure is the factor by which syncs take longer while writes wait in the device's queue or the
// card is nearly full: two to four times on real cards.
func (c *Card) pressure() time.Duration {
	factor := time.Duration(1)
	switch {
	case c.dev.queued >= 4<<20:
		factor = 4
	case c.dev.queued >= 1<<20:
		factor = 3
	case c.dev.queued >= 256<<10:
		factor = 2
	}
	if c.used*blockSize > c.cfg.Capacity/10*9 {
		factor = min(4, factor*2)
	}
	return factor
}

// complete ends a request: the device has done its part, or err says why it could not.
func (c *Card) complete(r *request, err syscall.Errno) {
	switch r.kind {
	case readRequest:
		c.finishRead(r, err)
	case syncRequest:
		c.finishSync(r, err)
	case writebackRequest:
		c.finishWriteback(r, err)
	}
}

func (c *Card) reply(g channel.Guest, call uint64, err syscall.Errno, a, b int64, data []byte) {
	if err == syscall.EIO {
		c.stats.Errors++
	}
	if g == nil {
		return
	}
	g.Post(channel.Frame{
		Class: channel.ClassDisk, Op: channel.OpReply, Err: err, ID: call, A: a, B: b, Data: data,
	})
}
