package queue

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/host/hosttest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
	"picloud/node/wait"
	"picloud/node/web"
	"picloud/node/wire"
)

// ending lets a client take jobs of a server that answers as a handler does, ends both contexts, and returns how long each has taken to end.
func ending(t *testing.T, answers http.HandlerFunc) (reserve, run time.Duration) {
	t.Helper()
	scope := &storetest.Scope{TB: t}
	defer scope.End()
	store, network, quiet := storetest.New(scope), hosttest.NewMemory(), slog.New(slog.DiscardHandler)
	var all sync.WaitGroup
	defer all.Wait()
	serving, stop := context.WithCancel(t.Context())
	defer stop()
	l, err := network("pi-q").Listen("tcp", ":9100")
	if err != nil {
		t.Fatal(err)
	}
	all.Go(func() { _ = web.Serve(serving, wire.Detect(l), answers) })
	all.Go(func() {
		_ = presence.Announce(serving, store, quiet, presence.Instance{Service: Service, ID: "q", Address: "pi-q:9100", Checked: true}, nil)
	})
	c := NewClient(network("pi-1"), store, quiet)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	time.Sleep(time.Second)
	reserved := make(chan struct{})
	go func() {
		defer close(reserved)
		for ctx.Err() == nil {
			_, _ = c.Reserve(ctx, []string{"mail"}, 1, 0)
		}
	}()
	time.Sleep(time.Second)
	began := time.Now()
	end()
	<-reserved
	reserve = time.Since(began)
	<-ended
	return reserve, time.Since(began)
}

// answered answers a request with a value as JSON.
func answered(w http.ResponseWriter, v any) {
	body, _ := web.AsJSON(v)
	web.Reply(w, http.StatusOK, body)
}

// hangs answers which queues there are, and nothing else.
func hangs(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.URL.Path == "/v1/queues" {
		answered(w, queuesAnswer{})
		return
	}
	<-r.Context().Done()
}

// TestAClientEndsThoughItsServerHangs: it neither answers polls nor that they are called off.
func TestAClientEndsThoughItsServerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if reserve, run := ending(t, hangs); reserve > 0 || run > endLimit {
			t.Errorf("it waits for jobs %s longer, and for what is under way %s", reserve, run)
		}
	})
}

// oneJob is what a server answers that has reserved a job, and has more.
func oneJob() reserveAnswer {
	return reserveAnswer{Jobs: []reserved{{Job: Job{Queue: "mail", Kind: "x"}, ID: "0//t1", Partition: "app:00", Token: 7, Attempt: 1, Of: 8, Hold: 30000}}, More: true}
}

func TestAClientEndsThoughAServerThatHadMoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		reserve, run := ending(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/reserve" {
				polls++
			}
			if r.URL.Path == "/v1/reserve" && polls == 1 {
				answered(w, oneJob())
				return
			}
			hangs(w, r)
		})
		if reserve > richLimit || run > endLimit || polls != 2 {
			t.Errorf("it waits for jobs %s longer, and for what is under way %s; there were %d polls", reserve, run, polls)
		}
	})
}

// TestWhatIsReservedForAClientThatEndsIsGivenBack, although the server takes a while.
func TestWhatIsReservedForAClientThatEndsIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := ""
		_, run := ending(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch r.URL.Path {
			case "/v1/queues":
				answered(w, queuesAnswer{})
			case "/v1/reserve":
				if wait.For(r.Context(), 2*time.Second) {
					answered(w, oneJob())
				}
			case "/v1/settle":
				var in settleCall
				if err := json.Unmarshal(body, &in); err != nil {
					t.Error(err)
				}
				released += in.Reservations[0].Verb + " " + in.Reservations[0].ID
				answered(w, settleAnswer{Reservations: []settled{{}}})
			default:
				answered(w, struct{}{})
			}
		})
		if released != "release 0//t1" || run > endLimit {
			t.Errorf("after %s: %q", run, released)
		}
	})
}
