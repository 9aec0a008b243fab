package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
)

// TestAWipedNodeThatReachesNobodyIsNotTakenForANewOne lets two of three acknowledge what the third does not hear of. One of the two loses its
// card then, and starts while nobody else is up: it must wait, also when the third is back, who knows as little, as long as the
// one that remembers is away.
func TestAWipedNodeThatReachesNobodyIsNotTakenForANewOne(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	names := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, api.Spread([][]string{names}), names...)
	s.startAll()
	c := s.client()
	put := func(value string) {
		t.Helper()
		if _, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/1", Value: []byte(value)}}}); err != nil {
			t.Fatal(err)
		}
	}
	put("before")
	s.stop("pi-2")
	put("after")
	s.stop("pi-1")
	s.stop("pi-3")
	s.disks["pi-3"] = vfs.NewMem()
	s.start("pi-3")
	time.Sleep(1500 * time.Millisecond) // the node has asked, and nobody has answered
	s.start("pi-2")
	get := &api.Txn{Then: []api.Op{{Kind: api.Get, Key: "a/1"}}}
	soon, tooLate := context.WithTimeout(ctx, 4*time.Second)
	reply, err := c.Txn(soon, get)
	tooLate()
	if err == nil {
		t.Errorf("two nodes that have not heard of the last write answer: %+v", reply.Results[0].Records)
	}
	s.start("pi-1")
	reply, err = c.Txn(ctx, get)
	if err != nil || len(reply.Results[0].Records) != 1 || string(reply.Results[0].Records[0].Value) != "after" {
		t.Errorf("with the node that remembers: %+v, %v", reply, err)
	}
	s.voter(ctx, 0, "pi-3", "it lost its card")
	s.stop("pi-2")
	put("with the wiped node in the majority")
}
