package client_test

import (
	"context"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/node/raftnet"
	"picloud/node/wire"
)

// TestAMemberThatHasForgottenDoesNotElectOneThatIsBehind removes a node from a group while another one, which was removed before, is away and
// has heard of neither. The first comes back to the group with nothing. Together the two would be a majority of what the group was once.
func TestAMemberThatHasForgottenDoesNotElectOneThatIsBehind(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, api.Spread([][]string{first}), "pi-1", "pi-2", "pi-3", "pi-4", "pi-5")
	s.startAll()
	c := s.clientOf("pi-4", "pi-5")
	put := func(value string) {
		t.Helper()
		if _, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/1", Value: []byte(value)}}}); err != nil {
			t.Fatal(err)
		}
	}
	change := func(call api.MembersCall) { t.Helper(); s.change(ctx, c, call) }
	put("old")
	change(api.MembersCall{Lead: "pi-2"})
	s.stop("pi-3")
	change(api.MembersCall{Add: "pi-4"})
	change(api.MembersCall{Remove: "pi-3"})
	change(api.MembersCall{Add: "pi-5"})
	change(api.MembersCall{Remove: "pi-1"})
	put("new")

	// The leader wants pi-1 back, and ends before it has said so to the group.
	members, err := c.Members(ctx, api.MembersCall{})
	if err != nil {
		t.Fatal(err)
	}
	call, err := json.Marshal(api.HostCall{Group: 0, Leader: members.Leader, Term: 3, Agreed: 20})
	if err != nil {
		t.Fatal(err)
	}
	peers := raftnet.Peers(wire.Network{Network: s.network("pi-2")}, s.port)
	defer peers.Close()
	if _, err := peers.Call(ctx, "pi-1", api.MethodHost, call); err != nil {
		t.Fatal(err)
	}
	const apart = "127.0.3.33" // pi-3 reaches the others, and hears of nothing from them
	s.startAt("pi-3", apart)
	names := maps.Clone(s.addrs)
	names["pi-3"] = apart
	stale, err := client.New(&host.RealNetwork{Names: names}, client.Config{Nodes: []string{"pi-3"}, Port: s.port})
	if err != nil {
		t.Fatal(err)
	}
	defer stale.Close()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		soon, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		reply, err := stale.Txn(soon, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: "a/1"}}})
		cancel()
		if err == nil && string(reply.Results[0].Records[0].Value) != "new" {
			t.Fatalf("pi-3 was elected by one that has forgotten, and answers %q", reply.Results[0].Records[0].Value)
		}
	}
	change(api.MembersCall{Add: "pi-1"})
	change(api.MembersCall{Remove: "pi-2"})
	put("newer") // with the one that has come back in the majority
}
