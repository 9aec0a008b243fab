package queue

import (
	"testing"
	"time"
)

// TestAScheduleTicksWhenItSays, or is refused.
func TestAScheduleTicksWhenItSays(t *testing.T) {
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		spec, zone string
		after      time.Duration // until it ticks; zero if it is refused
	}{
		{"@every 90s", "", 90 * time.Second},
		{"@every 1h30m", "", 90 * time.Minute},
		{"@every 1500ms", "", 0}, // there are no parts of a second: it would tick every one
		{"@every 59.9s", "", 0},
		{"@every 0s", "", 0},
		{"@hourly", "", time.Hour},
		{"30 9 * * *", "", 21*time.Hour + 30*time.Minute},
		{"30 9 * * *", "Europe/Berlin", 19*time.Hour + 30*time.Minute}, // the clocks go forward in the night
		{"0 0 30 2 *", "", 0},
		{"@daily", "Mars/Olympus", 0},
	} {
		s := Schedule{Spec: c.spec, Zone: c.zone, Job: Job{Queue: "mail", Kind: "send"}}
		next, err := s.after(now)
		switch {
		case c.after == 0 && err == nil:
			t.Errorf("%s in %q is not refused: it ticks after %s", c.spec, c.zone, time.UnixMilli(next).Sub(now))
		case c.after > 0 && (err != nil || time.UnixMilli(next).Sub(now) != c.after):
			t.Errorf("%s in %q ticks after %s, not %s: %v", c.spec, c.zone, time.UnixMilli(next).Sub(now), c.after, err)
		}
	}
}
