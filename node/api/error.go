package api

import (
	"errors"
	"fmt"
)

// Kind says what sort of error it is. Kinds are stable: programs decide by them what to do next.
type Kind string

// The kinds. For each it is said whether the request may have taken effect.
const (
	// BadRequest: the request breaks a rule that its text names. It had no effect.
	BadRequest Kind = "bad-request"
	// TooLarge: a key, a value, the request as a whole or its reply is over its limit. It had no effect.
	TooLarge Kind = "too-large"
	// CrossPartition: a transaction names keys of more than one partition. It had no effect.
	CrossPartition Kind = "cross-partition"
	// WrongGroup: the group does not hold the partition; the shard map says which does. No effect.
	WrongGroup Kind = "wrong-group"
	// NotLeader: another node must be asked; Leader names it if it is known. No effect.
	NotLeader Kind = "not-leader"
	// Unavailable: the node cannot serve now and says why. No effect.
	Unavailable Kind = "unavailable"
	// Condemned: the node's processor computes wrongly, and the request asks for something that lasts; another node must be asked. No
	// effect.
	Condemned Kind = "condemned"
	// Unknown: the node lost track of the request, which may have taken effect or may still do so.
	Unknown Kind = "unknown-outcome"
	// SessionExpired: the session is over or was never opened, and the request was not run. What the
	// session sent earlier may have taken effect.
	SessionExpired Kind = "session-expired"
	// Replayed: the request took effect earlier, and its reply is no longer kept.
	Replayed Kind = "replayed"
	// Compacted: the history that is asked for is no longer kept; Revision says from where it is.
	Compacted Kind = "compacted"
	// Future: the revision that is asked for has not been reached.
	Future Kind = "future-revision"
	// Damaged: data does not match its checksum and no good copy was found: it is lost.
	Damaged Kind = "damaged"
	// Lost: copies of the data are damaged, and the others are no majority: nobody serves it until they are back, or people bring a
	// copy. No effect.
	Lost Kind = "lost"
	// Unauthorised: the request carries no token, or one that nobody knows. No effect.
	Unauthorised Kind = "unauthorised"
	// Forbidden: the token does not allow the request. No effect.
	Forbidden Kind = "forbidden"
	// MethodNotAllowed: there is such a thing, and that cannot be done with it. No effect.
	MethodNotAllowed Kind = "method-not-allowed"
	// ConditionFailed: what the request says must hold does not. No effect.
	ConditionFailed Kind = "condition-failed"
	// Conflict: the request's key was used for another request. No effect.
	Conflict Kind = "conflict"
	// Refused: abuse protection does not take what the request carries, or takes nothing from who sends it. No effect.
	Refused Kind = "refused"
	// TooMany: too many requests of this sort in too short a time; RetryAfter says when to come again. No effect.
	TooMany Kind = "too-many-requests"
	// NotFound: there is no such thing. No effect.
	NotFound Kind = "not-found"
	// ForeignFile: a node's disk holds what belongs to another node or cloud. The node does not start.
	ForeignFile Kind = "foreign-file"
	// FutureFile: a node's disk holds what a newer version has written. The node does not start.
	FutureFile Kind = "future-file"
	// Internal: a defect of the cloud.
	Internal Kind = "internal"
)

// Error is an error that crosses the wire: what was being done, to what, and why it failed.
type Error struct {
	Kind     Kind   `json:"kind"`
	Doing    string `json:"doing"`              // "read", "open a session", ...
	Subject  string `json:"subject,omitempty"`  // what it was done to: a key, a group, ...
	Detail   string `json:"detail,omitempty"`   // for people
	Leader   string `json:"leader,omitempty"`   // of NotLeader: the node to ask
	Revision uint64 `json:"revision,omitempty"` // of Compacted: the oldest revision that is kept
	// RetryAfter is after how many milliseconds the same request may be served, of Refused and TooMany; 0 if nobody knows.
	RetryAfter int64 `json:"retry_after_ms,omitempty"`
}

// Error puts the parts in one sentence.
func (e *Error) Error() string {
	s := e.Doing
	if e.Subject != "" {
		s += " " + e.Subject
	}
	if e.Detail != "" {
		return fmt.Sprintf("%s: %s (%s)", s, e.Detail, e.Kind)
	}
	return fmt.Sprintf("%s: %s", s, e.Kind)
}

// Errorf returns an error of a kind.
func Errorf(kind Kind, doing, subject, format string, args ...any) *Error {
	return &Error{Kind: kind, Doing: doing, Subject: subject, Detail: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of an error, Internal for one that has none and nothing for nil.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	}
	return Internal
}

// ReadError returns an error of what only reads: for that an unknown outcome is none, and nothing was done.
func ReadError(err error) error {
	if k := KindOf(err); k == Unknown || k == Replayed {
		return Errorf(Unavailable, "read", "", "%s", err)
	}
	return err
}

// TxnError returns the error of a transaction: Unknown unless its kind promises that nothing was written.
func TxnError(t *Txn, err error) error {
	if t.ReadOnly() {
		return ReadError(err)
	}
	switch KindOf(err) {
	case Unknown, Replayed, Internal:
		return Errorf(Unknown, "write", "", "it may have taken effect: %s", err)
	}
	return err
}

// Partly returns the error of a later step of what can be repeated: an earlier one was done, so none may say that nothing was.
func Partly(err error) error {
	if KindOf(err) != Unavailable {
		return err
	}
	return Errorf(Unknown, "do all of it", "", "a part was done; repeat it: %s", err)
}
