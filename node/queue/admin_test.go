package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
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

// TestAllDeadAreReached, also those behind as many as a request looks at that stay dead, as their unique names have jobs again, and
// behind one that cannot be read.
func TestAllDeadAreReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := newLab(t), labConfig()
		c.Queues[0].Partitions.Count = 1
		s := l.serve(c)
		partition := c.Queues[0].Partitions.All()[0]
		bury := func(job Job, token uint64, more ...api.Op) {
			at, r, _ := job.put(partition)
			if _, err := l.store.Txn(t.Context(), &api.Txn{Then: append(more, put(at.dead(token), r.encode(), 0))}); err != nil {
				t.Fatal(err)
			}
		}
		first := Job{Queue: "mail", Kind: "x", Unique: "a"}
		at, r, _ := first.put(partition)
		bury(first, 1, put(at.job(), r.encode(), 0))
		for n := range uint64(maxListed - 1) {
			bury(first, n+2)
		}
		bury(Job{Queue: "mail", Kind: "last", Priority: 9}, 1, put(at.dead(0), []byte("rot"), 0))
		seen, moved, after := 0, 0, ""
		for range 3 {
			var listed deadAnswer
			s.must(http.MethodGet, "/v1/dead?queue=mail&limit=1000&after="+url.QueryEscape(after), nil, &listed)
			seen += len(listed.Dead)
			var out movedAnswer
			s.must(http.MethodPost, "/v1/redrive", deadCall{Queue: "mail", All: true, After: after}, &out)
			moved += out.Moved
			if after = out.After; after == "" {
				break
			}
		}
		if seen != maxListed+2 || moved != 1 {
			t.Errorf("%d of %d are listed, %d moved", seen, maxListed+2, moved)
		}
		unreadable := deadRef{partition, strings.TrimPrefix(at.dead(0), at.rows()+rowDead)}
		if status, answer := s.ask(http.MethodPost, "/v1/redrive", fmt.Sprintf(`{"queue":"mail","dead":[{"partition":%q,"id":%q}]}`,
			unreadable.Partition, unreadable.ID)); !strings.Contains(answer, string(api.Damaged)) {
			t.Errorf("what is not readable waits again: status %d, %s", status, answer)
		}
		var out movedAnswer
		if s.must(http.MethodPost, "/v1/discard", deadCall{Queue: "mail", Dead: []deadRef{unreadable}}, &out); out.Moved != 1 {
			t.Error("what is not readable cannot be discarded")
		}
	})
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

// TestUnavailableMeansThatNothingHasHappened: where a part of what was asked is done, who asks is told that it may be.
func TestUnavailableMeansThatNothingHasHappened(t *testing.T) {
	for _, c := range []struct {
		path, body string
		leaderless string // a partition of which nothing can be written
		want       int
	}{
		{"/v1/redrive", `{"queue":"mail","all":true}`, "app:01", http.StatusGatewayTimeout},
		{"/v1/discard", `{"queue":"mail","all":true}`, "app:00", http.StatusGatewayTimeout},
		{"/v1/pause", `{"queue":"mail"}`, "app:01", http.StatusGatewayTimeout},
		{"/v1/resume", `{"queue":"mail"}`, "app:01", http.StatusGatewayTimeout},
		{"/v1/pause", `{"queue":"mail"}`, "app:00", http.StatusServiceUnavailable}, // it comes first
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			s := l.serve(labConfig())
			for _, partition := range s.line("mail").Partitions.All() {
				at, r, _ := (&Job{Queue: "mail", Kind: "x"}).put(partition)
				if _, err := l.store.Txn(t.Context(), &api.Txn{Then: []api.Op{put(at.dead(1), r.encode(), 0)}}); err != nil {
					t.Fatal(err)
				}
			}
			l.store.Fail(func(x *api.Txn) *storetest.Fault {
				if x.ReadOnly() || x.Partition() != c.leaderless {
					return nil
				}
				return &storetest.Fault{Err: api.Errorf(api.Unavailable, "write", "", "there is no leader")}
			})
			if status, answer := s.ask(http.MethodPost, c.path, c.body); status != c.want {
				t.Errorf("%s without a leader of %s: status %d, %s", c.path, c.leaderless, status, answer)
			}
			l.store.Fail(nil)
		})
	}
}

// TestMovingTheDeadMayBeRepeated: those that were moved before are not in the way of the others.
func TestMovingTheDeadMayBeRepeated(t *testing.T) {
	for _, path := range []string{"/v1/redrive", "/v1/discard"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			s := l.serve(labConfig())
			in := deadCall{Queue: "mail"}
			for range 3 {
				at, r, _ := (&Job{Queue: "mail", Kind: "x"}).put("app:00")
				if _, err := l.store.Txn(t.Context(), &api.Txn{Then: []api.Op{put(at.dead(1), r.encode(), 0)}}); err != nil {
					t.Fatal(err)
				}
				in.Dead = append(in.Dead, deadRef{at.partition, deadID(at.id, 1)})
			}
			var first, all movedAnswer
			s.must(http.MethodPost, path, deadCall{Queue: "mail", Dead: in.Dead[:1]}, &first)
			if s.must(http.MethodPost, path, in, &all); first.Moved != 1 || all.Moved != 2 {
				t.Errorf("%s moves %d, and then %d", path, first.Moved, all.Moved)
			}
			body := fmt.Sprintf(`{"queue":"mail","dead":[{"partition":"app:00","id":%q}]}`, in.Dead[0].ID)
			if status, answer := s.ask(http.MethodPost, path, body); status != http.StatusNotFound {
				t.Errorf("%s of one that is none: status %d, %s", path, status, answer)
			}
		})
	}
}
