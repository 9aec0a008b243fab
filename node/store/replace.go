package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/raftlog"
	"picloud/node/sealed"
	"picloud/node/store/state"
)

// A node that finds that its disk gave back something else than what was written throws away all that it
// has and begins again with nothing, as a new member of its groups. It must not vote or serve before: its
// votes and what it acknowledged are forgotten. So each of its groups first agrees that it is no member,
// by a majority of the others; whoever leads the group then has all that was acknowledged. Where the others
// are no majority the group stays without the node, and what nobody else has is lost; nothing is made up.

// damagedFile stands on the disk from when damage was found until all was thrown away.
const damagedFile = "store-damaged"

// isDamage tells damage from a disk that does not work.
func isDamage(err error) bool {
	return errors.Is(err, raftlog.ErrDamaged) || errors.Is(err, state.ErrDamaged) || pebble.IsCorruptionError(err)
}

// damaged notes that the disk is damaged and ends the process.
func (s *Store) damaged(err error) {
	s.log.Error("damage", "error", err.Error())
	panic(fmt.Sprintf("store: %v", errors.Join(err, noteDamage(s.host.Disk, err))))
}

// noteDamage makes the next start throw everything away.
func noteDamage(disk vfs.FS, why error) error {
	f, err := disk.Create(damagedFile, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(why.Error()))
	return errors.Join(err, f.Sync(), f.Close(), syncRoot(disk))
}

func syncRoot(disk vfs.FS) error {
	root, err := disk.OpenDir(disk.PathDir(damagedFile))
	if err != nil {
		return err
	}
	return errors.Join(root.Sync(), root.Close())
}

// throwAway removes the database of a disk that was found damaged, and begins one that knows that it is to join
// its groups again.
func (s *Store) throwAway(why string) error {
	s.log.Error("the disk was damaged: all is thrown away, and comes again from others", "why", why)
	disk := s.host.Disk
	if err := noteDamage(disk, errors.New(why)); err != nil { // a crash in between must not begin with nothing
		return err
	}
	if err := raftlog.Remove(disk, folder); err != nil {
		return err
	}
	if err := s.openDB(); err != nil {
		return err
	}
	if err := set(s.db.Pebble(), begunKey, rejoining); err != nil {
		return err
	}
	if err := disk.Remove(damagedFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncRoot(disk)
}

// wasDamaged returns why the disk was found damaged, nothing if it was not.
func (s *Store) wasDamaged() (string, error) {
	_, err := s.host.Disk.Stat(damagedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return "it was found by the process before", err
}

// rejoin makes the node a member again of all groups that still take it for one. What is to be done stands on
// the disk, so that it is also done after a crash.
func (s *Store) rejoin(ctx context.Context) {
	for tries := 0; ctx.Err() == nil; tries++ {
		limited, cancel := context.WithTimeout(ctx, rejoinLimit)
		err := s.rejoinAll(limited)
		cancel()
		if err == nil {
			s.log.Info("the node is a member of its groups again")
			return
		}
		s.log.Info("rejoin", "error", err.Error())
		select {
		case <-time.After(rejoinPause):
		case <-ctx.Done():
		}
	}
}

const (
	rejoinPause = time.Second
	rejoinLimit = 30 * time.Second
)

func (s *Store) rejoinAll(ctx context.Context) error {
	c, err := client.New(s.host.Network, client.Config{Nodes: others(s.config.Nodes, s.config.Node), Port: s.config.Port})
	if err != nil {
		return err
	}
	defer c.Close()
	shards, err := c.Shards(ctx)
	if err != nil {
		return err
	}
	var failed error
	for i := range shards.Shards {
		failed = errors.Join(failed, s.rejoinGroup(ctx, c, shards.Shards[i].Group))
	}
	if failed != nil {
		return failed
	}
	return set(s.db.Pebble(), begunKey, beganHere)
}

// rejoinGroup makes the node a new member of a group that takes it for an old one.
func (s *Store) rejoinGroup(ctx context.Context, c *client.Client, group uint32) error {
	db := s.db.Pebble()
	wanted, err := has(db, wantedKey(group))
	if err != nil {
		return err
	}
	if _, err := s.group(group); err == nil && !wanted {
		return nil // a leader has made it a member
	}
	members, err := c.Members(ctx, api.MembersCall{Group: group})
	if err != nil {
		return fmt.Errorf("store: rejoin group %d: %w", group, err)
	}
	is := slices.Contains(members.Voters, s.config.Node) || slices.Contains(members.Learners, s.config.Node)
	if is && !wanted {
		if err := set(db, wantedKey(group), joinedHere); err != nil {
			return err
		}
		wanted = true
		if _, err := c.Members(ctx, api.MembersCall{Group: group, Remove: s.config.Node}); err != nil {
			return fmt.Errorf("store: rejoin group %d: %w", group, err)
		}
	}
	if !wanted {
		return nil
	}
	if _, err := s.group(group); err != nil && is {
		// The old membership may still be there: the removal may not have taken effect.
		if _, err := c.Members(ctx, api.MembersCall{Group: group, Remove: s.config.Node}); err != nil {
			return fmt.Errorf("store: rejoin group %d: %w", group, err)
		}
	}
	if _, err := c.Members(ctx, api.MembersCall{Group: group, Add: s.config.Node}); err != nil {
		return fmt.Errorf("store: rejoin group %d: %w", group, err)
	}
	if err := db.Delete(wantedKey(group), pebble.Sync); err != nil {
		return fmt.Errorf("store: rejoin group %d: %w", group, err)
	}
	return nil
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

func others(nodes []string, node string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == node })
}
