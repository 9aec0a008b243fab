package queue

import (
	"context"
	"fmt"
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

// TestManyLargeSchedulesAreAllKnown, to who lists them and to a server that has just begun, though one reply of the store does not hold them.
func TestManyLargeSchedulesAreAllKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 45
		l, c := newLab(t), labConfig()
		c.Queues[0].Partitions.Count = 1
		s := l.serve(c)
		for n := range many {
			s.must(http.MethodPut, fmt.Sprintf("/v1/schedules/mail/s%d", n), Schedule{Spec: "@daily", Job: Job{Kind: "x", Payload: make([]byte, MaxPayloadBytes)}}, nil)
		}
		var listed schedulesAnswer
		if s.must(http.MethodGet, "/v1/schedules?queue=mail", nil, &listed); len(listed.Schedules) != many {
			t.Errorf("%d of %d are listed", len(listed.Schedules), many)
		}
		s.end()
		s, known := l.serve(c), 0
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, x := range s.line("mail").indexes {
			known += len(x.care.schedules)
		}
		if known != many {
			t.Errorf("%d of %d tick where a server has begun", known, many)
		}
	})
}
