package history

import (
	"fmt"
	"slices"
	"time"
)

// Visit is what a user of Pinboard did and saw.
type Visit struct {
	Action string `json:"action"`
	Sort   string `json:"sort,omitempty"` // of person, one of Sorts; empty for one of the users that every scenario has
	User   string `json:"user,omitempty"` // who did it; empty for somebody who is not logged in
	// As is whom the answer says it is for. It must be User, or nobody.
	As     string        `json:"as,omitempty"`
	Status int           `json:"status,omitempty"` // of the answer, 0 for none
	ID     string        `json:"id,omitempty"`     // of what was made
	Seen   []string      `json:"seen,omitempty"`   // what the answer lists
	More   bool          `json:"more,omitempty"`   // and there is more of it
	Count  int           `json:"count,omitempty"`  // a number that the answer states
	Fresh  bool          `json:"fresh,omitempty"`  // the user asked for what is so now
	Again  bool          `json:"again,omitempty"`  // what it asked for was sent more than once: what has no answer may take effect later
	Age    time.Duration `json:"age,omitempty"`    // how old the answer may be, as it says

	Spam    bool     `json:"spam,omitempty"`    // the truth about what was posted or labelled
	Tags    []string `json:"tags,omitempty"`    // the links and pictures in what was posted, or in what came onto a list: "link:cheap.example", "link:cheap.example/now", "picture:3"
	State   string   `json:"state,omitempty"`   // of what was posted, as the answer says: held or blocked, or nothing if it is shown
	Held    []string `json:"held,omitempty"`    // what the answer lists of the user's own that is held or blocked
	Found   []string `json:"found,omitempty"`   // tags that were recognised in what the answer shows of others
	Refused bool     `json:"refused,omitempty"` // an answer said that this was taken for abuse
	Wrong   []string `json:"wrong,omitempty"`   // what the answer shows of posts that is not as it was posted: "ann/p1: its text is …"
}

// The sorts of people beside users.
const (
	Moderator    = "moderator"
	FlashCrowd   = "flash-crowd" // honest newcomers, all at once
	SpamWave     = "spam-wave"
	SlowDrip     = "slow-drip"
	Stuffing     = "stuffing"
	PoisonedFeed = "poisoned-feed"
	BadPictures  = "bad-pictures"
)

// Sorts returns the sorts of people beside users, in a fixed order.
func Sorts() []string {
	return []string{Moderator, FlashCrowd, SpamWave, SlowDrip, Stuffing, PoisonedFeed, BadPictures}
}

// Attacker tells whether whoever did it means harm.
func (v *Visit) Attacker() bool {
	return v.Sort != Moderator && v.Sort != FlashCrowd && slices.Contains(Sorts(), v.Sort)
}

// ActMail and ActResetMail are no doing of anybody: the sink of mails got one.
const (
	ActMail      = "mail"
	ActResetMail = "reset-mail"
)

// Mail tells whether the operation is a mail that the sink got.
func (o *Operation) Mail() bool {
	return o.Kind == Use && (o.Use.Action == ActMail || o.Use.Action == ActResetMail)
}

// Wanted tells whether the cloud owes an answer for the operation: somebody asked for it who means no harm.
func (o *Operation) Wanted() bool { return !o.Mail() && !(o.Kind == Use && o.Use.Attacker()) }

// Find writes down tags that were recognised, each once.
func (v *Visit) Find(tags []string) {
	for _, tag := range tags {
		if !slices.Contains(v.Found, tag) {
			v.Found = append(v.Found, tag)
		}
	}
}

// String says for people what was done.
func (v *Visit) String() string {
	text := v.Action
	if v.ID != "" {
		text += " " + v.ID
	}
	if v.State != "" {
		text += " (" + v.State + ")"
	}
	if v.Seen != nil {
		text += fmt.Sprintf(" %v", v.Seen)
	}
	if v.Found != nil {
		text += fmt.Sprintf(" with %v", v.Found)
	}
	return fmt.Sprintf("%s: status %d", text, v.Status)
}
