package db

import (
	"context"
	"fmt"
	"strings"
)

// What clients take the server for.
const (
	likeRedis  = "7.0.0"
	serverName = "picloud"
)

func (s *session) auth(_ context.Context, args [][]byte) (any, error) {
	if len(args) > 3 {
		return nil, errSyntax
	}
	if s.db.open() {
		return nil, respError("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	}
	who := s.db.bearer(string(args[len(args)-1])) // a user's name before it says nothing
	if who == nil {
		return nil, errWrongPass
	}
	s.welcome(who)
	return ok, nil
}

// hello speaks RESP 2 only; clients that want another fall back to it.
func (s *session) hello(ctx context.Context, args [][]byte) (any, error) {
	if len(args) > 1 {
		if version, err := integer(args[1]); err != nil {
			return nil, respError("ERR Protocol version is not an integer or out of range")
		} else if version != 2 {
			return nil, errNoProto
		}
	}
	name := s.name
	for i := 2; i < len(args); {
		switch option := word(args[i]); {
		case option == "AUTH" && i+2 < len(args):
			if _, err := s.auth(ctx, args[i:i+3]); err != nil {
				return nil, err
			}
			i += 3
		case option == "SETNAME" && i+1 < len(args):
			name = string(args[i+1])
			i += 2
		default:
			return nil, respError(fmt.Sprintf("ERR Syntax error in HELLO option '%.40s'", args[i]))
		}
	}
	if s.who == nil {
		return nil, respError("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	}
	s.name = name
	return []any{"server", serverName, "version", likeRedis, "proto", int64(2), "id", s.id, "mode", "standalone", "role", "master", "modules", []any{}}, nil
}

func (s *session) client(_ context.Context, args [][]byte) (any, error) {
	switch sub := word(args[1]); {
	case sub == "SETNAME" && len(args) == 3:
		if strings.ContainsAny(string(args[2]), " \n\r") {
			return nil, respError("ERR Client names cannot contain spaces, newlines or special characters.")
		}
		s.name = string(args[2])
		return ok, nil
	case sub == "GETNAME" && len(args) == 2:
		if s.name == "" {
			return nil, nil
		}
		return s.name, nil
	case sub == "SETINFO" && len(args) == 4:
		return ok, nil
	case sub == "ID" && len(args) == 2:
		return s.id, nil
	}
	return nil, errSubcommand("client", args[1])
}

func errSubcommand(name string, sub []byte) error {
	return respError(fmt.Sprintf("ERR unknown subcommand or wrong number of arguments for '%.40s' of '%s'", sub, name))
}

func (s *session) command(_ context.Context, args [][]byte) (any, error) {
	if len(args) > 1 && word(args[1]) == "COUNT" {
		return int64(len(s.db.commands)), nil
	}
	if len(args) == 1 || word(args[1]) == "DOCS" {
		return []any{}, nil
	}
	return nil, errSubcommand("command", args[1])
}

// configGet answers what benchmarks ask about persistence.
func (s *session) configGet(_ context.Context, args [][]byte) (any, error) {
	if word(args[1]) != "GET" || len(args) < 3 {
		return nil, errSubcommand("config", args[1])
	}
	list := []any{}
	for _, name := range args[2:] {
		switch strings.ToLower(string(name)) {
		case "save":
			list = append(list, "save", "")
		case "appendonly":
			list = append(list, "appendonly", "yes")
		}
	}
	return list, nil
}

func (s *session) info(context.Context, [][]byte) (any, error) {
	return "# Server\r\nredis_version:" + likeRedis + "\r\nredis_mode:standalone\r\nserver_name:" + serverName + "\r\n# Replication\r\nrole:master\r\n", nil
}
