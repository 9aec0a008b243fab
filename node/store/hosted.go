package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/host/points"
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

// hosted returns the groups that the node has members of, in order, each with how it came to be, and
// how the node itself has begun, 0 if it has not.
func hosted(db *pebble.DB) (groups []uint32, how map[uint32]byte, begun byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: begunKey, UpperBound: []byte{letterHosted + 1}})
	if err != nil {
		return nil, nil, 0, fmt.Errorf("store: read which groups are here: %w", err)
	}
	how = map[uint32]byte{}
	for ok := it.First(); ok; ok = it.Next() {
		value, good := sealed.Open(it.Key(), it.Value())
		switch {
		case !good || len(value) != 1:
			err = fmt.Errorf("store: read which groups are here: %w", state.ErrDamaged)
		case len(it.Key()) == 1:
			begun = value[0]
		default:
			group := binary.BigEndian.Uint32(it.Key()[1:])
			groups = append(groups, group)
			how[group] = value[0]
		}
	}
	return groups, how, begun, errors.Join(err, it.Error(), it.Close())
}

// join writes down that the node has a member of a group from now on, which begins with nothing.
func join(disk vfs.FS, db *raftlog.DB, group uint32) error {
	if err := clearGroup(db, group); err != nil {
		return err
	}
	if err := set(db.Pebble(), hostedKey(group), joinedHere); err != nil {
		return err
	}
	host.Reached(disk, points.MemberJoined)
	return nil
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
func set(db *pebble.DB, key []byte, value byte) error {
	if err := db.Set(key, sealed.Seal(key, []byte{value}), pebble.Sync); err != nil {
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
