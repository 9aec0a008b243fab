// Package api holds what nodes and their clients say to each other: requests, replies, limits and
// the kinds of errors.
//
// Invariants: an Error crosses the wire as it is; a request that passes Validate breaks no rule that
// a server could state without looking at its data.
package api

import (
	"fmt"
	"strings"
)

// The limits of the store.
const (
	MaxKeyBytes   = 1 << 10
	MaxValueBytes = 1 << 20
	MaxTxnOps     = 128                                   // comparisons and operations
	MaxTxnBytes   = 2 << 20                               // of keys and values together
	MaxRange      = 10_000                                // records that one scan returns
	MaxReplyBytes = 7 << 19                               // of what one transaction returns, and of the events that it makes
	MaxTTL        = int64(10 * 365 * 24 * 60 * 60 * 1000) // ms
)

// Partition returns the first component of a key, which ends at the first slash. Keys of one
// partition live in one group, and a transaction stays in one partition.
func Partition(key string) string {
	first, _, _ := strings.Cut(key, "/")
	return first
}

// Record is a key with its value and what is known of its past. Revisions count the changes of a
// group; they are not comparable between groups.
type Record struct {
	Key      string `json:"key"`
	Value    []byte `json:"value"`
	Created  uint64 `json:"created"`        // the revision that made the key
	Modified uint64 `json:"modified"`       // the revision of its last change
	Version  uint64 `json:"version"`        // changes since it was made, 1 for the first
	TTL      int64  `json:"ttl,omitempty"`  // ms it was given to live at its last change; 0 for ever
	Left     int64  `json:"left,omitempty"` // ms of them that were left when it was read
}

// What is a property of a record that a comparison looks at.
type What string

// The properties. An absent record has the value "" and the number 0 for all others.
const (
	Value    What = "value"
	Created  What = "created"
	Modified What = "modified"
	Version  What = "version"
)

// Compare is a condition on one key.
type Compare struct {
	Key    string `json:"key"`
	What   What   `json:"what"`
	Is     string `json:"is"` // = != < >
	Value  []byte `json:"value,omitempty"`
	Number uint64 `json:"number,omitempty"`
}

// OpKind says what an operation does.
type OpKind string

// The kinds of operations.
const (
	Get         OpKind = "get"          // reads Key
	Scan        OpKind = "scan"         // reads keys from Key up to End, at most Limit
	Put         OpKind = "put"          // writes Value under Key, to live for TTL ms, or KeepTTL
	Delete      OpKind = "delete"       // removes Key
	DeleteRange OpKind = "delete-range" // removes keys from Key up to End
)

// KeepTTL is the time to live of a record that is written anew and lives for as long as it was to: the group's clock goes on meanwhile, so what
// was left at a read would be more at the write. A record that is not there yet lives for ever.
const KeepTTL = int64(-1)

// Op is an operation on one key or a range.
type Op struct {
	Kind     OpKind `json:"kind"`
	Key      string `json:"key"`
	End      string `json:"end,omitempty"` // of a range: the first key behind it; empty for the partition's end
	Value    []byte `json:"value,omitempty"`
	TTL      int64  `json:"ttl,omitempty"`
	Limit    int    `json:"limit,omitempty"`
	Reverse  bool   `json:"reverse,omitempty"`  // from the end of the range
	Previous bool   `json:"previous,omitempty"` // the result holds the record as it was before the change
}

// Writes says whether the operation can change something.
func (o *Op) Writes() bool { return o.Kind == Put || o.Kind == Delete || o.Kind == DeleteRange }

// Txn does Then if all comparisons hold, and Else if one does not, at one instant. Operations see
// what earlier ones of the same transaction did.
type Txn struct {
	If   []Compare `json:"if,omitempty"`
	Then []Op      `json:"then,omitempty"`
	Else []Op      `json:"else,omitempty"`
}

// Result is the outcome of one operation.
type Result struct {
	Records []Record `json:"records,omitempty"` // read, or as it was before the change
	More    bool     `json:"more,omitempty"`    // a scan ended at its limit, or where the reply was full
	Deleted int      `json:"deleted,omitempty"` // records removed
}

// Reply is the outcome of a transaction.
type Reply struct {
	Succeeded bool     `json:"succeeded"` // all comparisons held
	Revision  uint64   `json:"revision"`  // of the group, once the transaction was done
	Results   []Result `json:"results"`   // in the order of Then, or of Else
}

// EventKind says what happened to a key.
type EventKind string

// The kinds of events.
const (
	Changed EventKind = "changed"
	Removed EventKind = "removed" // deleted
	Expired EventKind = "expired" // its time to live was over
)

// Event is one change, as a watch tells it. A transaction's events have one revision.
type Event struct {
	Kind     EventKind `json:"kind"`
	Revision uint64    `json:"revision"`
	Record   Record    `json:"record"` // as it is now; what is gone has its key only
}

// ReadOnly says whether the transaction can change nothing.
func (t *Txn) ReadOnly() bool {
	for _, ops := range [][]Op{t.Then, t.Else} {
		for i := range ops {
			if ops[i].Writes() {
				return false
			}
		}
	}
	return true
}

// Partition returns the partition of all keys of a transaction that is valid.
func (t *Txn) Partition() string {
	for _, ops := range [][]Op{t.Then, t.Else} {
		if len(ops) > 0 {
			return Partition(ops[0].Key)
		}
	}
	if len(t.If) > 0 {
		return Partition(t.If[0].Key)
	}
	return ""
}

