package health

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/owned"
)

// Entry is something that is about to be done, as the journal has it.
type Entry struct {
	At      time.Time `json:"at"` // by the node's wall clock
	Node    string    `json:"node"`
	Rule    string    `json:"rule,omitempty"`
	Action  Action    `json:"action"`
	Subject string    `json:"subject,omitempty"`
	Value   int64     `json:"value,omitempty"` // of the rule's signal
	To      string    `json:"to,omitempty"`    // what is set to what
	Token   uint64    `json:"token,omitempty"`
	Dry     bool      `json:"dry,omitempty"` // it is not done
}

const (
	journalRows = rows + "journal/"
	keepJournal = 30 * day
	// journalFile has the entries that the store did not take yet.
	journalFile = "health-journal"
	mostPending = 100 // of which the oldest are forgotten; so many fit into the file, whatever nodes are called
	// mostCopied is how many the store is handed at once. While it is, nothing else is written.
	mostCopied = 25
	// briefly is how long the store may take for an entry that can be written elsewhere.
	briefly = time.Second
	// resting is for how long the store is not asked again after it did not answer.
	resting = 10 * time.Second
)

// journal writes down what is about to be done.
type journal struct {
	owner owned.Owner
	store api.Store
	disk  vfs.FS
	log   *slog.Logger

	turn chan struct{} // holds a token while somebody writes
	away time.Time     // until then the store is not asked

	mu      sync.Mutex
	pending []Entry
}

// newJournal returns a journal, with the entries that an earlier run could not hand to the store.
func newJournal(owner owned.Owner, store api.Store, disk vfs.FS, log *slog.Logger) *journal {
	j := &journal{owner: owner, store: store, disk: disk, log: log, turn: make(chan struct{}, 1)}
	if _, err := owned.Read(disk, journalFile, owner, &j.pending); err != nil {
		log.Warn("what the journal's file had is lost", "error", err.Error())
	}
	return j
}

func put(e *Entry) (api.Op, error) {
	value, err := json.Marshal(e)
	key := fmt.Sprintf("%s%016x-%s-%08x", journalRows, uint64(e.At.UnixMicro()), e.Node, rand.Uint32())
	return api.Op{Kind: api.Put, Key: key, Value: value, TTL: keepJournal.Milliseconds()}, err
}

// write writes an entry: in the store, or on the disk if that does not answer. An error says that it stands nowhere but in memory.
func (j *journal) write(ctx context.Context, e Entry) error {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	if time.Now().After(j.away) {
		if j.hand(ctx, e) == nil {
			return nil
		}
		j.away = time.Now().Add(resting)
	}
	kept := append(j.kept(), e)
	return j.keep(kept[max(0, len(kept)-mostPending):])
}

// keep keeps entries that the store is to have.
func (j *journal) keep(all []Entry) error {
	j.mu.Lock()
	j.pending = all
	j.mu.Unlock()
	return owned.Write(j.disk, journalFile, j.owner, all)
}

// kept returns the entries that the store does not have yet.
func (j *journal) kept() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.pending)
}

func (j *journal) hand(ctx context.Context, all ...Entry) error {
	t := &api.Txn{}
	for i := range all {
		op, err := put(&all[i])
		if err != nil {
			return err
		}
		t.Then = append(t.Then, op)
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	_, err := j.store.Txn(ctx, t)
	return err
}

// copy hands the store what it did not take before.
func (j *journal) copy(ctx context.Context) {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	left := j.kept()
	if len(left) == 0 {
		return
	}
	for len(left) > 0 {
		n := min(mostCopied, len(left))
		if j.hand(ctx, left[:n]...) != nil {
			break
		}
		left = left[n:]
	}
	if len(left) == 0 {
		j.away = time.Time{}
	}
	if err := j.keep(left); err != nil {
		j.log.Warn("the journal's file is not what it should be: its entries may be in the store twice", "error", err.Error())
	}
}

// Journal returns the last entries of all nodes, the last first.
func Journal(ctx context.Context, s api.Store, most int) ([]Entry, error) {
	reply, err := s.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: journalRows, End: api.PrefixEnd(journalRows), Limit: most, Reverse: true}}})
	if err != nil {
		return nil, err
	}
	all := []Entry{}
	for _, r := range reply.Results[0].Records {
		e := Entry{}
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return nil, api.Errorf(api.Damaged, "read the journal", r.Key, "%s", err)
		}
		all = append(all, e)
	}
	return all, nil
}
