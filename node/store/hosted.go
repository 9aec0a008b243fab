package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/node/raftlead"
	"picloud/node/raftlog"
	"picloud/node/sealed"
	"picloud/node/store/state"
)

// Which groups a node has a member of stands in its database, durably, before the member exists, and is
// taken away before the member's state is.

// letterHosted is the first letter of its keys: letter, group -> how the member came to be.
const letterHosted = 'e'

// How a member came to be.
const (
	beganHere  = 'f' // with the cloud: it begins with the cloud's first members if it has no state
	joinedHere = 'j' // later: its leader tells it who the members are
)

// rejoining stands in the place of beganHere in the first row of a node that is to join again whatever group takes it for a member.
const rejoining = 'r'

// begunKey is there once it is known of each of the node's first groups whether it was new.
var begunKey = []byte{letterHosted}

func hostedKey(group uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{letterHosted}, group)
}

// membership is a group that the node has a member of.
type membership struct {
	group uint32
	how   byte // the member came to be
	// votesFrom is the entry that its log must reach before it votes, 0 if it has all it ever had.
	votesFrom uint64
}

// hosted returns the groups that the node has members of, in order, and how the node itself has begun, 0 if it has not.
func hosted(db *pebble.DB) (groups []membership, begun byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: begunKey, UpperBound: []byte{letterHosted + 1}})
	if err != nil {
		return nil, 0, fmt.Errorf("store: read which groups are here: %w", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, good := sealed.Open(it.Key(), it.Value())
		m, whole := readMembership(it.Key(), value)
		switch {
		case !good || len(value) == 0 || len(it.Key()) > 1 && !whole:
			err = fmt.Errorf("store: read which groups are here: %w", state.ErrDamaged)
		case len(it.Key()) == 1:
			begun = value[0]
		default:
			groups = append(groups, m)
		}
	}
	return groups, begun, errors.Join(err, it.Error(), it.Close())
}

// row returns what stands in the row of a membership.
func (m *membership) row() []byte {
	if m.votesFrom == 0 {
		return []byte{m.how}
	}
	return binary.BigEndian.AppendUint64([]byte{m.how}, m.votesFrom)
}

func readMembership(key, row []byte) (m membership, whole bool) {
	if len(key) != len(hostedKey(0)) || len(row) != 1 && len(row) != 9 {
		return m, false
	}
	m.group, m.how = binary.BigEndian.Uint32(key[1:]), row[0]
	if len(row) > 1 {
		m.votesFrom = binary.BigEndian.Uint64(row[1:])
	}
	return m, true
}

// join writes down that the node has a member of a group from now on, which begins with nothing. It may have been a member before, and
// forgotten what it voted and acknowledged then. So it begins in the term of the leader that wants it, as if it had voted for that one, which
// closes earlier terms; and it does not vote before it has what the group had agreed to by then, which is more than it ever acknowledged.
func join(disk vfs.FS, db *raftlog.DB, call *api.HostCall, leader string) (membership, error) {
	m := membership{call.Group, joinedHere, call.Agreed}
	if err := clearGroup(db, call.Group); err != nil {
		return m, err
	}
	log, err := db.Log(call.Group)
	if err != nil {
		return m, err
	}
	if err := raftlead.Voted(log, call.Term, leader); err != nil {
		return m, fmt.Errorf("store: join group %d in term %d: %w", call.Group, call.Term, err)
	}
	if err := setRow(db.Pebble(), hostedKey(call.Group), m.row()); err != nil {
		return m, err
	}
	host.Reached(disk, points.MemberJoined)
	return m, nil
}

// forget takes away all that the node has of a group.
func forget(disk vfs.FS, db *raftlog.DB, group uint32) error {
	if err := db.Pebble().Delete(hostedKey(group), pebble.Sync); err != nil {
		return fmt.Errorf("store: forget group %d: %w", group, err)
	}
	host.Reached(disk, points.MemberForgotten)
	return clearGroup(db, group)
}

// clearGroup takes away a group's log and state.
func clearGroup(db *raftlog.DB, group uint32) error {
	log, err := db.Log(group)
	if err != nil {
		return err
	}
	return errors.Join(log.Clear(), state.Clear(db.Pebble(), group))
}

// letterWanted is the first letter of the keys of groups that the node is to be a member of again.
const letterWanted = 'f'

func wantedKey(group uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{letterWanted}, group)
}

// set writes a row of the node's own, durably.
func set(db *pebble.DB, key []byte, value byte) error { return setRow(db, key, []byte{value}) }

func setRow(db *pebble.DB, key, value []byte) error {
	if err := db.Set(key, sealed.Seal(key, value), pebble.Sync); err != nil {
		return fmt.Errorf("store: note %q: %w", key, err)
	}
	return nil
}

func has(db *pebble.DB, key []byte) (bool, error) {
	_, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, closer.Close()
}
