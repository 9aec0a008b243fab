// Package queue is work queues as a layer of the store: a job is a record of the partition whose data it is about, so that
// it is enqueued in the transaction that changes the data, and done in the one that writes its effect. README.md is for
// users.
//
// Invariants:
//   - An acknowledged job is run at least once, or lies among the dead; nothing else ends it but its own expiry, and a job of
//     the same unique name that takes its place.
//   - What is written in the transaction that ends a job is written once.
//   - All times of jobs run on the clock of their partition's group: no server's clock matters to them.
//   - A job is ready when it has no marker. A marker is made only in a transaction that writes its job, and ends by itself:
//     so who knows a job's last change, and that it had no marker since, knows that it is ready as long as it is unchanged.
//   - What servers keep in memory is a guess at what the store says; each change of a job compares what it is based on.
package queue

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// The limits of jobs.
const (
	MaxPayloadBytes = 64 << 10
	MaxAttempts     = 100
	MaxPriority     = 9
	MaxDelay        = 30 * 24 * time.Hour
	MaxHold         = 12 * time.Hour
	maxName         = 63 // bytes of a queue's, a kind's and a tenant's name
	maxUnique       = 128
)

// Job is something to be done.
type Job struct {
	Queue    string `json:"queue"`
	Kind     string `json:"kind"`               // which handler does it
	Payload  []byte `json:"payload,omitempty"`  // what the handler is told
	Tenant   string `json:"tenant,omitempty"`   // tenants of a queue share its workers fairly
	Priority int    `json:"priority,omitempty"` // 0 comes first, 9 last
	// Delay is how long it sleeps first, ms.
	Delay int64 `json:"delay_ms,omitempty"`
	// Expires is how long it may wait to be reserved for the first time, ms; it is gone if it was not by then. 0 for ever. One that is released
	// has no such time any more.
	Expires int64 `json:"expires_ms,omitempty"`
	// Unique names what is to be done: while a job of the same queue, tenant and priority with this name waits, another takes its
	// place, with attempts of its own; if that one is being run already, it is run again afterwards.
	Unique string `json:"unique,omitempty"`
	// Attempts is how often it is run before it is dead; 0 for what the queue says.
	Attempts int `json:"attempts,omitempty"`
}

// Validate says what is wrong with a job.
func (j *Job) Validate() error {
	for _, n := range []struct{ what, name string }{{"queue", j.Queue}, {"kind", j.Kind}} {
		if !validName(n.name) {
			return fmt.Errorf("a %s is 1 to %d of a-z, 0-9, - and _, not %.80q", n.what, maxName, n.name)
		}
	}
	switch {
	case j.Tenant != "" && !validName(j.Tenant):
		return fmt.Errorf("a tenant is 1 to %d of a-z, 0-9, - and _, or none, not %.80q", maxName, j.Tenant)
	case len(j.Payload) > MaxPayloadBytes:
		return fmt.Errorf("a payload has at most %d bytes, not %d", MaxPayloadBytes, len(j.Payload))
	case j.Priority < 0 || j.Priority > MaxPriority:
		return fmt.Errorf("a priority is 0 to %d, not %d", MaxPriority, j.Priority)
	case j.Delay < 0 || j.Delay > MaxDelay.Milliseconds():
		return fmt.Errorf("a delay is 0 to %d ms, not %d", MaxDelay.Milliseconds(), j.Delay)
	case j.Expires < 0 || j.Expires > MaxDelay.Milliseconds():
		return fmt.Errorf("a job expires after 0 to %d ms, not %d", MaxDelay.Milliseconds(), j.Expires)
	case j.Attempts < 0 || j.Attempts > MaxAttempts:
		return fmt.Errorf("a job has 1 to %d attempts, not %d", MaxAttempts, j.Attempts)
	case len(j.Unique) > maxUnique:
		return fmt.Errorf("a unique name has at most %d bytes, not %d", maxUnique, len(j.Unique))
	case !utf8.ValidString(j.Unique): // JSON has one letter for all bytes that are none
		return fmt.Errorf("a unique name is UTF-8, not %.80q", j.Unique)
	}
	return nil
}

func validName(name string) bool {
	ok := len(name) > 0 && len(name) <= maxName
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	return ok
}
