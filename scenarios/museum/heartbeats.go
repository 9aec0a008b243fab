package museum

// fastHeartbeats tells whether raft takes heartbeats beside its main loop.
func fastHeartbeats() bool {
	return false
}
