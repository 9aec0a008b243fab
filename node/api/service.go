package api

import (
	"context"
	"time"
)

// Store is the replicated store as its users see it. Its errors are of type *Error.
type Store interface {
	// Txn runs a transaction that Validate accepts. One that writes takes effect once, however often the
	// store had to try; of an error of kind Unknown nobody knows whether it did or will. One that only
	// reads sees all that was acknowledged before the call.
	Txn(ctx context.Context, t *Txn) (*Reply, error)
	// ReadStale runs a transaction that only reads on the state as some replica has it.
	ReadStale(ctx context.Context, t *Txn) (*StaleReply, error)
	// Events returns what happened to a range of keys, and waits for the first event if there is none yet,
	// up to the context's end, which is no error. A watch is a chain of calls, each from where the last
	// one ended. It refuses revisions that are no longer kept with the kind Compacted. Any member of a group
	// answers, and one may know of a change before the leader has applied and acknowledged it: a read after
	// an event can be older, as its revision shows.
	Events(ctx context.Context, w *Watch) (*Events, error)
}

// StaleReply is a reply from the state as a replica had it.
type StaleReply struct {
	Reply
	// Age bounds from below how old the state may be: the time since the replica's leader last said
	// anything to it; zero on a node that takes itself for the leader.
	Age time.Duration
}

// Watch says which events are wanted: those of keys from Key up to End, as in a scan, with revisions from
// From on.
type Watch struct {
	Key  string `json:"key"`
	End  string `json:"end,omitempty"` // empty for the end of Key's partition
	From uint64 `json:"from"`          // 0 for what happens once the group's leader has heard of the call
}

// Events are events of whole revisions, in their order, none left out.
type Events struct {
	Events []Event `json:"events"`
	Next   uint64  `json:"next"` // the revision to go on from
}

// Validate says which rule the watch breaks.
func (w *Watch) Validate() error {
	o := Op{Kind: Scan, Key: w.Key, End: w.End}
	err := ValidKey(w.Key)
	if err == nil {
		err = o.validate()
	}
	if err != nil {
		return Errorf(BadRequest, "watch", w.Key, "%s", err)
	}
	return nil
}

// Holds tells whether a key is in the range that is watched.
func (w *Watch) Holds(key string) bool {
	return Partition(key) == Partition(w.Key) && key >= w.Key && (w.End == "" || key < w.End)
}
