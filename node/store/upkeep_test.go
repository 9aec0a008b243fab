package store

import (
	"fmt"
	"testing"

	"picloud/node/api"
	"picloud/node/store/state"
)

// TestAllThatIsOverIsRemovedAtOnce lets more records come to their end together than one command removes.
func TestAllThatIsOverIsRemovedAtOnce(t *testing.T) {
	s, _, _ := serving(t)
	g := s.groups[0]
	run := func(c *state.Command) state.Outcome {
		t.Helper()
		outcome, err := g.Run(t.Context(), c)
		if err != nil || outcome.Err != nil {
			t.Fatal(err, outcome.Err)
		}
		return outcome
	}
	session := run(&state.Command{Kind: state.OpenSession}).Session
	const records, each = 3000, 100
	for i := range records / each {
		q := api.Request{Session: session, Sequence: uint64(i + 1), Answered: uint64(i)}
		for k := range each {
			q.Txn.Then = append(q.Txn.Then, api.Op{Kind: api.Put, Key: fmt.Sprint("a/", i, "/", k), TTL: 60_000})
		}
		run(&state.Command{Kind: state.RunTxn, Request: q})
	}
	run(&state.Command{Kind: state.Tick, Elapsed: 70_000})
	if err := s.tend(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	reply, err := g.state.Read(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: "a"}}})
	if err != nil || len(reply.Results[0].Records) > 0 {
		t.Errorf("%d records are left, %v", len(reply.Results[0].Records), err)
	}
}
