package raftnet

import (
	"testing"

	"github.com/hashicorp/raft"
)

func TestACandidateThatIsNoKnownVoterStandsForOneThatIs(t *testing.T) {
	server := func(name string, s raft.ServerSuffrage) raft.Server {
		return raft.Server{ID: raft.ServerID(name), Suffrage: s}
	}
	members := raft.Configuration{Servers: []raft.Server{
		server("learns", raft.Nonvoter), server("a", raft.Voter), server("b", raft.Voter),
	}}
	for _, c := range []struct {
		candidate string
		members   raft.Configuration
		want      string
	}{
		{"b", members, "b"},
		{"unknown", members, "a"},
		{"learns", members, "a"}, // it has been made a voter, and this node has not heard of that
		{"unknown", raft.Configuration{}, "unknown"},
		{"learns", raft.Configuration{Servers: members.Servers[:1]}, "learns"},
	} {
		if got := string(voterFor([]byte(c.candidate), c.members)); got != c.want {
			t.Errorf("%s stands for %q, not %q, where the members are %v", c.candidate, got, c.want, c.members)
		}
	}
}
