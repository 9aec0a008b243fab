package queue

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/store/storetest"
	"picloud/node/wait"
)

// tardy is a store of which each transaction takes its time.
type tardy struct {
	*storetest.Store
	takes time.Duration
}

func (s tardy) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if !wait.For(ctx, s.takes) {
		return nil, api.Errorf(api.Unavailable, "try", "", "%s", ctx.Err())
	}
	return s.Store.Txn(ctx, t)
}

// TestAsManyDeadAsARequestMayMoveAreMoved, where a write takes as long as it does on a card.
func TestAsManyDeadAsARequestMayMoveAreMoved(t *testing.T) {
	for _, all := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store := storetest.New(t)
			server, err := New(labConfig(), "pi-1", tardy{store, 20 * time.Millisecond}, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer server.rest()
			s := &labServer{lab: &lab{t: t}, Server: server}
			in, txn := deadCall{Queue: "mail", All: all}, &api.Txn{}
			for n := range maxListed {
				job := Job{Queue: "mail", Kind: "x"}
				at, r, _ := job.put("app:00")
				txn.Then = append(txn.Then, put(at.dead(1), r.encode(), 0))
				if !all {
					in.Dead = append(in.Dead, deadRef{at.partition, deadID(at.id, 1)})
				}
				if n%100 == 99 {
					if _, err := store.Txn(t.Context(), txn); err != nil {
						t.Fatal(err)
					}
					txn = &api.Txn{}
				}
			}
			var out movedAnswer
			s.must(http.MethodPost, "/v1/redrive", in, &out)
			if out.Moved != maxListed {
				t.Errorf("%d of %d are moved", out.Moved, maxListed)
			}
		})
	}
}
