// Package museum keeps small clouds with one known bug each, and shows that the faults which the
// generator makes and the checks which judge every run find them.
//
// There are two clouds that are right: a map on one machine (single.go) and a map replicated with
// hashicorp/raft (replicated.go). Each has parts that an exhibit puts a wrong one in place of. So
// the mended twin of every exhibit is one of the two, and differs from it by one function.
//
// Invariants: there are three scenarios, each with the same faults, rates and checks for all of its
// exhibits; none is made for one bug. A bug counts as found when the check fails whose promise it
// breaks.
package museum

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/raftlog"
	"picloud/scenarios"
	"picloud/scenarios/kv"
)

// parts are what exhibits replace.
type parts struct {
	// of both clouds
	commit  func(f vfs.File, records []byte) error
	replace func(fs vfs.FS, from, to string) error
	intact  func(record []byte) bool
	// of the single machine
	update func(s *store, c kv.Command) (before string, seen uint64)
	// of the replicated cloud
	read     func(m *member, c kv.Command) (string, error)
	watch    func(log raftlog.Keeper) raftlog.Keeper
	inFlight func() int
}

// right returns parts without a bug.
func right() parts {
	return parts{
		commit: commit, replace: replace, intact: intact, update: update,
		read: read, watch: watch, inFlight: inFlight,
	}
}

// The clouds, by the names of their programs and scenarios.
const (
	Single     = "museum-single"
	Replicated = "museum-replicated"
	Reads      = "museum-reads" // the replicated map again, less patient, under faults that come often and are short
)

// Exhibit is a cloud with a bug.
type Exhibit struct {
	Name   string
	Cloud  string
	Breaks []string  // the checks that it fails, of which one must
	Seed   uint64    // one that shows it
	Files  [2]string // of the wrong part and of the right one
	wrong  func(p *parts)
}

// Program returns the name of the program that has the bug; the cloud's own name is that of the
// mended twin.
func (e *Exhibit) Program() string { return e.Cloud + "/" + e.Name }

// Exhibits returns all exhibits in the order in which they are shown.
func Exhibits() []Exhibit {
	return []Exhibit{
		{"ack-before-fsync", Single, []string{linearizable, durable}, 0, [2]string{"ack_before_fsync.go", "commit.go"},
			func(p *parts) { p.commit = ackBeforeFsync }},
		{"rename-without-dir-sync", Single, []string{linearizable, durable}, 0, [2]string{"rename_without_dir_sync.go", "replace.go"},
			func(p *parts) { p.replace = renameWithoutDirSync }},
		{"fsync-retried", Single, []string{linearizable, durable}, 0, [2]string{"fsync_retried.go", "commit.go"},
			func(p *parts) { p.commit = fsyncRetried }},
		{"lost-update", Single, []string{linearizable}, 0, [2]string{"lost_update.go", "update.go"},
			func(p *parts) { p.update = lostUpdate }},
		{"checksum-unread", Replicated, []string{linearizable, durable, agreement, live, deaths}, 0, [2]string{"checksum_unread.go", "intact.go"},
			func(p *parts) { p.intact = checksumUnread }},
		{"lease-read", Reads, []string{linearizable}, 0, [2]string{"lease_read.go", "read.go"},
			func(p *parts) { p.read = leaseRead }},
		{"verify-leader-read", Reads, []string{linearizable}, 0, [2]string{"verify_leader_read.go", "read.go"},
			func(p *parts) { p.read = verifyLeaderRead }},
		{"hung-leader", Replicated, []string{progress}, 0, [2]string{"hung_leader.go", "watch.go"},
			func(p *parts) { p.watch = hungLeader }},
		{"wedged-pipeline", Replicated, []string{progress, live}, 0, [2]string{"wedged_pipeline.go", "inflight.go"},
			func(p *parts) { p.inFlight = wedgedPipeline }},
	}
}

// The names of the checks that find bugs.
const (
	linearizable = "linearizable"
	durable      = "durable"
	live         = "live"
	progress     = "progress"
	agreement    = "agreement"
	deaths       = "no-unexpected-death"
)

// Clouds returns the names of the clouds.
func Clouds() []string { return []string{Single, Replicated, Reads} }

// Programs returns the names of all programs.
func Programs() []string {
	names := Clouds()
	for _, e := range Exhibits() {
		names = append(names, e.Program())
	}
	return names
}

// Run runs the node of a cloud: the program of an exhibit or a mended twin. Another process on the same disk is refused: it would put a journal of
// its own in the place of the one that this process writes to.
func Run(ctx context.Context, h *host.Host, c kv.NodeConfig, program string) error {
	p, cloud := right(), program
	for _, e := range Exhibits() {
		if e.Program() == program {
			cloud = e.Cloud
			e.wrong(&p)
		}
	}
	lock, err := h.Disk.Lock("lock")
	if err != nil {
		return fmt.Errorf("museum: lock the disk: %w", err)
	}
	defer lock.Close()
	switch cloud {
	case Single:
		return single(ctx, h, c, p)
	case Replicated:
		return replicated(ctx, h, c, p, 300*time.Millisecond)
	case Reads:
		return replicated(ctx, h, c, p, 100*time.Millisecond)
	}
	return fmt.Errorf("museum: there is no program %q", program)
}

//go:embed *.yaml
var files embed.FS

// Scenario returns the scenario of a cloud with the program on its nodes.
func Scenario(cloud, program string) (*scenarios.Scenario, error) {
	file := cloud + ".yaml"
	text, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("museum: there is no cloud %q", cloud)
	}
	if !slices.Contains(Programs(), program) {
		return nil, fmt.Errorf("museum: there is no program %q", program)
	}
	placed := bytes.ReplaceAll(text, []byte("program: "+cloud+","), []byte("program: "+program+","))
	return scenarios.Parse(file, placed)
}
