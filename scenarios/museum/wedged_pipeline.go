package museum

// wedgedPipeline leaves hashicorp/raft its pipeline, which is on by default with two requests under
// way. A follower whose disk is slow refuses entries in time, and its refusal ends the goroutine that
// takes replies. The goroutine that sends may by then have begun another request, which waits for a
// place that only a taken reply gives back: it waits for ever. Heartbeats go another way and find
// nothing wrong, so the follower gets no entry again from this leader, not even when it has been
// restarted. When a second follower has been slow, or is down, nothing commits although a majority
// is there.
//
// Revealed by: disk-stall and what else makes a disk slow. Literature: grafana/pyroscope issue 5518;
// hashicorp/raft 1.8.0, replication.go, pipelineDecode and net_transport.go,
// netPipeline.AppendEntries.
func wedgedPipeline() int {
	return 2
}