// Validate says which rule the transaction breaks.
func (t *Txn) Validate() error {
	const doing = "run a transaction"
	if n := len(t.If) + len(t.Then) + len(t.Else); n == 0 || n > MaxTxnOps {
		return Errorf(BadRequest, doing, "", "it has %d comparisons and operations, not 1 to %d", n, MaxTxnOps)
	}
	size, partition := 0, t.Partition()
	in := func(key string) error {
		if err := ValidKey(key); err != nil {
			return Errorf(BadRequest, doing, fmt.Sprintf("on %.80q", key), "%s", err)
		}
		if Partition(key) != partition {
			return Errorf(CrossPartition, doing, fmt.Sprintf("on %.80q", key), "its other keys are in the partition %q", partition)
		}
		return nil
	}
	for i := range t.If {
		c := &t.If[i]
		size += len(c.Key) + len(c.Value)
		if err := in(c.Key); err != nil {
			return err
		}
		if err := c.validate(); err != nil {
			return Errorf(BadRequest, doing, fmt.Sprintf("on %.80q", c.Key), "%s", err)
		}
	}
	for _, ops := range [][]Op{t.Then, t.Else} {
		for i := range ops {
			o := &ops[i]
			size += len(o.Key) + len(o.End) + len(o.Value)
			if err := in(o.Key); err != nil {
				return err
			}
			if len(o.Value) > MaxValueBytes {
				return Errorf(TooLarge, doing, fmt.Sprintf("on %.80q", o.Key), "a value has %d bytes, the limit is %d", len(o.Value), MaxValueBytes)
			}
			if err := o.validate(); err != nil {
				return Errorf(BadRequest, doing, fmt.Sprintf("on %.80q", o.Key), "%s", err)
			}
		}
	}
	if size > MaxTxnBytes {
		return Errorf(TooLarge, doing, "", "it has %d bytes of keys and values, the limit is %d", size, MaxTxnBytes)
	}
	return nil
}

// ValidKey says why a text cannot be a key.
func ValidKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("a key is not empty")
	case len(key) > MaxKeyBytes:
		return fmt.Errorf("a key has at most %d bytes, not %d", MaxKeyBytes, len(key))
	case key[0] == '/':
		return fmt.Errorf("a key's first component is not empty")
	case strings.IndexByte(key, 0) >= 0:
		return fmt.Errorf("a key has no zero byte")
	}
	return nil
}

// Unchanged holds as long as a record is as it was read; nil for one that was absent.
func Unchanged(key string, r *Record) Compare {
	c := Compare{Key: key, What: Modified, Is: "="}
	if r != nil {
		c.Number = r.Modified
	}
	return c
}

// Absent holds where there is no record.
func Absent(key string) Compare { return Unchanged(key, nil) }

// Exists holds where there is one.
func Exists(key string) Compare { return Compare{Key: key, What: Version, Is: ">"} }

func (c *Compare) validate() error {
	switch c.Is {
	case "=", "!=", "<", ">":
	default:
		return fmt.Errorf("a comparison is one of = != < >, not %.20q", c.Is)
	}
	switch c.What {
	case Value, Created, Modified, Version:
	default:
		return fmt.Errorf("a comparison looks at value, created, modified or version, not at %.20q", c.What)
	}
	if c.What == Value && c.Number != 0 || c.What != Value && c.Value != nil {
		return fmt.Errorf("a comparison of %s has the other sort of operand", c.What)
	}
	return nil
}

func (o *Op) validate() error {
	ranged := o.Kind == Scan || o.Kind == DeleteRange
	switch o.Kind {
	case Get, Put, Delete, Scan, DeleteRange:
	default:
		return fmt.Errorf("there is no operation %.20q", o.Kind)
	}
	switch {
	case o.Kind != Put && (o.Value != nil || o.TTL != 0):
		return fmt.Errorf("%s has no value and no time to live", o.Kind)
	case o.TTL < 0 && o.TTL != KeepTTL || o.TTL > MaxTTL:
		return fmt.Errorf("a time to live is 0 to %d ms, not %d", MaxTTL, o.TTL)
	case !ranged && o.End != "":
		return fmt.Errorf("%s has no end", o.Kind)
	case o.Kind != Scan && (o.Limit != 0 || o.Reverse):
		return fmt.Errorf("%s has no limit and no direction", o.Kind)
	case o.Previous && o.Kind != Put && o.Kind != Delete:
		return fmt.Errorf("%s has no record as it was before", o.Kind)
	case o.Limit < 0 || o.Limit > MaxRange:
		return fmt.Errorf("a limit is 0 to %d records, not %d", MaxRange, o.Limit)
	case o.End == "":
	case o.End <= o.Key:
		return fmt.Errorf("the range ends at %.80q, where it has not begun", o.End)
	case Partition(o.End) != Partition(o.Key):
		return fmt.Errorf("the range ends in another partition")
	}
	return nil
}

// PrefixEnd returns the end of the range of all keys that begin with a prefix of a partition's keys:
// empty if that is the partition's end.
func PrefixEnd(prefix string) string {
	first := len(Partition(prefix)) + 1
	for i := len(prefix) - 1; i >= first; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

// Pages reads all records whose keys begin with a prefix of a partition's keys, at most so many at a time; 0 is as many as a reply holds. Read does one
// operation. Not all need be of one revision.
func Pages(prefix string, limit int, read func(Op) (*Reply, error)) (all []Record, _ error) {
	for from := prefix; ; {
		reply, err := read(Op{Kind: Scan, Key: from, End: PrefixEnd(prefix), Limit: limit})
		if err != nil {
			return nil, err
		}
		page := &reply.Results[0]
		all = append(all, page.Records...)
		n := len(page.Records)
		if n == 0 || !page.More {
			return all, nil
		}
		from = page.Records[n-1].Key + "\x01" // nothing stands between, for lack of control characters
	}
}
