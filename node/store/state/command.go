package state

import (
	"errors"
	"fmt"

	"picloud/node/api"
	"picloud/node/codec"
)

// CommandKind says what a command does to the state.
type CommandKind string

// The kinds of commands.
const (
	// RunTxn runs Request for its session, once.
	RunTxn CommandKind = "txn"
	// OpenSession begins a session, whose number is the index of the command's entry.
	OpenSession CommandKind = "open-session"
	// Tick says that time went on by Elapsed, as far as leaders have seen: what has lived for its time
	// is removed, and so are sessions that were idle for SessionIdle.
	Tick CommandKind = "tick"
	// Trim forgets the history before the revision Before.
	Trim CommandKind = "trim"
	// Own gives the group the slots Slots, if it has none yet.
	Own CommandKind = "own"
)

// Numbers stand on disks and must not change.
var commandKinds = [...]CommandKind{RunTxn, OpenSession, Tick, Trim, Own}

// Command is what an entry of the log asks for.
type Command struct {
	Kind    CommandKind
	Request api.Request     // of RunTxn
	Elapsed uint64          // of Tick, ms
	Before  uint64          // of Trim
	Slots   []api.SlotRange // of Own
	// Unbounded is of commands of version 1: what a transaction returns and the events it makes have no limit for which it is
	// refused. Some replicas may have applied them so, so all do.
	Unbounded bool
}

const (
	commandVersion   = 2
	unboundedVersion = 1
)

// Encode returns the command as bytes.
func (c *Command) Encode() ([]byte, error) {
	version := byte(commandVersion)
	if c.Unbounded {
		version = unboundedVersion
	}
	if c.Kind == RunTxn {
		b, err := c.Request.Encode()
		return running(version, b), err
	}
	w := make(codec.Writer, 0, 16)
	w.Number(uint64(version))
	if err := codec.Place(&w, commandKinds[:], c.Kind); err != nil {
		return nil, fmt.Errorf("state: encode a command of kind %q: %w", c.Kind, err)
	}
	switch c.Kind {
	case Tick:
		w.Number(c.Elapsed)
	case Trim:
		w.Number(c.Before)
	case Own:
		writeSlots(&w, c.Slots)
	}
	return w, nil
}

// Run returns the command that runs an encoded request, which goes into the log as it came.
func Run(request []byte) []byte { return running(commandVersion, request) }

func running(version byte, request []byte) []byte { return append([]byte{version, 0}, request...) }

// errFuture says that a newer program wrote something.
var errFuture = errors.New("written by a newer version of the program")

// DecodeCommand reads a command; its parts belong to data.
func DecodeCommand(data []byte) (c Command, err error) {
	r := codec.NewReader(data)
	v := r.Number()
	if !r.Bad() && v > commandVersion {
		return c, fmt.Errorf("state: a command of version %d: %w", v, errFuture)
	}
	if v == 0 {
		r.Fail()
	}
	c.Unbounded = v == unboundedVersion
	c.Kind = codec.One(r, commandKinds[:])
	switch c.Kind {
	case RunTxn:
		c.Request, err = api.DecodeRequest(r.Rest())
	case Tick:
		c.Elapsed = r.Number()
	case Trim:
		c.Before = r.Number()
	case Own:
		c.Slots = readSlots(r)
	}
	if err = errors.Join(err, r.Done()); err != nil {
		return c, fmt.Errorf("state: a command of %d bytes: %w", len(data), err)
	}
	return c, nil
}
