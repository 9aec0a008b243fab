package pinboard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"picloud/node/api"
)

// The keys of the store, P being a user's partition; all values are JSON:
//
//	P/user/NAME              user
//	P/password/NAME          password, which no request reads but those that ask for one
//	P/reset/NAME             reset, while the user is asked to set a new password
//	P/recheck/NODE/TIME      relation: passwords that a condemned node has hashed are looked at
//	P/session/NAME/HASH      session, by the SHA-256 of its secret
//	P/post/NAME/PLACE        post, the newest first
//	P/sent/NAME/ID           sent: the place of the post that a client has given this ID
//	P/follows/NAME/OTHER     relation
//	P/follower/NAME/OTHER    relation, which a job copies from OTHER's follows
//	P/followers/NAME         count of the rows of follower, changed together with them
//	P/timeline/NAME/KEY      entry, the newest first
//
// And with abuse protection:
//
//	P/origin/NAME/PLACE           origin of a post
//	P/case/KEY                    dossier, the newest first: KEY is as in timelines, by the time when the case was opened
//	P/history/NAME/PLACE/KEY      line: what was done about a post, but for reports
//	P/report/NAME/PLACE/REPORTER  report of a post, which a job copies from REPORTER's reported
//	P/reported/NAME/KEY           report, by the entry of the post
type home struct {
	partition string
	name      string
}

func (p *Pinboard) home(name string) home { return home{p.options.partitions.Of(name), name} }

func (h home) row(table string) string { return h.partition + "/" + table + "/" + h.name }

func (h home) user() string                 { return h.row("user") }
func (h home) password() string             { return h.row("password") }
func (h home) reset() string                { return h.row("reset") }
func (h home) sessions() string             { return h.row("session") + "/" }
func (h home) session(hash string) string   { return h.sessions() + hash }
func (h home) posts() string                { return h.row("post") + "/" }
func (h home) post(place string) string     { return h.posts() + place }
func (h home) allSent() string              { return h.row("sent") + "/" }
func (h home) sent(id string) string        { return h.allSent() + id }
func (h home) allFollows() string           { return h.row("follows") + "/" }
func (h home) follows(other string) string  { return h.allFollows() + other }
func (h home) followers() string            { return h.row("follower") + "/" }
func (h home) follower(other string) string { return h.followers() + other }
func (h home) count() string                { return h.row("followers") }
func (h home) timeline() string             { return h.row("timeline") + "/" }
func (h home) entry(e entry) string         { return h.timeline() + e.key() }

func (h home) origins() string                { return h.row("origin") + "/" }
func (h home) origin(place string) string     { return h.origins() + place }
func (h home) caseAt(place string) string     { return casesOf(h.partition) + entry{h.name, place}.key() }
func (h home) histories() string              { return h.row("history") + "/" }
func (h home) history(place string) string    { return h.histories() + place + "/" }
func (h home) reports() string                { return h.row("report") + "/" }
func (h home) reportsOf(place string) string  { return h.reports() + place + "/" }
func (h home) report(place, by string) string { return h.reportsOf(place) + by }
func (h home) allReported() string            { return h.row("reported") + "/" }
func (h home) reported(e entry) string        { return h.allReported() + e.key() }

func casesOf(partition string) string { return partition + "/case/" }

func passwordsOf(partition string) string { return partition + "/password/" }

func postsOf(partition string) string { return partition + "/post/" }

// reportAt returns what the key of one of the user's rows of reports says: of which post, and whose it is.
func (h home) reportAt(key string) (entry, string) {
	place, by, _ := strings.Cut(strings.TrimPrefix(key, h.reports()), "/")
	return entry{h.name, place}, by
}

// hash returns what stands in keys for what must not, or may have any form.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The place of a post among others is 12 hexadecimal digits that count its time backwards, so that the newest post comes
// first, a hyphen, and 16 digits from the author's name and the post's ID.
const (
	lastTime    = 1<<48 - 1 // ms
	placeLength = 12 + 1 + 16
)

func newPlace(at int64, author, id string) string {
	return fmt.Sprintf("%012x-%s", lastTime-at, hash(author + "/" + id)[:16])
}

// timeOf returns the time that a place says, and whether it is one.
func timeOf(place string) (at int64, ok bool) {
	if len(place) != placeLength || place[12] != '-' || !isHex(place[:12]) || !isHex(place[13:]) {
		return 0, false
	}
	n, err := strconv.ParseInt(place[:12], 16, 64)
	return lastTime - n, err == nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// last returns the last component of a key.
func last(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// all is the range of keys that begin with a prefix, of which so many are read.
func all(prefix string, limit int) api.Op { return after(prefix, "", limit) }

// after is the rest of that range behind the key that ends with some text.
func after(prefix, end string, limit int) api.Op {
	from := prefix
	if end != "" {
		from += end + "\x01" // nothing stands between, for lack of control characters
	}
	return api.Op{Kind: api.Scan, Key: from, End: api.PrefixEnd(prefix), Limit: limit}
}

func get(key string) api.Op { return api.Op{Kind: api.Get, Key: key} }

func remove(key string) api.Op { return api.Op{Kind: api.Delete, Key: key} }

func removeAll(prefix string) api.Op {
	return api.Op{Kind: api.DeleteRange, Key: prefix, End: api.PrefixEnd(prefix)}
}

// active holds as long as the user has not deleted the account.
func (h home) active() api.Compare {
	return api.Compare{Key: h.user(), What: api.Version, Is: "=", Number: 1}
}
