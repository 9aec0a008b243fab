package api

import (
	"context"
	"fmt"
	"time"

	"picloud/node/codec"
)

// The limits of one call that follows partitions.
const (
	MaxFollowed   = 1024 // partitions
	MaxFollowWait = 10 * time.Second
	MaxChanged    = 2 << 20 // bytes of keys in an answer
)

// Feed is the store as those see it who keep copies of what it holds. Its errors are of type *Error.
type Feed interface {
	// GroupOf returns the group that holds a partition.
	GroupOf(ctx context.Context, partition string) (uint32, error)
	// Follow returns which keys of some partitions have changed. It refuses revisions that are no longer kept, and
	// answers that would be too large, with the kind Compacted: who follows begins anew then.
	Follow(ctx context.Context, f *Follow) (*Changes, error)
}

// Follow asks which keys of some partitions of one group have changed, in revisions from From on.
type Follow struct {
	Partitions []string
	From       uint64        // 0 for what happens after the call
	Wait       time.Duration // for the first change, if there is none yet
}

// Changes are the keys that have changed, in the order of their revisions, none left out up to Next.
type Changes struct {
	Changes []Change
	Next    uint64 // the revision to go on from
	// Current: each change that was acknowledged before Asked is below Next.
	Current bool
	Asked   time.Time // when the call was sent that was answered, by the clock of who sent it
}

// Change says that a key was written, or is gone.
type Change struct {
	Revision uint64
	Key      string
}

// Validate says which rule the call breaks.
func (f *Follow) Validate() error {
	const doing = "follow partitions"
	if n := len(f.Partitions); n == 0 || n > MaxFollowed {
		return Errorf(BadRequest, doing, "", "it names %d partitions, not 1 to %d", n, MaxFollowed)
	}
	for _, p := range f.Partitions {
		err := ValidKey(p)
		if err == nil && Partition(p) != p {
			err = fmt.Errorf("a partition has no slash")
		}
		if err != nil {
			return Errorf(BadRequest, doing, fmt.Sprintf("%.80q", p), "%s", err)
		}
	}
	if f.Wait < 0 || f.Wait > MaxFollowWait {
		return Errorf(BadRequest, doing, "", "a wait is 0 to %s, not %s", MaxFollowWait, f.Wait)
	}
	return nil
}

// FollowCall is a Follow of a group.
type FollowCall struct {
	Group  uint32
	Follow Follow
}

// Encode returns the call as bytes.
func (c *FollowCall) Encode() []byte {
	var w codec.Writer
	w.Number(uint64(c.Group))
	w.Number(c.Follow.From)
	w.Number(uint64(c.Follow.Wait))
	w.Number(uint64(len(c.Follow.Partitions)))
	for _, p := range c.Follow.Partitions {
		w.Text(p)
	}
	return w
}

// DecodeFollowCall reads a call.
func DecodeFollowCall(data []byte) (c FollowCall, err error) {
	r := codec.NewReader(data)
	c = FollowCall{readGroup(r), Follow{From: r.Number(), Wait: time.Duration(r.Number())}}
	for range r.Each() {
		c.Follow.Partitions = append(c.Follow.Partitions, r.Text())
	}
	return c, r.Done()
}

// Encode returns the changes as bytes, but for Asked.
func (c *Changes) Encode() []byte {
	w := make(codec.Writer, 0, 64)
	w.Number(c.Next)
	w.Flag(c.Current)
	w.Number(uint64(len(c.Changes)))
	for i := range c.Changes {
		w.Number(c.Changes[i].Revision)
		w.Text(c.Changes[i].Key)
	}
	return w
}

// DecodeChanges reads changes.
func DecodeChanges(data []byte) (*Changes, error) {
	r := codec.NewReader(data)
	c := &Changes{Next: r.Number(), Current: r.Flag()}
	for range r.Each() {
		c.Changes = append(c.Changes, Change{Revision: r.Number(), Key: r.Text()})
	}
	return c, r.Done()
}
