package db

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/mutant"
)

// The limits of one MULTI, besides that it has as many bytes as a command.
const (
	mostQueued = 1000
	perArg     = 32 // bytes that an argument takes besides its own
)

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
	home    string            // the partition of what is queued and watched, empty if nothing is
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
	partition, _ := s.partition(v.keys())
	if !s.together(partition) {
		return nil, errCrossSlot
	}
	if v.run == nil {
		return nil, respError("ERR Command '" + v.name + "' not allowed inside a transaction")
	}
	size := s.size + perArg*len(v.args)
	for _, a := range v.args {
		size += len(a)
	}
	if len(s.queue) == mostQueued || size > int(s.db.config.MaxBody) {
		return nil, respError(fmt.Sprintf("ERR a transaction has at most %d commands of %d bytes, %d more for each argument", mostQueued, s.db.config.MaxBody, perArg))
	}
	s.queue, s.size, s.home = append(s.queue, v), size, cmp.Or(s.home, partition)
	return queued, nil
}

// together tells whether what is queued and watched may stand beside keys of a partition, or of none.
func (s *session) together(partition string) bool {
	return partition == "" || s.home == "" || partition == s.home
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
	s.queuing, s.spoilt, s.queue, s.size, s.home, s.watched = false, false, nil, 0, "", nil
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
	partition, _ := s.partition(args[1:])
	if !s.together(partition) {
		return nil, errCrossSlot
	}
	var keys []string
	fresh := 0
	for _, k := range args[1:] {
		key := respKey(s.db.config.RESPNamespace, k)
		if _, is := s.watched[key]; !is {
			fresh++
		}
		keys = append(keys, key)
	}
	if len(s.watched)+fresh > api.MaxTxnOps { // EXEC could not ask for them
		return nil, respError(fmt.Sprintf("ERR at most %d keys can be watched", api.MaxTxnOps))
	}
	reply, err := s.db.run(ctx, &api.Txn{Then: gets(keys)})
	if err != nil {
		return nil, err
	}
	s.home = partition
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
	s.home, s.watched = "", nil // nothing is queued: within MULTI it is nothing
	return ok, nil
}

// nothing is UNWATCH within MULTI: EXEC has looked at the watched keys by then, and forgets them.
func nothing(*work, [][]byte) (any, error) { return ok, nil }

func (s *session) quit(context.Context, [][]byte) (any, error) {
	s.closed = true
	return ok, nil
}
