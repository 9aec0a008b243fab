package health

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/owned"
	"picloud/node/store/storetest"
)

// slow is a store that takes its time for a transaction.
type slow struct {
	*storetest.Store
	takes time.Duration
}

func (s slow) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	time.Sleep(s.takes)
	return s.Store.Txn(ctx, t)
}

// full returns a journal that has as many entries as it keeps, of a node with a long name, while the store does not answer.
func full(t *testing.T, s *storetest.Store, disk vfs.FS) (*journal, owned.Owner) {
	t.Helper()
	owner := owned.Owner{Cloud: "home", Node: strings.Repeat("n", 63)}
	s.Fail(func(*api.Txn) *storetest.Fault {
		return &storetest.Fault{Err: api.Errorf(api.Unavailable, "run a transaction", "", "nobody leads")}
	})
	j := newJournal(owner, s, disk, slog.New(slog.DiscardHandler))
	for i := range mostPending + 5 {
		e := Entry{At: time.Now(), Node: owner.Node, Rule: "flapping-link", Action: SetWork, Value: 1_000_000 + int64(i), To: "weight 1000000, share 1000000"}
		if err := j.write(t.Context(), e); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	s.Fail(nil)
	return j, owner
}

func TestAFullJournalFitsOntoTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, disk := storetest.New(t), vfs.NewMem()
		_, owner := full(t, s, disk)
		kept := newJournal(owner, s, disk, slog.New(slog.DiscardHandler)).kept()
		if len(kept) != mostPending || kept[mostPending-1].Value != 1_000_000+mostPending+4 {
			t.Errorf("%d entries are on the disk, the last %+v", len(kept), kept[max(0, len(kept)-1):])
		}
	})
}

// TestWhatWasKeptIsCopiedSoon, however slow the store is: while it is, nothing is done, and the store does not hear that the node is there.
func TestWhatWasKeptIsCopiedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		j, _ := full(t, s, vfs.NewMem())
		j.store = slow{s, 900 * time.Millisecond}
		began := time.Now()
		j.copy(t.Context())
		all, err := Journal(t.Context(), s, 1000)
		if took := time.Since(began); err != nil || took > 5*time.Second || len(j.kept()) > 0 || len(all) != mostPending {
			t.Errorf("after %s %d are left, and the store has %d (%v)", took, len(j.kept()), len(all), err)
		}
		seen := map[string]bool{}
		for _, e := range all {
			seen[fmt.Sprint(e.Value)] = true
		}
		if len(seen) != mostPending {
			t.Errorf("the store has %d entries that differ", len(seen))
		}
	})
}
