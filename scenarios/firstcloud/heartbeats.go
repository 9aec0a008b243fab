package firstcloud

import "github.com/hashicorp/raft"

// inLine is a transport whose heartbeats wait in line with all other requests. Raft would take them
// beside its main loop, in the goroutine of their connection, and there (hashicorp/raft 1.8.0) a
// heartbeat may set the leader just after the main loop has forgotten it to become a candidate.
// If that leader is dead, the candidate rejects everybody's votes "since we have a leader", for ever.
type inLine struct{ *raft.NetworkTransport }

// SetHeartbeatHandler leaves heartbeats where they are.
func (inLine) SetHeartbeatHandler(func(raft.RPC)) {}
