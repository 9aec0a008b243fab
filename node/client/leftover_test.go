package client_test

import (
	"context"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/raftnet"
	"picloud/node/wait"
	"picloud/node/wire"
)

// TestAMemberThatWasRemovedUnheardEnds removes a node that is away, and a leader that asks for it itself: neither is told that it is no member any
// more by one who can know.
func TestAMemberThatWasRemovedUnheardEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newShelf(t, api.Spread([][]string{{"pi-1", "pi-2", "pi-3"}}), "pi-1", "pi-2", "pi-3", "pi-4", "pi-5")
	s.startAll()
	c := s.client()
	change := func(call api.MembersCall) { t.Helper(); s.change(ctx, c, call) }
	peers := raftnet.Peers(wire.Network{Network: s.network("pi-2")}, s.port)
	defer peers.Close()
	isKept := func(name string) bool {
		t.Helper()
		terms, _, err := api.AskOfEach([]uint32{0}, func(question []byte) ([]byte, error) {
			return peers.Call(ctx, name, api.MethodTerms, question)
		})
		if err != nil {
			t.Fatal(err)
		}
		return terms[0] != 0 // the term of a group that the node has no member of
	}
	ends := func(name string) {
		t.Helper()
		for isKept(name) {
			if !wait.For(ctx, 50*time.Millisecond) {
				t.Fatalf("%s keeps its member", name)
			}
		}
	}
	change(api.MembersCall{Lead: "pi-1"})
	s.stop("pi-3")
	change(api.MembersCall{Add: "pi-4"})
	change(api.MembersCall{Remove: "pi-3"})
	s.start("pi-3")
	change(api.MembersCall{Add: "pi-5"})
	change(api.MembersCall{Remove: "pi-1"})
	ends("pi-3")
	ends("pi-1")
	change(api.MembersCall{Add: "pi-3"})
	for _, name := range []string{"pi-2", "pi-3", "pi-4", "pi-5"} {
		if !isKept(name) {
			t.Errorf("%s has no member, and is one", name)
		}
	}
}
