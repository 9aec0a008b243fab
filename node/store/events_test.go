package store

import (
	"context"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/raftnet"
)

// TestAWatchFromNowOnIsToldAtOnceWhereItBegins: who asks again elsewhere, after a stream that broke, must not begin later.
func TestAWatchFromNowOnIsToldAtOnceWhereItBegins(t *testing.T) {
	s, c, network := serving(t)
	peers := raftnet.Peers(network, c.Port)
	defer peers.Close()
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	answer, err := peers.Call(ctx, "pi-1", api.MethodEvents, (&api.EventsCall{Group: 0, Watch: api.Watch{Key: "a"}}).Encode())
	if err != nil {
		t.Fatal(err)
	}
	found, err := api.DecodeEvents(answer)
	last, _ := s.groups[0].state.Revision()
	if err != nil || len(found.Events) > 0 || found.Next != last+1 || time.Since(began) > patience/4 {
		t.Errorf("after %s: %+v, %v", time.Since(began), found, err)
	}
}
