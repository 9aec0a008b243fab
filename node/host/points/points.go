// Package points names the places in the nodes' code at which a simulated machine can be made to crash: those on which the
// arguments stand that a crash loses nothing.
//
// Invariants: a point is reached each time its place is passed and at no other time; on a real machine that is nothing.
package points

// Point is the name of a place.
type Point string

// The points, in the order in which an entry of the log passes them. What must be true of a crash at each is said in DESIGN.md.
const (
	// LogSynced: entries, a term or a vote are synced, and the mark does not say so yet.
	LogSynced Point = "log-synced"
	// LogNoted: the mark says so too, and nobody has been told.
	LogNoted Point = "log-noted"
	// StateApplied: the effects of entries are written, not synced, and nobody has been told.
	StateApplied Point = "state-applied"
	// SnapshotNoted: a node's own snapshot is noted, and the log that it makes needless is still there.
	SnapshotNoted Point = "snapshot-noted"
	// LogCut: entries are removed, by a snapshot or for another leader's.
	LogCut Point = "log-cut"
	// SnapshotStaged: a snapshot has come in whole, and the state is the old one.
	SnapshotStaged Point = "snapshot-staged"
	// SnapshotPlaced: it is in the state's place, and the file that it came in is still there.
	SnapshotPlaced Point = "snapshot-placed"
	// FileRenamed: a file that says whose the disk is, or that it is damaged, has its name, and the folder is not synced.
	FileRenamed Point = "file-renamed"
	// MemberJoined: the disk says that the node has a member of a group, and the member does not run yet.
	MemberJoined Point = "member-joined"
	// MemberForgotten: the disk says no more that the node has a member of a group, and its log and state are still there.
	MemberForgotten Point = "member-forgotten"
)

// All returns the points in their order.
func All() []Point {
	return []Point{LogSynced, LogNoted, StateApplied, SnapshotNoted, LogCut, SnapshotStaged, SnapshotPlaced, FileRenamed,
		MemberJoined, MemberForgotten}
}
