package db

import (
	"context"
	"strings"
)

// command is one of Redis' commands.
type command struct {
	name   string
	arity  int    // with the name; at least so many if it is negative
	places places // of its keys
	writes bool
	split  bool // keys of several partitions are done partition by partition
	// run does it on data. It is a function of the work and the arguments, because it may be run again.
	run func(w *work, args [][]byte) (any, error)
	// control does it on the connection, once all commands before it are done. One of both is there; of both, run is
	// for MULTI.
	control func(s *session, ctx context.Context, args [][]byte) (any, error)
}

// places says which arguments are keys: from first to last, which counts from the end if it is negative.
type places struct{ first, last, step int }

// invocation is a command with its arguments, the name being the first.
type invocation struct {
	*command
	args [][]byte
}

// keys returns the arguments that are keys.
func (v *invocation) keys() [][]byte {
	last := v.places.last
	if last < 0 {
		last += len(v.args)
	}
	var keys [][]byte
	for i := v.places.first; i > 0 && i <= last; i += v.places.step {
		keys = append(keys, v.args[i])
	}
	return keys
}

// fits tells whether the number of arguments is right.
func (c *command) fits(n int) bool { return n == c.arity || c.arity < 0 && n >= -c.arity }

func errArity(name string) error {
	return respError("ERR wrong number of arguments for '" + name + "' command")
}

// commands returns all commands by their names, in lower case.
func commands() map[string]*command {
	table := map[string]*command{}
	for _, list := range [][]command{stringCommands(), hashCommands(), keyCommands(), connectionCommands()} {
		for _, c := range list {
			table[c.name] = &c
		}
	}
	return table
}

func ping(_ *work, args [][]byte) (any, error) {
	switch len(args) {
	case 1:
		return status("PONG"), nil
	case 2:
		return args[1], nil
	}
	return nil, errArity("ping")
}

func echo(_ *work, args [][]byte) (any, error) { return args[1], nil }

func selectDB(_ *work, args [][]byte) (any, error) {
	if n, err := integer(args[1]); err != nil || n != 0 {
		return nil, respError("ERR DB index is out of range")
	}
	return ok, nil
}

// word returns an argument that is a keyword.
func word(arg []byte) string { return strings.ToUpper(string(arg)) }
