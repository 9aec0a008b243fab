package twin

import "time"

// Work is what a board did in a time.
type Work struct {
	CoreTime time.Duration // of all cores together
	CoreWait time.Duration // in which somebody waited for a core
	DiskBusy time.Duration // in which the card served, and somebody waited for it
	NetBytes int64         // sent and received
	Written  int64         // bytes that went to the card
}

func (w *Work) add(more Work) {
	w.CoreTime += more.CoreTime
	w.CoreWait += more.CoreWait
	w.DiskBusy += more.DiskBusy
	w.NetBytes += more.NetBytes
	w.Written += more.Written
}

// take cuts off what belongs to the first part of a time in which it was done evenly.
func (w *Work) take(part, whole time.Duration) Work {
	cut := func(amount *int64) int64 {
		n := mulDiv(*amount, int64(part), int64(whole))
		*amount -= n
		return n
	}
	return Work{
		CoreTime: time.Duration(cut((*int64)(&w.CoreTime))), CoreWait: time.Duration(cut((*int64)(&w.CoreWait))),
		DiskBusy: time.Duration(cut((*int64)(&w.DiskBusy))), NetBytes: cut(&w.NetBytes), Written: cut(&w.Written),
	}
}

// Electronics and firmware decide every tickTime, and the kernel asks the firmware every pollTime (raspberrypi-hwmon.c). How often the
// firmware looks is estimated.
const (
	tickTime = 250 * time.Millisecond
	pollTime = 2 * time.Second
)

// Never is an instant that does not come.
const Never = time.Duration(greatest)

// Advance lets the board's time pass until now, in which it has worked evenly. What falls into a time in which it did not run is not
// counted. Time does not go back.
func (p *Pi) Advance(now time.Duration, w Work) {
	if p.Next() <= now {
		p.settle() // what was done before belongs to the time before
	}
	p.end = max(p.end, now)
	p.work.add(w)
	for at := p.Next(); at <= p.end; at = p.Next() {
		p.now = at
		p.settle()
		if at >= p.dog.deadline {
			p.watchdogReset()
		}
		if at%tickTime == 0 {
			p.tick()
		}
	}
	p.now = p.end
	if p.state == off {
		p.settle()
	}
}

// Next returns the instant until which the board is to be advanced at the latest for its events to come in time.
func (p *Pi) Next() time.Duration {
	if p.state == off {
		return Never
	}
	return min(p.settled-p.settled%tickTime+tickTime, p.dog.deadline)
}

// settle lets the physics pass until now, and gives them their share of the work. Whatever changes what they depend on comes after it.
func (p *Pi) settle() {
	t := p.now - p.settled
	if t <= 0 {
		return
	}
	w := p.work.take(t, p.end-p.settled)
	p.settled = p.now
	if p.state != running {
		w = Work{}
	}
	p.backlog += w.CoreTime
	w.CoreTime = min(p.backlog, t*time.Duration(p.Cores()))
	p.backlog -= w.CoreTime
	p.tickWork.add(w)
	p.heat.warm(p.warmth(w, t), t)
	p.wear.write(w.Written)
	p.kernel.count(w, t)
}

// tick is what the board decides every tickTime, by what was done since the last one.
func (p *Pi) tick() {
	w, t := p.tickWork, p.settled-p.tickSince
	p.tickWork, p.tickSince = Work{}, p.settled
	p.feel(p.draw(w, t))
	if p.state != running {
		return
	}
	p.busy = 2*w.CoreTime >= t
	p.throttle()
	if p.kernelFan() {
		p.followCurve()
	}
	p.turnFan()
	if p.settled%pollTime == 0 {
		p.poll()
	}
	p.kernel.average(p.settled, w, t)
	if !p.rests && p.sensor() >= criticalTemperature {
		p.stop(halted, Overheated)
	}
	if p.wear.worn() && !p.wear.told {
		p.wear.told = true
		p.tell(CardWornOut, "")
	}
}
