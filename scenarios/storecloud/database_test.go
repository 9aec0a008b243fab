package storecloud

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/db"
	"picloud/node/host"
	"picloud/node/store/storetest"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// ways returns the ways to the registers of a store in memory, whose database is served on loopback.
func ways(t *testing.T) (*storetest.Store, kv.Cloud) {
	t.Helper()
	store := storetest.New(t)
	d, err := db.New(db.Config{}, store, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(d.Handler())
	t.Cleanup(web.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.ServeRESP(ctx, l) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	h := &host.Host{Network: &host.RealNetwork{}}
	cloud := Registers(h, store, []Database{{HTTP: strings.TrimPrefix(web.URL, "http://"), RESP: l.Addr().String()}})
	cloud.(shared)[1].(*documents).limit = time.Minute // the machine may be slow
	return store, cloud
}

// draw draws a command on one of some keys, with a value that no other has.
func draw(n int, model map[string]string) kv.Command {
	c := kv.Command{Key: fmt.Sprintf("k%d.0", rand.IntN(6))}
	switch rand.IntN(5) {
	case 0:
		c.Kind = history.Read
	case 1:
		c.Kind, c.Value = history.Write, fmt.Sprint("v", n)
	case 2:
		c.Kind = history.Delete
	case 3: // holds
		c.Kind, c.Value, c.Expect = history.CAS, fmt.Sprint("v", n), model[c.Key]
	case 4:
		c.Kind, c.Value, c.Expect = history.CAS, fmt.Sprint("v", n), "nobody wrote this"
	}
	return c
}

func TestEachWayToARegisterDoesWhatItsCommandsSay(t *testing.T) {
	_, cloud := ways(t)
	model := map[string]string{}
	for n := range 300 {
		c := draw(n, model)
		outcome, result, why := cloud.Do(t.Context(), c)
		if outcome != history.OK {
			t.Fatalf("%+v: %s, %s", c, outcome, why)
		}
		if told := c.Kind == history.Read || c.Kind == history.CAS; told && result != model[c.Key] {
			t.Fatalf("%+v: %q stood there, not %q", c, model[c.Key], result)
		}
		model[c.Key] = c.After(model[c.Key])
	}
}

// Replies are lost before and after the effect, and clients give up. Whatever one says then, it must be true.
func TestAClientSaysOnlyWhatItKnowsWhenRepliesAreLost(t *testing.T) {
	store, cloud := ways(t)
	model, seen := map[string]string{}, map[history.Outcome]int{}
	for n := range 150 {
		c := draw(n, model)
		ctx, giveUp := context.WithCancel(t.Context())
		patience := 1 + rand.IntN(4) // in attempts, so that no machine is too slow
		store.Fail(func(*api.Txn) *storetest.Fault {
			if patience--; patience == 0 {
				giveUp()
			}
			switch rand.IntN(3) {
			case 0:
				return &storetest.Fault{Err: api.Errorf(api.Unavailable, "test", "", "not now")}
			case 1:
				return &storetest.Fault{Err: api.Errorf(api.Unknown, "test", "", "the reply is lost"), After: rand.IntN(2) == 0}
			}
			return nil
		})
		outcome, result, _ := cloud.Do(ctx, c)
		giveUp()
		store.Fail(nil)
		_, now, _ := cloud.Do(t.Context(), kv.Command{Kind: history.Read, Key: c.Key})
		seen[outcome]++
		before, after := model[c.Key], c.After(model[c.Key])
		switch {
		case outcome == history.OK && (c.Kind == history.Read || c.Kind == history.CAS) && result != before,
			outcome == history.OK && now != after,
			outcome == history.Failed && now != before,
			outcome == history.Unknown && now != before && now != after:
			t.Fatalf("%+v, where %q stood: %s, with the result %q; %q stands there now", c, before, outcome, result, now)
		}
		model[c.Key] = now
	}
	for _, outcome := range []history.Outcome{history.OK, history.Failed, history.Unknown} {
		if seen[outcome] < 5 {
			t.Errorf("%d of the outcomes were %s, which is too few to say something", seen[outcome], outcome)
		}
	}
}
