// Package abuse keeps harmful content and traffic out: an application asks it before it stores anything, load balancers
// turn away whom it has condemned, and what it learns later reaches what is stored already. README.md is for users.
//
// Invariants:
//   - What is to be stored and was not judged is not shown: it is held (Quarantine) until it is judged.
//   - Who only reads is never made to wait for a judge.
//   - What decides lies in the store: limits, lists, labels and decisions outlive every server, and two servers say the same.
//   - Nothing of a tenant, an application, has an effect on another one.
package abuse

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"picloud/node/api"
)

// What is what somebody wants to do.
type What string

// What is judged.
const (
	Register What = "register"
	Login    What = "login"
	Post     What = "post"
)

// Event is something that somebody wants to do, as the application sees it.
type Event struct {
	Tenant   string   `json:"tenant"` // the application
	What     What     `json:"what"`
	Who      string   `json:"who,omitempty"`      // the user's name, if one is known
	From     string   `json:"from,omitempty"`     // the address without port from which it came, if one is known
	Cost     int      `json:"cost,omitempty"`     // how much it takes of what limits allow; 1 if zero
	Text     string   `json:"text,omitempty"`     // all that others would read, up to MaxText bytes
	Pictures []string `json:"pictures,omitempty"` // their hashes, as package phash writes them
}

// The limits of an event.
const (
	MaxText     = 64 << 10
	MaxName     = 128
	MaxCost     = 1000
	MaxPictures = 16
)

// Validate says which rule an event breaks.
func (e *Event) Validate() error {
	var err error
	switch {
	case !ValidTenant(e.Tenant):
		err = badTenant(e.Tenant)
	case e.What != Register && e.What != Login && e.What != Post:
		err = fmt.Errorf("what is judged is %s, %s or %s, not %.40q", Register, Login, Post, e.What)
	case !validSubject(e.Who) || !validSubject(e.From):
		err = fmt.Errorf("a name and an address have at most %d bytes of UTF-8 and no control characters", MaxName)
	case e.Cost < 0 || e.Cost > MaxCost:
		err = fmt.Errorf("a cost is 0 to %d, not %d", MaxCost, e.Cost)
	case len(e.Text) > MaxText:
		err = fmt.Errorf("a text has at most %d bytes, not %d", MaxText, len(e.Text))
	case len(e.Pictures) > MaxPictures:
		err = fmt.Errorf("it has at most %d pictures, not %d", MaxPictures, len(e.Pictures))
	}
	if err != nil {
		return api.Errorf(api.BadRequest, "judge", string(e.What), "%s", err)
	}
	return nil
}

// ValidTenant tells whether a name may be a tenant's: an application's.
func ValidTenant(name string) bool {
	ok := len(name) > 0 && len(name) <= 63
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	return ok
}

func badTenant(name string) error {
	return fmt.Errorf("a tenant's name is 1 to 63 of a-z, 0-9 and -, not %.80q", name)
}

func validSubject(s string) bool {
	ok := len(s) <= MaxName && utf8.ValidString(s)
	for _, c := range s {
		ok = ok && c >= ' ' && c != 0x7f
	}
	return ok
}

// Decision is what becomes of an event.
type Decision string

// The decisions.
const (
	Allow      Decision = "allow"
	Quarantine Decision = "quarantine" // it may be kept, and is shown to nobody else until it is judged
	Refuse     Decision = "refuse"
)

// Reason is why an event was not simply allowed.
type Reason string

// The reasons.
const (
	ByLimit      Reason = "limit"      // too much in too short a time
	ByReputation Reason = "reputation" // who asks has done too much harm lately
	ByLink       Reason = "link"       // it has a link that is on the list
	ByPicture    Reason = "picture"    // it has a picture that is on the list
	ByText       Reason = "text"       // it reads like what people have called spam
	Undecided    Reason = "undecided"  // nobody could judge it in time
)

// Verdict is what was decided, and why.
type Verdict struct {
	Decision   Decision `json:"decision"`
	Reason     Reason   `json:"reason,omitempty"`
	Detail     string   `json:"detail,omitempty"`         // for people
	Score      int      `json:"score,omitempty"`          // of the text: millionths, about a million for spam and minus as much for what is none
	RetryAfter int64    `json:"retry_after_ms,omitempty"` // in milliseconds, of ByLimit and ByReputation
}

// Guard is what applications ask. It may be used by many goroutines.
type Guard interface {
	// Judge decides about an event, within half a second. What nobody can judge in time is undecided, and in quarantine.
	Judge(ctx context.Context, e *Event) Verdict
	// Offence says that somebody has done harm, such as a login with a wrong password (Login), or a post that people
	// have condemned (Post). It does not wait.
	Offence(tenant string, what What, who, from string)
	// Listed tells whether something that is stored has a link or a picture that is on a list now. It asks nobody: lists
	// are kept beside the application, and Known is false when they may be older than ListBound.
	Listed(tenant, text string, pictures []string) Listed
}

// Listed is what the lists say.
type Listed struct {
	Known  bool   // the lists are not older than ListBound
	Reason Reason // ByLink, ByPicture, or none if nothing of it is listed
	Detail string
}

// ListBound is within which time what has come onto a list is found by Listed, everywhere.
const ListBound = 5 * time.Second

// Deadline is within which time an event is judged, or not at all.
const Deadline = 500 * time.Millisecond

// Service is the name by which servers are known.
const Service = "abuse"
