package museum

// wedgedPipeline leaves hashicorp/raft its pipeline, which is on by default with two requests under
// way. When a follower stalls for longer than the transport waits, the reply that failed ends the
// goroutine that takes replies; the goroutine that sends may by then have begun another request,
// which waits for a place that only a taken reply gives back. It waits for ever. Heartbeats go
// another way and find nothing wrong, so the follower gets no entry again from this leader. When a
// second follower has stalled, or is down, nothing commits although all are there.
//
// Revealed by: what silences a follower for a while, such as pause or disk-stall. Literature:
// grafana/pyroscope issue 5518; hashicorp/raft 1.8.0, replication.go, pipelineDecode and
// net_transport.go, netPipeline.AppendEntries.
func wedgedPipeline() int {
	return 2
}
