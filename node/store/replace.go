package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/mutant"
	"picloud/node/owned"
	"picloud/node/raftlog"
	"picloud/node/store/state"
	"picloud/node/wait"
)

// A node that finds that its disk gave back something else than what was written ends, and looks again at
// its start: reads go wrong for a moment too. If it is still so, the node leaves all its groups, throws away
// what it has, and joins them again as a new member with nothing.
//
// It must not vote or serve before: its votes and what it acknowledged are forgotten. So each group first
// removes it, by a majority of the others; whoever leads the group then has all that was acknowledged. It
// begins to leave only when each of its groups has such a majority: a copy that may be the last one is not
// given up, and what nobody else has is missed, not made up.

// damagedFile stands on the disk from when a process met damage and ended until it is known to be none, or all
// was thrown away.
const damagedFile = "store-damaged"

// wound is what stands in it.
type wound struct {
	Why string `json:"why"`
	// Leaving is set when the node has begun to leave its groups, which are these.
	Leaving bool     `json:"leaving"`
	Groups  []uint32 `json:"groups"`
}

// isDamage tells damage from a disk that does not work.
func isDamage(err error) bool {
	return errors.Is(err, raftlog.ErrDamaged) || errors.Is(err, state.ErrDamaged) || pebble.IsCorruptionError(err)
}

// damaged notes that the disk may be damaged and ends the process. Many reads may find it at the same time: the first one notes it, and the
// others wait for the end.
func (s *Store) damaged(err error) {
	s.ending.Lock()
	s.log.Error("damage", "error", err.Error())
	s.end(fmt.Sprintf("store: %v", errors.Join(err, s.writeWound(&wound{Why: err.Error()}))))
}

// tellDamage tells of an error that is one of damage, and returns it as it is.
func tellDamage(err error, damaged func(error)) error {
	if isDamage(err) {
		damaged(err)
	}
	return err
}

// unlessDamaged returns an error that is none of damage, which ends the process.
func (s *Store) unlessDamaged(err error) error { return tellDamage(err, s.damaged) }

// writeWound writes the file in one step.
func (s *Store) writeWound(w *wound) error {
	return owned.Write(s.host.Disk, damagedFile, s.owner(), w)
}

// readWound returns what stands in the file, nil if there is none.
func (s *Store) readWound() (*wound, error) {
	w := &wound{}
	is, err := owned.Read(s.host.Disk, damagedFile, s.owner(), w)
	if !is || err != nil {
		return nil, err
	}
	return w, nil
}

func (s *Store) removeWound() error {
	disk := s.host.Disk
	if err := disk.Remove(damagedFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: %w", err)
	}
	return owned.SyncDir(disk, disk.PathDir(damagedFile))
}

// heal opens a database that may be damaged: as it is, if it turns out to be whole, or a new one once the node
// has left its groups. It goes on until one or the other is done.
func (s *Store) heal(ctx context.Context, w *wound) error {
	if mutant.Planted == mutant.ForgetfulVoter {
		return s.forgetAll(w)
	}
	if len(others(s.config.Nodes, s.config.Node)) == 0 { // nobody else can have what is here
		return unlessWhole(s.openWhole(ctx))
	}
	c, err := s.clientOfOthers()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := s.mendOrLeave(ctx, c, w); err != nil || !w.Leaving {
		return err
	}
	for {
		err := s.leave(ctx, c, w)
		if err == nil {
			return s.throwAway(w)
		}
		s.log.Info("leave", "error", err.Error())
		if !wait.For(ctx, rejoinPause) {
			return ctx.Err()
		}
	}
}

// mendOrLeave looks again and again whether the disk is whole after all, and opens it then, or whether the others let the node
// go. Until then it says that it has lost its copy.
func (s *Store) mendOrLeave(ctx context.Context, c *client.Client, w *wound) (err error) {
	stop := func() error { return nil }
	defer func() { err = errors.Join(err, stop()) }()
	var damage error
	for tries := 0; !w.Leaving; tries++ {
		if tries < 2 || tries%readAgain == 0 {
			if damage = s.openWhole(ctx); !isDamage(damage) {
				return damage
			}
			w.Why = damage.Error()
		}
		if tries == 1 && mutant.Planted != mutant.SilentLoss {
			said, bad := s.sayLost(damage)
			if bad != nil {
				return bad
			}
			stop = said
		}
		if tries > 0 {
			stays := s.mayLeave(ctx, c, w)
			if stays == nil {
				return nil
			}
			s.log.Info("the disk is damaged, and the node cannot leave its groups yet", "why", w.Why, "error", stays.Error())
		}
		if !wait.For(ctx, rejoinPause) {
			return unlessWhole(damage)
		}
	}
	return nil
}

// readAgain is at which of its tries to leave a node reads its whole disk again: it may be whole after all, and reading is not for nothing.
const readAgain = 20

// unlessWhole says why a node does not start from its disk.
func unlessWhole(err error) error {
	if !isDamage(err) {
		return err
	}
	why, _, _ := strings.Cut(err.Error(), "\n") // Pebble says it more than once
	return api.Errorf(api.Damaged, "start", "from the folder "+folder, "it is damaged, and no other node lets this one go: %s", why)
}

