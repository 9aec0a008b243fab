package pinboard

import (
	"encoding/json"
	"fmt"
	"time"

	"picloud/node/api"
	"picloud/node/blob"
	"picloud/node/proof"
)

// state is where an account is in its life.
type state string

// The states. A user's record is written at each change of it, and at no other time.
const (
	stateActive  state = "active"
	stateLeaving state = "leaving" // nothing is shown any more, and jobs remove it
	stateGone    state = "gone"    // nothing is left, and the name is not free yet
)

// user is what is known of a user.
type user struct {
	State   state  `json:"state"`
	Created int64  `json:"created_ms,omitempty"`
	Mail    string `json:"mail,omitempty"`
	Session string `json:"session,omitempty"` // whose request deleted the account, to be recognised when it comes again
}

// active tells whether there is an account that was not deleted. There is none without a record.
func (u *user) active() bool { return u != nil && u.State == stateActive }

// password is what a user's password is compared with.
type password struct {
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
	Rounds int    `json:"rounds"`

	// Where processors are tested (package proof):
	By     *proof.Maker `json:"by,omitempty"`     // who has computed the hash
	At     int64        `json:"at_ms,omitempty"`  // when
	Proven *proof.Maker `json:"proven,omitempty"` // who has computed the same
}

// reset is that a user is asked to set a new password.
type reset struct {
	At     int64  `json:"at_ms"`
	Secret string `json:"secret"` // SHA-256 of that of the mail's token
}

// session lets in who knows its secret.
type session struct {
	Created int64 `json:"created_ms"`
}

// post is what somebody has written.
type post struct {
	ID      string `json:"id"` // which the author's client has made
	At      int64  `json:"at_ms"`
	Text    string `json:"text,omitempty"`
	Alt     string `json:"alt,omitempty"` // what the picture shows, for those who do not see it
	Picture *shot  `json:"picture,omitempty"`

	// All that has to do with abuse protection is left out as long as nothing has befallen the post.
	Standing standing `json:"state,omitempty"`
	Reason   string   `json:"reason,omitempty"`   // why it is not shown
	By       string   `json:"by,omitempty"`       // the moderator who has decided, if it was one
	Case     string   `json:"case,omitempty"`     // the place of its case among cases, while it has one
	Appealed bool     `json:"appealed,omitempty"` // since the last verdict
	Reported bool     `json:"reported,omitempty"` // there are rows of reports
}

// standing says whether a post is shown to others.
type standing string

// The standings of posts.
const (
	shown   standing = ""
	held    standing = "held"    // until it is judged
	blocked standing = "blocked" // unless a moderator allows it
)

// shot is a picture that lies in blobs.
type shot struct {
	Blob      blob.Handle  `json:"blob"`
	Thumbnail *blob.Handle `json:"thumbnail,omitempty"` // none until a job has made it
	Width     int          `json:"width"`
	Height    int          `json:"height"`
	Looks     []look       `json:"looks,omitempty"` // by which lists know it
}

// sent says where the post is that has an ID, so that a request that is repeated makes no second one.
type sent struct {
	Place   string `json:"place,omitempty"` // empty once the post is deleted
	Content string `json:"content"`         // SHA-256 of what was sent
}

// relation is that somebody follows somebody.
type relation struct {
	Since int64  `json:"since_ms"`
	Last  string `json:"last,omitempty"` // the place of the newest post of who is followed then; empty if there was none
}

// count is how many there are of something.
type count struct {
	N int `json:"n"`
}

// report is that somebody has reported a post.
type report struct {
	At  int64  `json:"at_ms"`
	Why string `json:"why,omitempty"`
}

// dossier is a case: a post about which a moderator is to decide.
type dossier struct {
	entry
	Opened  int64   `json:"opened_ms"`
	Reports int     `json:"reports,omitempty"` // since then
	Appeal  *report `json:"appeal,omitempty"`  // of the author
}

// line says what was done about a post.
type line struct {
	At  int64  `json:"at_ms"`
	By  string `json:"by,omitempty"` // a user, or nobody where the reader is not to know
	Did string `json:"did"`
	Why string `json:"why,omitempty"`
}

// itself is who has done what nobody of the users has. It is no user's name.
const itself = "Pinboard"

// What is done about posts.
const (
	didHold   = "held"
	didBlock  = "blocked"
	didAllow  = "allowed"
	didReport = "reported"
	didAppeal = "appealed"
)

// origin is from where a post came.
type origin struct {
	Address string `json:"address"`
}

// entry refers to a post.
type entry struct {
	Author string `json:"author"`
	Place  string `json:"place"`
}

// key returns where in timelines the entry stands: by time.
func (e entry) key() string { return e.Place + "-" + e.Author }

// How long what is written with a time to live lives.
const (
	sessionTTL = 30 * 24 * time.Hour
	nameTTL    = 30 * 24 * time.Hour // of a name after its account is gone
	sentTTL    = 24 * time.Hour      // of a post's ID after the post is deleted
	originTTL  = 30 * 24 * time.Hour // of the address from which a post came
)

// put writes a value as JSON, to live for some time, or for ever if that is zero.
func put(key string, v any, ttl time.Duration) api.Op {
	return api.Op{Kind: api.Put, Key: key, Value: encode(v), TTL: ttl.Milliseconds()}
}

func encode(v any) []byte {
	value, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("pinboard: a value of our own is not JSON: %v", err))
	}
	return value
}

// decode reads a record, which may be none.
func decode[T any](r *api.Record) (*T, error) {
	if r == nil {
		return nil, nil
	}
	var v T
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return nil, api.Errorf(api.Damaged, "read", r.Key, "%s", err)
	}
	return &v, nil
}

// first returns the record of a result that has one at most.
func first(r *api.Result) *api.Record {
	if len(r.Records) == 0 {
		return nil
	}
	return &r.Records[0]
}
