package health

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
	mostPending = 200 // of which the oldest are forgotten
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

	mu      sync.Mutex
	pending []Entry
	away    time.Time // until then the store is not asked
}

// open reads the entries that an earlier run could not hand to the store.
func (j *journal) open() error {
	_, err := owned.Read(j.disk, journalFile, j.owner, &j.pending)
	return err
}

func put(e *Entry) (api.Op, error) {
	value, err := json.Marshal(e)
	key := fmt.Sprintf("%s%016x-%s-%08x", journalRows, uint64(e.At.UnixMicro()), e.Node, rand.Uint32())
	return api.Op{Kind: api.Put, Key: key, Value: value, TTL: keepJournal.Milliseconds()}, err
}

// write writes an entry: in the store, or on the disk if that does not answer. An error says that it stands nowhere but in memory.
func (j *journal) write(ctx context.Context, e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if time.Now().After(j.away) {
		err := j.hand(ctx, &e)
		if err == nil {
			return nil
		}
		j.away = time.Now().Add(resting)
	}
	j.pending = append(j.pending, e)
	j.pending = j.pending[max(0, len(j.pending)-mostPending):]
	return owned.Write(j.disk, journalFile, j.owner, j.pending)
}

func (j *journal) hand(ctx context.Context, e *Entry) error {
	op, err := put(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	_, err = j.store.Txn(ctx, &api.Txn{Then: []api.Op{op}})
	return err
}

// copy hands the store what it did not take before.
func (j *journal) copy(ctx context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) == 0 {
		return
	}
	for len(j.pending) > 0 {
		if j.hand(ctx, &j.pending[0]) != nil {
			return
		}
		j.pending = j.pending[1:]
	}
	j.away = time.Time{}
	if err := owned.Write(j.disk, journalFile, j.owner, j.pending); err != nil {
		j.log.Warn("the journal's file was not emptied: its entries may be in the store twice", "error", err.Error())
	}
}

func (j *journal) waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.pending)
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