// clientOfOthers returns a client that asks all nodes but this one.
func (s *Store) clientOfOthers() (*client.Client, error) {
	return client.New(s.host.Network, client.Config{Nodes: others(s.config.Nodes, s.config.Node), Port: s.config.Port})
}

// openWhole reads all of the database, and opens it if it is whole.
func (s *Store) openWhole(ctx context.Context) error {
	if err := s.claimFolder(); err != nil {
		return err
	}
	err := raftlog.Inspect(ctx, s.host.Disk, folder, s.pebbleConfig(), func(db *pebble.DB) error {
		groups, _, err := hosted(db)
		for _, m := range groups {
			st, bad := state.Open(db, m.group)
			if bad == nil {
				bad = st.Scrub(ctx)
			}
			err = errors.Join(err, bad)
		}
		return err
	})
	if err == nil {
		err = s.openDB()
	}
	if err != nil {
		return err
	}
	s.log.Info("the disk is whole after all")
	return s.removeWound()
}

// mayLeave finds the groups that take the node for a member, and makes sure that each has a majority without it:
// nobody here answers for the node. It then writes down that the node leaves.
func (s *Store) mayLeave(ctx context.Context, c *client.Client, w *wound) error {
	ctx, cancel := context.WithTimeout(ctx, rejoinLimit)
	defer cancel()
	shards, err := c.Shards(ctx)
	if err != nil {
		return err
	}
	var groups []uint32
	for i := range shards.Shards {
		group := shards.Shards[i].Group
		is, err := s.isMember(ctx, c, group)
		if err != nil {
			return err
		}
		if is {
			groups = append(groups, group)
		}
	}
	w.Leaving, w.Groups = true, groups
	return s.writeWound(w)
}

func (s *Store) isMember(ctx context.Context, c *client.Client, group uint32) (bool, error) {
	members, err := c.Members(ctx, api.MembersCall{Group: group})
	if err != nil {
		return false, fmt.Errorf("store: group %d: %w", group, err)
	}
	return members.Has(s.config.Node), nil
}

// leave makes the groups remove the node.
func (s *Store) leave(ctx context.Context, c *client.Client, w *wound) error {
	ctx, cancel := context.WithTimeout(ctx, rejoinLimit)
	defer cancel()
	for _, group := range w.Groups {
		if _, err := c.Members(ctx, api.MembersCall{Group: group, Remove: s.config.Node}); err != nil {
			return fmt.Errorf("store: leave group %d: %w", group, err)
		}
	}
	return nil
}

// throwAway removes the database, and begins one that knows which groups it is to join.
func (s *Store) throwAway(w *wound) error {
	s.log.Error("the disk was damaged: all is thrown away, and comes again from others", "why", w.Why, "groups", w.Groups)
	if err := raftlog.Remove(s.host.Disk, folder); err != nil {
		return err
	}
	if err := s.openDB(); err != nil {
		return err
	}
	for _, group := range w.Groups {
		if err := set(s.db.Pebble(), wantedKey(group), joinedHere); err != nil {
			return err
		}
	}
	if err := set(s.db.Pebble(), begunKey, rejoining); err != nil {
		return err
	}
	return s.removeWound()
}

// rejoin makes the node a member again of all groups that still take it for one. What is to be done stands on
// the disk, so that it is also done after a crash.
func (s *Store) rejoin(ctx context.Context) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, rejoinLimit)
		err := s.rejoinAll(limited)
		cancel()
		if err == nil {
			s.log.Info("the node is a member of the groups that take it for one")
			return
		}
		s.log.Info("rejoin", "error", err.Error())
		wait.For(ctx, rejoinPause)
	}
}

const (
	rejoinPause = time.Second
	rejoinLimit = 30 * time.Second
)

func (s *Store) rejoinAll(ctx context.Context) error {
	if len(others(s.config.Nodes, s.config.Node)) == 0 {
		return set(s.db.Pebble(), begunKey, beganHere)
	}
	failed := s.waits()
	c, err := s.clientOfOthers()
	if err != nil {
		return err
	}
	defer c.Close()
	shards, err := c.Shards(ctx)
	if err != nil {
		return err
	}
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
	if slices.Contains(s.unsettled(), group) {
		return nil
	}
	db := s.db.Pebble()
	wanted, err := has(db, wantedKey(group))
	if err != nil {
		return err
	}
	if _, err := s.group(group); err == nil && !wanted {
		return nil // a leader has made it a member
	}
	is, err := s.isMember(ctx, c, group)
	if err != nil {
		return err
	}
	if !is && !wanted {
		return nil
	}
	if !wanted {
		if err := set(db, wantedKey(group), joinedHere); err != nil {
			return err
		}
	}
	if _, err := s.group(group); err != nil && is { // it is the old membership: the node has nothing of it
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

func others(nodes []string, node string) []string {
	return slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == node })
}
