package disk

import (
	"fmt"
	"slices"

	"picloud/sim/channel"
)

// Op is what a process does that changes the disk, or says of itself.
type Op uint8

// The operations.
const (
	OpCreate Op = iota + 1 // a file, a folder or a second name
	OpWrite
	OpSync // of a file or a folder
	OpRename
	OpRemove
	OpReach // no operation: the program has come to a point that has a name
)

func opNames() []string { return []string{"", "create", "write", "sync", "rename", "remove"} }

// ParseOp returns the operation of a name in the fault catalogue.
func ParseOp(name string) (Op, error) {
	if i := slices.Index(opNames(), name); i > 0 {
		return Op(i), nil
	}
	return 0, fmt.Errorf("disk: unknown operation %q", name)
}

// opOf returns the operation that has ended with a frame, 0 if it changed nothing or goes on.
func opOf(f *channel.Frame) Op {
	switch f.Op {
	case channel.DiskOpen:
		if f.A&channel.OpenCreate != 0 {
			return OpCreate
		}
	case channel.DiskMkdirAll, channel.DiskLink, channel.DiskLock:
		return OpCreate
	case channel.DiskWrite:
		return OpWrite
	case channel.DiskRename:
		return OpRename
	case channel.DiskRemove, channel.DiskRemoveAll:
		return OpRemove
	case channel.DiskReached:
		return OpReach
	}
	return 0
}

// did tells of an operation that has ended, whether it succeeded or not. Who is told may cut the power: nothing may follow
// for which the card must be on.
func (c *Card) did(op Op, data []byte) {
	switch {
	case op == 0 || c.cfg.Did == nil:
	case op == OpReach:
		c.cfg.Did(op, string(data))
	default:
		c.cfg.Did(op, "")
	}
}

// Listen asks processes to say which points they come to, as often as it was asked more than Ignore.
func (c *Card) Listen() {
	c.listening++
	c.publish()
}

// Ignore undoes Listen.
func (c *Card) Ignore() {
	c.listening--
	c.publish()
}
