package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
	"picloud/node/host/hosttest"
	"picloud/node/presence"
	"picloud/node/store/storetest"
	"picloud/node/wait"
	"picloud/node/web"
	"picloud/node/wire"
)

// asking begins servers that answer as handlers do, and a client of theirs. The first function ends the client, the second the servers.
func asking(t *testing.T, answers ...http.HandlerFunc) (c *Client, end, stop func()) {
	t.Helper()
	scope := &storetest.Scope{TB: t}
	store, network, quiet := storetest.New(scope), hosttest.NewMemory(), slog.New(slog.DiscardHandler)
	var all sync.WaitGroup
	serving, over := context.WithCancel(t.Context())
	for i, handler := range answers {
		name := fmt.Sprint("pi-q", i)
		l, err := network(name).Listen("tcp", ":9100")
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { _ = web.Serve(serving, wire.Detect(l), handler) })
		all.Go(func() {
			_ = presence.Announce(serving, store, quiet, presence.Instance{Service: Service, ID: name, Address: name + ":9100", Checked: true}, nil)
		})
	}
	c = NewClient(network("pi-1"), store, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	time.Sleep(time.Second)
	return c, func() { cancel(); <-ended }, func() { over(); all.Wait(); scope.End() }
}

// ending lets a client take jobs of a server that answers as a handler does, ends both contexts, and returns how long each has taken to end.
func ending(t *testing.T, answers http.HandlerFunc) (reserve, run time.Duration) {
	t.Helper()
	c, leave, stop := asking(t, answers)
	defer stop()
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	reserved := make(chan struct{})
	go func() {
		defer close(reserved)
		for ctx.Err() == nil {
			_, _ = c.Reserve(ctx, []string{"mail"}, 1, 0)
		}
	}()
	time.Sleep(time.Second)
	began := time.Now()
	go func() { defer close(ended); leave() }()
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

// TestWhoAsksInVainIsTold: only then does anybody learn that nobody hands out jobs.
func TestWhoAsksInVainIsTold(t *testing.T) {
	well := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/queues" && wait.For(r.Context(), pollFor) {
			answered(w, reserveAnswer{})
			return
		}
		answered(w, queuesAnswer{})
	}
	fails := func(w http.ResponseWriter, r *http.Request) {
		web.Refuse(w, api.Errorf(api.Unavailable, "answer", "", "the store is away"))
	}
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		after   time.Duration // until it is told; a minute for never
		says    string
	}{
		"nobody is there":   {nil, answerLimit, "no queue server is known"},
		"all refuse":        {[]http.HandlerFunc{fails, fails}, 0, "the store is away"},
		"it hangs":          {[]http.HandlerFunc{hangs}, pollFor + answerLimit, "deadline"},
		"one refuses":       {[]http.HandlerFunc{fails, well}, time.Minute, ""},
		"one hangs":         {[]http.HandlerFunc{well, hangs}, time.Minute, ""},
		"one hangs of both": {[]http.HandlerFunc{fails, hangs}, pollFor + answerLimit, ""},
		"there are no jobs": {[]http.HandlerFunc{well, well}, time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, end, stop := asking(t, c.answers...)
				defer stop()
				defer end()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				_, err := client.Reserve(ctx, []string{"mail"}, 1, 0)
				if after := time.Since(began).Round(time.Second); after != c.after || (err != nil) != (c.after < time.Minute) || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("after %s: %v; want %s", after, err, c.after)
				}
			})
		})
	}
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
