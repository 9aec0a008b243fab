package museum

import "picloud/node/raftlog"

// hungLeader trusts the disk to finish. When it does not, raft's leader hangs in the middle of a
// write, and its heartbeats, which are sent by other goroutines, go on: nobody is elected, and the
// cloud stands still for as long as the disk does, with a healthy majority beside it.
//
// Revealed by: disk-stall. Literature: hashicorp/raft issue 503; Huang and others, "Gray Failure"
// (HotOS 2017).
func hungLeader(log raftlog.Keeper) raftlog.Keeper {
	return log
}
