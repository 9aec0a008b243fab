package store

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"

	"picloud/node/store/state"
)

// hasRefused lets a member have refused commands for too long.
func hasRefused(g *Group) {
	g.transfer.took(raft.ErrLeadershipTransferInProgress)
	g.transfer.mu.Lock()
	defer g.transfer.mu.Unlock()
	g.transfer.refused = g.transfer.refused.Add(-2 * transferLimit)
}

// TestALeaderThatCannotHandOverStartsAnew lets a leader find that it has taken no commands for too long, as a handover was under way.
func TestALeaderThatCannotHandOverStartsAnew(t *testing.T) {
	nodes := threeNodes(t)
	first := leads(t, nodes, func(string) bool { return true })
	g, err := nodes[first].group(0)
	if err != nil {
		t.Fatal(err)
	}
	hasRefused(g)
	eventually(t, "the member starts anew", func() bool {
		now, err := nodes[first].group(0)
		return err == nil && now != g
	})
	eventually(t, "somebody leads and takes a command", func() bool { // who leads may change once more
		g, err := nodes[leads(t, nodes, func(string) bool { return true })].group(0)
		if err == nil {
			_, err = g.Run(t.Context(), &state.Command{Kind: state.OpenSession})
		}
		return err == nil
	})
}

// TestAMemberThatHasHandedOverGoesOn: it refused a command while it handed over, and takes none afterwards, as it leads no more.
func TestAMemberThatHasHandedOverGoesOn(t *testing.T) {
	nodes := threeNodes(t)
	first := leads(t, nodes, func(string) bool { return true })
	g, err := nodes[first].group(0)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has handed over and goes on", func() bool {
		if g.Leads() {
			_ = g.await(g.raft.LeadershipTransfer()) // that it failed shows below
			return false
		}
		hasRefused(g)
		return g.startsAnew() == ""
	})
	g.transfer.over()
	if g.transfer.hangs() {
		t.Error("when it leads again, it is taken for one that has not handed over")
	}
}

func TestAHandoverHangsOnlyIfNothingElseIsDoneMeanwhile(t *testing.T) {
	long := -2 * transferLimit
	for name, c := range map[string]struct {
		outcomes []error
		hangs    bool
	}{
		"nothing happened":              {nil, false},
		"a command was done":            {[]error{nil}, false},
		"commands are refused":          {[]error{raft.ErrLeadershipTransferInProgress}, true},
		"one was done after that":       {[]error{raft.ErrLeadershipTransferInProgress, nil}, false},
		"one was refused for other":     {[]error{raft.ErrLeadershipTransferInProgress, raft.ErrNotLeader}, false},
		"an attempt took too long, too": {[]error{errors.New("timeout"), raft.ErrLeadershipTransferInProgress}, true},
	} {
		var tr transfer
		for _, err := range c.outcomes {
			tr.took(err)
		}
		if tr.hangs() {
			t.Errorf("%s: it hangs at once", name)
		}
		if !tr.refused.IsZero() {
			tr.refused = tr.refused.Add(long)
		}
		if tr.hangs() != c.hangs {
			t.Errorf("%s: it hangs: %t", name, !c.hangs)
		}
	}
}
