package machine

import (
	"sync"
	"time"
)

// deadline wakes those who wait on a condition once a time has come. The condition's lock guards
// it.
type deadline struct {
	wake    *sync.Cond
	timer   *time.Timer
	due     time.Time // zero for never; has a monotonic reading
	expired bool
}

// set moves the deadline; the zero time takes it away.
func (d *deadline) set(t time.Time) {
	d.stop()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.expired = true
		d.wake.Broadcast()
		return
	}
	d.due = time.Now().Add(left)
	if d.timer == nil {
		d.timer = time.AfterFunc(left, d.fire)
	} else {
		d.timer.Reset(left)
	}
}

func (d *deadline) stop() {
	d.expired, d.due = false, time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

// fire may be called for a time that set has changed since: then it is early, and called again.
func (d *deadline) fire() {
	d.wake.L.Lock()
	defer d.wake.L.Unlock()
	if !d.due.IsZero() && !time.Now().Before(d.due) {
		d.expired = true
		d.wake.Broadcast()
	}
}
