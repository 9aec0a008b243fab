// Package kv is the map of keys to values that small clouds serve, as their clients see it: one
// request over HTTP, and clients that load a cloud and write down what they saw. What stands
// behind the request is for each cloud to say.
//
// A request is POST /do with a command; the answer says what stood under the key before. Status
// 421 means that the node is not the leader and has done nothing; it may name the leader. Status
// 503 means that nobody knows whether the command will take effect.
package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"picloud/node/host"
)

// Port is where nodes listen for requests.
const Port = "80"

const (
	path         = "/do"
	headerLeader = "X-Leader"
	maxBody      = 64 << 10
)

type answer struct {
	Before string `json:"before"`
}

// NotLeader says that a node has done nothing, because another one leads.
type NotLeader struct {
	Leader string // its name; empty if it is not known
}

func (e NotLeader) Error() string { return "not the leader" }

// Serve serves a map until the context ends or it cannot go on. do carries out a command and returns what stood under its key before; it
// returns a NotLeader if it has done nothing, and any other error if nobody knows.
func Serve(ctx context.Context, n host.Network, log *slog.Logger, do func(Command) (before string, err error)) error {
	l, err := n.Listen("tcp", ":"+Port)
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	server := &http.Server{Handler: handler(do), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("kv: %w", err)
	}
	return nil
}

func handler(do func(Command) (string, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, q *http.Request) {
		var c Command
		decoder := json.NewDecoder(http.MaxBytesReader(w, q.Body, maxBody))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&c)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		before, err := do(c)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer{Before: before})
	})
	return mux
}

func refuse(w http.ResponseWriter, err error) {
	var other NotLeader
	if !errors.As(err, &other) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if other.Leader != "" {
		w.Header().Set(headerLeader, other.Leader)
	}
	http.Error(w, err.Error(), http.StatusMisdirectedRequest)
}
