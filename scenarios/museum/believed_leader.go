package museum

// believedLeader lets hashicorp/raft take heartbeats beside its main loop, as it does by default. A
// heartbeat that is half done when the main loop gives its leader up and becomes a candidate sets the
// leader again. When it was the leader's last, nothing clears it: the candidate rejects all votes since
// it has a leader. If a majority needs its vote, and its own log is behind, nobody is elected again.
//
// Revealed by: kill, power-cut and what else ends a leader, while another node is down. Found by this
// museum, in the cloud that was meant to be right; hashicorp/raft 1.8.0, raft.go, processHeartbeat
// and runFollower.
func believedLeader() bool {
	return true
}
