package abuse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"picloud/node/abuse/link"
	"picloud/node/abuse/phash"
	"picloud/node/api"
)

// Rules are what decides about the events of a tenant, in the store. Those who may change them are the application's business.
// What is said twice is said once, and each change leaves a line in the audit trail, in the same transaction.
type Rules struct {
	store  api.Store
	tenant string
}

// NewRules returns the rules of a tenant.
func NewRules(store api.Store, tenant string) (*Rules, error) {
	if !ValidTenant(tenant) {
		return nil, api.Errorf(api.BadRequest, "read the rules of a tenant", "", "%s", badTenant(tenant))
	}
	return &Rules{store, tenant}, nil
}

// List is a list of what is not taken.
type List string

// The lists.
const (
	Links    List = "links"
	Pictures List = "pictures"
)

// Label says of a text whether it is spam.
type Label struct {
	Source string `json:"source"` // who says so
	Text   string `json:"text"`   // the first MaxLabel bytes of it count
	Spam   bool   `json:"spam"`
}

// MaxLabel is how many bytes of a text that is labelled are kept.
const MaxLabel = 1 << 10

// Listing is an entry of a list.
type Listing struct {
	Entry string `json:"entry"`
	By    string `json:"by"`
	Why   string `json:"why,omitempty"`
	At    int64  `json:"at_ms"`
}

// Line is a line of the audit trail.
type Line struct {
	At   int64  `json:"at_ms"`
	By   string `json:"by"`
	Did  string `json:"did"`            // "list", "unlist", "label", "distrust", "trust", "condemn", "pardon"
	What string `json:"what,omitempty"` // it was done to
	Why  string `json:"why,omitempty"`
}

// The keys of the store, P being the tenant's partition of rules; all values are JSON. What is counted about users and
// addresses lies in partitions of its own; see limit.go.
//
//	P/list/LIST/ENTRY       Listing
//	P/label/HASH            Label, by source and text: who says the opposite later is taken at the later word
//	P/distrust/HASH         Line, by source: the labels of this source do not count
//	P/condemned/ADDRESS     Line, as long as nothing is taken from the address
//	P/audit/TIME-HASH       Line
const (
	rowList      = "/list/"
	rowLabel     = "/label/"
	rowDistrust  = "/distrust/"
	rowCondemned = "/condemned/"
	rowAudit     = "/audit/"
)

// auditFor is how long a line of the audit trail is kept.
const auditFor = 365 * 24 * time.Hour

// partitionOf returns the partition of a tenant's rules. No key of the database has it.
func partitionOf(tenant string) string { return "@abuse:" + tenant }

func (r *Rules) key(row, name string) string { return partitionOf(r.tenant) + row + name }

// Add puts an entry on a list: a domain, =host or host/path as package link reads it, or a picture's hash.
func (r *Rules) Add(ctx context.Context, list List, entry, by, why string) error {
	entry, err := normal(list, entry)
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	l := Listing{Entry: entry, By: by, Why: why, At: now}
	key := r.key(rowList+string(list)+"/", entry)
	return r.change(ctx, []api.Compare{api.Absent(key)}, []api.Op{put(key, l)}, Line{now, by, "list", string(list) + " " + entry, why})
}

// Remove takes an entry from a list.
func (r *Rules) Remove(ctx context.Context, list List, entry, by, why string) error {
	entry, err := normal(list, entry)
	if err != nil {
		return err
	}
	key := r.key(rowList+string(list)+"/", entry)
	return r.change(ctx, []api.Compare{api.Exists(key)}, []api.Op{{Kind: api.Delete, Key: key}},
		Line{time.Now().UnixMilli(), by, "unlist", string(list) + " " + entry, why})
}

// Label says of a text whether it is spam. The last word of a source counts.
func (r *Rules) Label(ctx context.Context, l Label) error {
	if l.Source == "" || !validSubject(l.Source) {
		return api.Errorf(api.BadRequest, "label a text", "", "its source has 1 to %d bytes of UTF-8, not %.80q", MaxName, l.Source)
	}
	l.Text = cut(l.Text, MaxLabel)
	key := r.key(rowLabel, digest(l.Source+"\x00"+l.Text))
	value := encode(l)
	said := map[bool]string{true: "spam", false: "ham"}[l.Spam]
	return r.change(ctx, []api.Compare{{Key: key, What: api.Value, Is: "!=", Value: value}}, []api.Op{{Kind: api.Put, Key: key, Value: value}},
		Line{time.Now().UnixMilli(), l.Source, "label", said + " " + digest(l.Text)[:16], ""})
}

// Distrust makes the labels of a source count for nothing, those of the past too; Trust lets them count again.
func (r *Rules) Distrust(ctx context.Context, source, by, why string) error {
	line := Line{time.Now().UnixMilli(), by, "distrust", source, why}
	key := r.key(rowDistrust, digest(source))
	return r.change(ctx, []api.Compare{api.Absent(key)}, []api.Op{put(key, line)}, line)
}

