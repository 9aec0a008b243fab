package state

import (
	"errors"
	"fmt"

	"picloud/node/api"
)

// CommandKind says what a command does to the state.
type CommandKind string

// The kinds of commands.
const (
	// RunTxn runs Txn for a session, once.
	RunTxn CommandKind = "txn"
	// OpenSession begins a session, whose number is the index of the command's entry.
	OpenSession CommandKind = "open-session"
	// Tick says that time went on by Elapsed, as far as leaders have seen: what has lived for its time
	// is removed, and so are sessions that were idle for SessionIdle.
	Tick CommandKind = "tick"
	// Trim forgets the history before the revision Before.
	Trim CommandKind = "trim"
)

// Numbers stand on disks and must not change.
var commandKinds = [...]CommandKind{RunTxn, OpenSession, Tick, Trim}

// Command is what an entry of the log asks for.
type Command struct {
	Kind CommandKind

	// of RunTxn
	Session  uint64
	Sequence uint64 // of the request in its session, from 1 on
	Answered uint64 // the session has the replies to all requests up to this one
	Txn      api.Txn

	Elapsed uint64 // of Tick, ms
	Before  uint64 // of Trim
}

const commandVersion = 1

// Encode returns the command as bytes.
func (c *Command) Encode() ([]byte, error) {
	w := make(writer, 0, 128)
	w.number(commandVersion)
	if err := place(&w, commandKinds[:], c.Kind); err != nil {
		return nil, fmt.Errorf("state: encode a command of kind %q: %w", c.Kind, err)
	}
	var err error
	switch c.Kind {
	case RunTxn:
		w.number(c.Session)
		w.number(c.Sequence)
		w.number(c.Answered)
		err = w.txn(&c.Txn)
	case Tick:
		w.number(c.Elapsed)
	case Trim:
		w.number(c.Before)
	}
	if err != nil {
		return nil, fmt.Errorf("state: encode a command: %w", err)
	}
	return w, nil
}

// errFuture says that a newer program wrote something.
var errFuture = errors.New("written by a newer version of the program")

// DecodeCommand reads a command; its parts belong to data.
func DecodeCommand(data []byte) (c Command, err error) {
	r := &reader{rest: data}
	if v := r.number(); !r.bad && v > commandVersion {
		return c, fmt.Errorf("state: a command of version %d: %w", v, errFuture)
	} else if v == 0 {
		r.bad = true
	}
	c.Kind = one(r, commandKinds[:])
	switch c.Kind {
	case RunTxn:
		c.Session, c.Sequence, c.Answered = r.number(), r.number(), r.number()
		c.Txn = r.txn()
	case Tick:
		c.Elapsed = r.number()
	case Trim:
		c.Before = r.number()
	}
	if err := r.done(); err != nil {
		return c, fmt.Errorf("state: a command of %d bytes: %w", len(data), err)
	}
	return c, nil
}
