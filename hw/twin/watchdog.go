package twin

import (
	"time"

	"picloud/hw"
)

// watchdog is that of the chip (bcm2835_wdt): 20 bits of 1/65536 s, so 15 s at most.
type watchdog struct {
	held     bool // a process has it open
	armed    bool
	timeout  time.Duration
	fed      time.Duration
	deadline time.Duration
	dead     bool // it never bites
	bit      bool // it made the last reset
}

const mostWatchdog = 15 * time.Second

// rearm sets the deadline by what it was told.
func (w *watchdog) rearm(now time.Duration) {
	w.deadline = Never
	if w.armed && !w.dead {
		w.deadline = max(w.fed+w.timeout, now+1)
	}
}

// left returns the time to its end.
func (w *watchdog) left(now time.Duration) time.Duration {
	if !w.armed {
		return 0
	}
	return w.fed + w.timeout - now
}

// watchdogReset resets the board.
func (p *Pi) watchdogReset() {
	p.dog.bit = true
	p.stop(held, WatchdogReset)
}

// EndProcess is what the kernel does when the process that uses the board ends. The watchdog runs on unfed until another process opens it.
// The pins stay as they are (Config.StrictPins).
func (p *Pi) EndProcess() {
	p.dog.held = false
	p.letGoOfPins()
}

// openDog starts the watchdog for a process.
func (p *Pi) openDog() (hw.WatchdogDevice, error) {
	if p.dog.held {
		return nil, failure(hw.Failed, "open", "watchdog", "another process has it")
	}
	p.dog.held, p.dog.armed, p.dog.fed = true, true, p.now
	p.dog.rearm(p.now)
	return &watchdogDevice{p, p.started}, nil
}

// watchdogDevice is /dev/watchdog0 as a process has it open.
type watchdogDevice struct {
	p      *Pi
	opened time.Duration // when the run began in which it was opened
}

// live says why a process cannot use what it once opened.
func (d *watchdogDevice) live(doing string) error {
	if err := d.p.alive(doing, "watchdog"); err != nil {
		return err
	}
	if !d.p.dog.held || d.opened != d.p.started {
		return failure(hw.Failed, doing, "watchdog", "it is closed")
	}
	return nil
}

// SetTimeout sets the timeout, in whole seconds from 1 to 15, and feeds.
func (d *watchdogDevice) SetTimeout(t time.Duration) (time.Duration, error) {
	if err := d.live("set"); err != nil {
		return 0, err
	}
	d.p.dog.timeout = max(time.Second, min(t.Truncate(time.Second), mostWatchdog))
	return d.p.dog.timeout, d.Feed()
}

// Feed starts its time anew.
func (d *watchdogDevice) Feed() error {
	if err := d.live("feed"); err != nil {
		return err
	}
	d.p.dog.fed = d.p.now
	d.p.dog.rearm(d.p.now)
	return nil
}

// Disarm stops it: the letter V, and close. Nothing else does.
func (d *watchdogDevice) Disarm() error {
	if err := d.live("disarm"); err != nil {
		return err
	}
	d.p.dog.held, d.p.dog.armed = false, false
	d.p.dog.rearm(d.p.now)
	return nil
}
