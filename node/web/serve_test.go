package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
	"picloud/node/host/hosttest"
)

// stopped asks a server whose handler waits as it says, stops the server a second later, and returns how it has answered, and what Serve returned.
func stopped(t *testing.T, waits http.HandlerFunc) (status int, body string, took time.Duration, served error) {
	t.Helper()
	network := hosttest.NewMemory()
	l, err := network("pi-1").Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, waits) }()
	var stops time.Time
	time.AfterFunc(time.Second, func() { stops = time.Now(); stop() })
	transport := &http.Transport{DialContext: network("pi-2").DialContext}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get("http://pi-1:80/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	took = time.Since(stops)
	return answer.StatusCode, string(b), took, <-ended
}

// waits lets a request take some time, unless its context ends before.
func waits(of func(context.Context) (context.Context, context.CancelFunc), d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := of(r.Context())
		defer cancel()
		select {
		case <-time.After(d):
		case <-ctx.Done():
			Refuse(w, context.Cause(ctx))
		}
	}
}

func TestAServerThatStopsLetsRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if status, body, _, err := stopped(t, waits(context.WithCancel, time.Second+StopLimit*9/10)); status != 200 || err != nil {
			t.Errorf("a request that ends in time is answered by %d, %s; the server by %v", status, body, err)
		}
	})
}

func TestARequestThatTakesTooLongForAServerThatStopsIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, body, took, err := stopped(t, waits(context.WithCancel, time.Minute))
		if status != 504 || !strings.Contains(body, string(api.Unknown)) || took != StopLimit || err != nil {
			t.Errorf("after %s it is answered by %d, %s; the server by %v", took, status, body, err)
		}
	})
}

func TestAFeedEndsAsSoonAsItsServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, body, took, err := stopped(t, waits(UntilStop, time.Minute))
		if status != 503 || !strings.Contains(body, string(api.Unavailable)) || took != 0 || err != nil {
			t.Errorf("after %s it is answered by %d, %s; the server by %v", took, status, body, err)
		}
	})
}
