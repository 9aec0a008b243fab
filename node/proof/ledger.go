package proof

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"picloud/node/api"
)

// State is what a finding says of a core.
type State string

// The states. There is no way back but to remove the finding.
const (
	Suspected State = "suspected" // it was wrong once, and not when it was tried again
	Condemned State = "condemned"
)

// anyCore is the core of what was computed wrongly nobody knows where.
const anyCore = -1

// Finding is a row of the ledger: what is known of an operation on a core of a node.
type Finding struct {
	Node      string `json:"node"`
	Core      int    `json:"core"` // -1 where it is not known
	Operation string `json:"operation"`

	State   State  `json:"state"`
	Batch   string `json:"batch"`
	Start   int64  `json:"start_ms"` // of the process that was last wrong
	First   int64  `json:"first_ms"` // when it was found
	Last    int64  `json:"last_ms"`
	Times   int    `json:"times"`   // that it was found
	Retests int    `json:"retests"` // of what was wrong
	Wrong   int    `json:"wrong"`   // of them

	// The evidence is the last hash that was wrong: the message's first bytes, if it was made for an exam, and its length; and what the
	// first and the second implementation say of it, in hexadecimal.
	By      string `json:"by"`
	Message string `json:"message,omitempty"`
	Length  int    `json:"length"`
	Got     string `json:"got"`
	Want    string `json:"want"`
}

// place is where something is computed.
type place struct {
	core      int
	operation string
}

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.core, b.core), cmp.Compare(a.operation, b.operation))
}

// The keys are @proof/NODE/CORE/OPERATION. No key of the database has this partition.
const partition = "@proof/"

func rowsOf(node string) string { return partition + node + "/" }

func (f *Finding) key() string {
	return rowsOf(f.Node) + strconv.Itoa(f.Core) + "/" + f.Operation
}

// Findings returns what the ledger says of all nodes, in the order of its keys. A row that nobody can read is an error.
func Findings(ctx context.Context, store api.Store) ([]Finding, error) {
	return read(ctx, store, partition)
}

func read(ctx context.Context, store api.Store, prefix string) ([]Finding, error) {
	reply, err := store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: prefix, End: api.PrefixEnd(prefix)}}})
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, r := range reply.Results[0].Records {
		var f Finding
		if err := json.Unmarshal(r.Value, &f); err != nil {
			return nil, api.Errorf(api.Damaged, "read the finding", r.Key, "%s", err)
		}
		all = append(all, f)
	}
	return all, nil
}

// Acquit removes all findings about a node: its processor was replaced, or somebody has seen that it computes rightly. The node
// believes it when it starts again. It returns how many there were.
func Acquit(ctx context.Context, store api.Store, node string) (int, error) {
	if node == "" || strings.ContainsAny(node, "/") {
		return 0, api.Errorf(api.BadRequest, "acquit", fmt.Sprintf("%.80q", node), "that is no node's name")
	}
	rows := rowsOf(node)
	all, err := read(ctx, store, rows)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	_, err = store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.DeleteRange, Key: rows, End: api.PrefixEnd(rows)}}})
	return len(all), err
}

// attempt is how long a call of the store may take.
const attempt = 5 * time.Second

// settle makes the ledger and what is known here agree, and tells whether they do.
func (k *Checker) settle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	err := k.load(ctx)
	if err == nil {
		err = k.write(ctx)
	}
	if err != nil && ctx.Err() == nil {
		k.log.WarnContext(ctx, "the ledger of findings does not answer", "error", err)
	}
	return err == nil
}

// load takes what was found in earlier lives of the node.
func (k *Checker) load(ctx context.Context) error {
	k.mu.Lock()
	loaded := k.loaded
	k.mu.Unlock()
	if loaded {
		return nil
	}
	rows, err := read(ctx, k.store, rowsOf(k.self.Node))
	if err != nil {
		return err
	}
	k.mu.Lock()
	for i := range rows {
		old := &rows[i]
		at := place{old.Core, old.Operation}
		if f := k.findings[at]; f != nil { // found again since the start
			f.First, f.Times = min(f.First, old.First), f.Times+old.Times
			f.Retests, f.Wrong = f.Retests+old.Retests, f.Wrong+old.Wrong
			if old.State == Condemned || f.Times >= mostSuspicion {
				f.State = Condemned
			}
			continue
		}
		k.findings[at] = old
		if old.State == Condemned {
			k.log.Error("a core of this processor was condemned before, and is not believed", "core", old.Core, "operation", old.Operation)
		}
	}
	k.loaded = true
	k.mu.Unlock()
	k.weigh()
	return nil
}

// write writes what was found.
func (k *Checker) write(ctx context.Context) error {
	k.mu.Lock()
	places := slices.SortedFunc(maps.Keys(k.unwritten), place.compare)
	t := &api.Txn{}
	for _, at := range places {
		f := k.findings[at]
		value, err := json.Marshal(f)
		if err != nil {
			k.mu.Unlock()
			return err
		}
		t.Then = append(t.Then, api.Op{Kind: api.Put, Key: f.key(), Value: value})
	}
	k.mu.Unlock()
	if len(places) == 0 {
		return nil
	}
	if _, err := k.store.Txn(ctx, t); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, at := range places { // all that changes findings is done by the same goroutine as this
		delete(k.unwritten, at)
	}
	return nil
}
