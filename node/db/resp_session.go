package db

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// mostQueued bounds the commands of one MULTI.
const mostQueued = 1000

// session is what a RESP connection has of its own. It belongs to the connection's reader.
type session struct {
	db     *DB
	in     *commandReader
	stream net.Conn
	id     int64
	name   string
	who    *identity // nil for a stranger
	closed bool

	queuing bool
	spoilt  bool // a command was refused while queuing
	queue   []*invocation
	size    int               // bytes of the queue's arguments
	watched map[string]uint64 // store keys at the revisions that EXEC asks for
}

func connectionCommands() []command {
	all := places{1, -1, 1}
	return []command{
		{name: "ping", arity: -1, run: ping},
		{name: "echo", arity: 2, run: echo},
		{name: "select", arity: 2, run: selectDB},

		{name: "auth", arity: -2, control: (*session).auth},
		{name: "hello", arity: -1, control: (*session).hello},
		{name: "client", arity: -2, control: (*session).client},
		{name: "command", arity: -1, control: (*session).command},
		{name: "config", arity: -2, control: (*session).configGet},
		{name: "info", arity: -1, control: (*session).info},
		{name: "quit", arity: -1, control: (*session).quit},
		{name: "watch", arity: -2, places: all, control: (*session).watch},
		{name: "unwatch", arity: 1, run: nothing, control: (*session).unwatch},
		{name: "multi", arity: 1, control: (*session).multi},
		{name: "exec", arity: 1, control: (*session).exec},
		{name: "discard", arity: 1, control: (*session).discard},
	}
}

// welcome lets somebody in, who may then take all the time there is. Strangers may not.
func (s *session) welcome(who *identity) {
	_ = s.stream.SetReadDeadline(time.Time{}) // if that fails, so does the next read
	s.who, s.in.maxArgs, s.in.maxBytes = who, mostArgs, int(s.db.config.MaxBody)
}

// prepare checks all of a command that can be checked without data.
func (s *session) prepare(args [][]byte) (*invocation, error) {
	c := s.db.commands[strings.ToLower(string(args[0]))]
	if c == nil {
		var rest strings.Builder
		for _, a := range args[1:min(len(args), 5)] {
			fmt.Fprintf(&rest, "'%.128s' ", a)
		}
		return nil, respError(fmt.Sprintf("ERR unknown command '%.128s', with args beginning with: %s", args[0], rest.String()))
	}
	v := &invocation{c, args}
	if !c.fits(len(args)) {
		return v, errArity(c.name)
	}
	if s.who == nil && c.name != "auth" && c.name != "hello" && c.name != "quit" {
		return v, errNoAuth
	}
	if keys := v.keys(); len(keys) > 0 && !s.who.enters(s.db.config.RESPNamespace) || v.writes && !s.who.writes() {
		return v, respError("NOPERM this user has no permissions to run the '" + c.name + "' command")
	} else if _, same := s.partition(keys); !same && (!c.split || s.queuing) {
		return v, errCrossSlot
	}
	return v, nil
}

// partition returns the partition of keys, if it is one.
func (s *session) partition(keys [][]byte) (string, bool) {
	partition := ""
	for i, k := range keys {
		p := api.Partition(respKey(s.db.config.RESPNamespace, k))
		if i > 0 && p != partition {
			return "", false
		}
		partition = p
	}
	return partition, true
}

// enqueue puts a command behind MULTI. Its keys are in the partition of all before it.
func (s *session) enqueue(v *invocation) (any, error) {
	for _, a := range v.args {
		s.size += len(a)
	}
	keys := v.keys()
	if partition, _ := s.partition(keys); len(keys) > 0 && !s.together(partition) {
		return nil, errCrossSlot
	}
	if v.run == nil {
		return nil, respError("ERR Command '" + v.name + "' not allowed inside a transaction")
	}
	if len(s.queue) == mostQueued || s.size > int(s.db.config.MaxBody) {
		return nil, respError(fmt.Sprintf("ERR a transaction has at most %d commands of %d bytes", mostQueued, s.db.config.MaxBody))
	}
	s.queue = append(s.queue, v)
	return queued, nil
}

// together tells whether what is queued and watched is in a partition.
func (s *session) together(partition string) bool {
	for _, key := range keysOf(s.db.config.RESPNamespace, s.queue, s.watched) {
		if api.Partition(key) != partition {
			return false
		}
	}
	return true
}

func (s *session) multi(context.Context, [][]byte) (any, error) {
	if s.queuing {
		return nil, respError("ERR MULTI calls can not be nested")
	}
	s.queuing = true
	return ok, nil
}

// end forgets what was queued and watched.
func (s *session) end() {
	s.queuing, s.spoilt, s.queue, s.size, s.watched = false, false, nil, 0, nil
}

func (s *session) discard(context.Context, [][]byte) (any, error) {
	if !s.queuing {
		return nil, respError("ERR DISCARD without MULTI")
	}
	s.end()
	return ok, nil
}

func (s *session) exec(ctx context.Context, _ [][]byte) (any, error) {
	if !s.queuing {
		return nil, respError("ERR EXEC without MULTI")
	}
	defer s.end()
	if s.spoilt {
		return nil, errExecAbort
	}
	if mutant.Planted == mutant.BlindExec {
		s.watched = nil
	}
	replies, err := s.db.runCommands(ctx, s.queue, s.watched)
	if err != nil {
		return nil, err
	}
	if replies == nil {
		return noList{}, nil
	}
	return replies, nil
}

func (s *session) watch(ctx context.Context, args [][]byte) (any, error) {
	if s.queuing {
		return nil, respError("ERR WATCH inside MULTI is not allowed")
	}
	if partition, _ := s.partition(args[1:]); !s.together(partition) {
		return nil, errCrossSlot
	}
	var keys []string
	for _, k := range args[1:] {
		keys = append(keys, respKey(s.db.config.RESPNamespace, k))
	}
	reply, err := s.db.run(ctx, &api.Txn{Then: gets(keys)})
	if err != nil {
		return nil, err
	}
	if s.watched == nil {
		s.watched = map[string]uint64{}
	}
	for key, r := range recordsOf(keys, reply.Results) {
		if _, is := s.watched[key]; !is {
			s.watched[key] = modified(r)
		}
	}
	return ok, nil
}

func (s *session) unwatch(context.Context, [][]byte) (any, error) {
	s.watched = nil
	return ok, nil
}

// nothing is UNWATCH within a transaction, whose end forgets what is watched.
func nothing(*work, [][]byte) (any, error) { return ok, nil }

func (s *session) quit(context.Context, [][]byte) (any, error) {
	s.closed = true
	return ok, nil
}
