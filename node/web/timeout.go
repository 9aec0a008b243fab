package web

import (
	"net/http"
	"strconv"
	"time"
)

// The headers by which servers tell each other what only they can know.
const (
	// TimeoutHeader says how many ms are left for the answer to begin. It is a time and no date, as clocks differ.
	TimeoutHeader = "Picloud-Timeout-Ms"
	// AttemptsHeader says in an answer how often the request was sent.
	AttemptsHeader = "Picloud-Attempts"
	// AgeHeader says how old an answer may be, ms. Which bound that is stands in the page of who answers.
	AgeHeader = "Picloud-Age-Ms"
	// IdempotencyHeader names a request of which a repetition is to have no further effect, and ReplayedHeader an answer to one.
	IdempotencyHeader = "Idempotency-Key"
	ReplayedHeader    = "Idempotency-Replayed"
	// RequestIDHeader names a request in all logs.
	RequestIDHeader = "X-Request-Id"
)

// longestTimeout is more than anybody waits.
const longestTimeout = time.Hour

// SetTimeout says how much time is left.
func SetTimeout(h http.Header, left time.Duration) {
	h.Set(TimeoutHeader, strconv.FormatInt(max(1, left.Milliseconds()), 10))
}

// Timeout returns how much time is left for an answer: what the request says, but at most what is given. What
// nobody can read says nothing.
func Timeout(h http.Header, most time.Duration) time.Duration {
	ms, err := strconv.ParseUint(h.Get(TimeoutHeader), 10, 32)
	if err != nil || ms == 0 {
		return most
	}
	return min(most, longestTimeout, time.Duration(ms)*time.Millisecond)
}
