package raftlead_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/raftlead"
)

// TestALeaderThatCannotHandOverIsReadyAfterwards: raft takes no barrier meanwhile, and refuses each at once. Who asks again without a pause takes
// all of a processor, and no time passes here.
func TestALeaderThatCannotHandOverIsReadyAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := three(t)
		first := leads(all)
		i := 0
		for all[i] == first {
			i++
		}
		all[i].card.pause.Store(int64(1500 * time.Millisecond)) // it will not be as far in time
		if err := first.Apply([]byte("one"), 0).Error(); err != nil {
			t.Fatal(err)
		}
		name := string("abc"[i])
		handed := first.LeadershipTransferToServer(raft.ServerID(name), raft.ServerAddress(name))
		time.Sleep(time.Millisecond)
		if err := first.Barrier(0).Error(); err != raft.ErrLeadershipTransferInProgress {
			t.Fatalf("it is to hand over now: %v", err)
		}
		y := raftlead.Follow(first.Raft, func(bool) {})
		defer y.Stop()
		if err := handed.Error(); err == nil {
			t.Fatal("it has handed over")
		}
		for range 1000 {
			if y.In(first.CurrentTerm()) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("it is not ready")
	})
}
