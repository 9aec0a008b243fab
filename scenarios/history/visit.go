package history

import (
	"fmt"
	"time"
)

// Visit is what a user of Pinboard did and saw.
type Visit struct {
	Action string `json:"action"`
	User   string `json:"user,omitempty"` // who did it; empty for somebody who is not logged in
	// As is whom the answer says it is for. It must be User, or nobody.
	As     string        `json:"as,omitempty"`
	Status int           `json:"status,omitempty"` // of the answer, 0 for none
	ID     string        `json:"id,omitempty"`     // of what was made
	Seen   []string      `json:"seen,omitempty"`   // what the answer lists
	More   bool          `json:"more,omitempty"`   // and there is more of it
	Count  int           `json:"count,omitempty"`  // a number that the answer states
	Fresh  bool          `json:"fresh,omitempty"`  // the user asked for what is so now
	Age    time.Duration `json:"age,omitempty"`    // how old the answer may be, as it says
}

// String says for people what was done.
func (v *Visit) String() string {
	text := v.Action
	if v.ID != "" {
		text += " " + v.ID
	}
	if v.Seen != nil {
		text += fmt.Sprintf(" %v", v.Seen)
	}
	return fmt.Sprintf("%s: status %d", text, v.Status)
}
