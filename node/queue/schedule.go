package queue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a Pi may have none, and a simulated one has no files of the system

	"github.com/robfig/cron/v3"

	"picloud/node/api"
)

// Schedule enqueues a job again and again. Its record says when it does so next; each tick moves that on in the
// transaction that enqueues the job, so no tick is enqueued twice, whatever clocks say.
type Schedule struct {
	// Spec is cron's five fields, or @hourly, @daily, @weekly, @monthly, @yearly, or @every and a time such as 90s.
	Spec string `json:"spec"`
	Zone string `json:"zone,omitempty"` // of the times of day, such as Europe/Berlin; UTC if it is empty
	Job  Job    `json:"job"`
	// Next is when it ticks next, ms since 1970. Where that is past, it ticks once, however many ticks were missed.
	Next int64 `json:"next_ms,omitempty"`
}

const (
	maxSpec = 128
	maxZone = 64
)

// times returns when a schedule ticks.
func (s *Schedule) times() (cron.Schedule, *time.Location, error) {
	switch {
	case len(s.Spec) > maxSpec || len(s.Zone) > maxZone:
		return nil, nil, fmt.Errorf("a spec has at most %d bytes, and a zone %d", maxSpec, maxZone)
	case strings.Contains(s.Spec, "TZ="):
		return nil, nil, fmt.Errorf("the zone of the spec %q stands in a field of its own", s.Spec)
	case s.Zone == "Local":
		return nil, nil, fmt.Errorf("the zone Local is another one on each machine")
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return nil, nil, fmt.Errorf("%q is not a time zone", s.Zone)
	}
	if every, is := strings.CutPrefix(s.Spec, "@every "); is {
		if d, err := time.ParseDuration(every); err != nil || d < time.Second || d%time.Second != 0 { // cron drops parts of a second
			return nil, nil, fmt.Errorf("%q is not a time of whole seconds, 1s or more", every)
		}
	}
	spec, err := cron.ParseStandard(s.Spec)
	if err != nil {
		return nil, nil, fmt.Errorf("the spec %q: %s", s.Spec, err)
	}
	return spec, zone, nil
}

// after returns when a schedule ticks after a time, ms since 1970.
func (s *Schedule) after(t time.Time) (int64, error) {
	spec, zone, err := s.times()
	if err != nil {
		return 0, err
	}
	next := spec.Next(t.In(zone))
	if next.IsZero() {
		return 0, fmt.Errorf("the spec %q means a time that never comes", s.Spec)
	}
	return next.UnixMilli(), nil
}

// Validate says what is wrong with a schedule.
func (s *Schedule) Validate() error {
	if err := s.Job.Validate(); err != nil {
		return err
	}
	_, err := s.after(time.Now())
	return err
}

// advance moves a schedule on behind a tick: to the next one that is not past.
func (s *Schedule) advance(now time.Time) error {
	next, err := s.after(time.UnixMilli(s.Next))
	if err == nil && next <= now.UnixMilli() {
		next, err = s.after(now)
	}
	s.Next = next
	return err
}

func (s *Schedule) encode() ([]byte, error) { return json.Marshal(s) }

func decodeSchedule(data []byte) (*Schedule, error) {
	s := &Schedule{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	return s, s.Validate()
}

// scheduleKey returns where a schedule lies.
func (q *Queue) scheduleKey(name string) string {
	return queueRows(q.Partitions.Of(rowSchedule+name), q.Name) + rowSchedule + name
}

// scheduled is a schedule as a caretaker knows it.
type scheduled struct {
	Schedule
	modified uint64
	ticking  bool // a tick is under way
}

// schedule takes note of a schedule's record.
func (c *caretaker) schedule(r *api.Record) {
	s, err := decodeSchedule(r.Value)
	if err != nil {
		delete(c.schedules, r.Key)
		c.server.unreadable(r.Key, err)
		return
	}
	if known := c.schedules[r.Key]; known == nil || known.modified < r.Modified {
		c.schedules[r.Key] = &scheduled{Schedule: *s, modified: r.Modified}
	}
}

// scheduleEvent takes note of what happened to a schedule.
func (c *caretaker) scheduleEvent(e *api.Event) {
	if e.Kind == api.Changed {
		c.schedule(&e.Record)
	} else {
		delete(c.schedules, e.Record.Key)
	}
}

// tick enqueues what is due.
func (c *caretaker) tick() {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(c.schedules)) {
		known := c.schedules[key]
		now := time.Now()
		if known.ticking || now.UnixMilli() < known.Next {
			continue
		}
		next := known.Schedule
		value, err := []byte(nil), next.advance(now)
		if err == nil {
			value, err = next.encode()
		}
		if err != nil {
			s.unreadable(key, err)
			delete(c.schedules, key)
			continue
		}
		_, _, ops := next.Job.put(c.partition)
		known.ticking = true
		m := &move{If: []api.Compare{{Key: key, What: api.Modified, Is: "=", Number: known.modified}},
			Then: append([]api.Op{put(key, value, 0)}, ops...)}
		s.writer(c.partition).submit(m, func(o outcome, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			known.ticking = false
			if o.happened {
				known.Next, known.modified = next.Next, max(known.modified, o.revision)
				s.metrics.ticks.WithLabelValues(next.Job.Queue).Inc()
			}
		})
	}
}