// Trust lets the labels of a source count again.
func (r *Rules) Trust(ctx context.Context, source, by, why string) error {
	key := r.key(rowDistrust, digest(source))
	return r.change(ctx, []api.Compare{api.Exists(key)}, []api.Op{{Kind: api.Delete, Key: key}},
		Line{time.Now().UnixMilli(), by, "trust", source, why})
}

// condemn has load balancers let nothing through from an address for a while.
func (r *Rules) condemn(ctx context.Context, address string, howLong time.Duration) error {
	line := Line{time.Now().UnixMilli(), "abuse", "condemn", address, "too much harm came from it"}
	o := put(r.key(rowCondemned, address), line)
	o.TTL = max(howLong.Milliseconds(), 1000)
	return r.change(ctx, nil, []api.Op{o}, line)
}

// Pardon takes back that nothing is taken from an address, if that still is so, and forgives what it has done, or else its next offence
// would be its last. What servers know of its account follows within shareFor.
func (r *Rules) Pardon(ctx context.Context, address, by, why string) error {
	if address == "" || !validSubject(address) {
		return api.Errorf(api.BadRequest, "pardon", fmt.Sprintf("%.80q", address), "it is no address")
	}
	// The account lies in another partition. It goes first, so that a pardon of which only this was done can be repeated.
	account := &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: accountKey(accountsIn(r.tenant), subject{Address, address})}}}
	if _, err := r.store.Txn(ctx, account); err != nil {
		return api.TxnError(account, err)
	}
	return api.Partly(r.change(ctx, nil, []api.Op{{Kind: api.Delete, Key: r.key(rowCondemned, address)}},
		Line{time.Now().UnixMilli(), by, "pardon", address, why}))
}

// Audit returns lines of the audit trail, the newest first, and the key after which to go on, empty at the end.
func (r *Rules) Audit(ctx context.Context, before string, limit int) ([]Line, string, error) {
	rows := r.key(rowAudit, "")
	o := api.Op{Kind: api.Scan, Key: rows, End: api.PrefixEnd(rows), Limit: limit, Reverse: true}
	if before != "" {
		o.End = rows + before
	}
	reply, err := r.store.Txn(ctx, &api.Txn{Then: []api.Op{o}})
	if err != nil {
		return nil, "", err
	}
	var lines []Line
	next := ""
	for _, record := range reply.Results[0].Records {
		line, err := decode[Line](&record)
		if err != nil {
			return nil, "", err
		}
		lines = append(lines, *line)
		next = record.Key[len(rows):]
	}
	if !reply.Results[0].More {
		next = ""
	}
	return lines, next, nil
}

// Listings returns what stands on a list, in order.
func (r *Rules) Listings(ctx context.Context, list List, after string, limit int) ([]Listing, error) {
	rows := r.key(rowList+string(list)+"/", "")
	from := rows
	if after != "" {
		from += after + "\x01"
	}
	reply, err := r.store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: from, End: api.PrefixEnd(rows), Limit: limit}}})
	if err != nil {
		return nil, err
	}
	var all []Listing
	for _, record := range reply.Results[0].Records {
		l, err := decode[Listing](&record)
		if err != nil {
			return nil, err
		}
		all = append(all, *l)
	}
	return all, nil
}

// change writes, if something holds; else it stands so already.
func (r *Rules) change(ctx context.Context, holds []api.Compare, then []api.Op, line Line) error {
	t := &api.Txn{If: holds, Then: append(then, r.audit(line))}
	if _, err := r.store.Txn(ctx, t); err != nil {
		return api.TxnError(t, err)
	}
	return nil
}

func (r *Rules) audit(line Line) api.Op {
	o := put(r.key(rowAudit, fmt.Sprintf("%013d-%s", line.At, digest(line.By + "\x00" + line.Did + "\x00" + line.What)[:16])), line)
	o.TTL = auditFor.Milliseconds()
	return o
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func put(key string, v any) api.Op { return api.Op{Kind: api.Put, Key: key, Value: encode(v)} }

func encode(v any) []byte {
	value, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("abuse: a value of our own is not JSON: %v", err))
	}
	return value
}

func decode[T any](r *api.Record) (*T, error) {
	var v T
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return nil, api.Errorf(api.Damaged, "read", r.Key, "%s", err)
	}
	return &v, nil
}

// cut returns the first bytes of a text, up to a limit and the end of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xc0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// normal returns the form in which an entry is kept.
func normal(list List, entry string) (string, error) {
	const doing = "change a list"
	if list != Links && list != Pictures {
		return "", api.Errorf(api.BadRequest, doing, string(list), "a list is %s or %s", Links, Pictures)
	}
	if list == Pictures {
		h, err := phash.Parse(entry)
		if err != nil {
			return "", api.Errorf(api.BadRequest, doing, string(list), "%s", err)
		}
		return h.String(), nil
	}
	e, err := link.ParseEntry(entry)
	if err != nil {
		return "", api.Errorf(api.BadRequest, doing, string(list), "%s", err)
	}
	return e.String(), nil
}
