package firstcloud

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
)

// A request is POST /do with a command; the answer says what stood under the key before. Status
// 421 means that the node is not the leader and has done nothing; it may name the leader. Status
// 503 means that nobody knows whether the command will take effect.
const path = "/do"

const (
	headerLeader = "X-Leader"
	maxBody      = 64 << 10
	applyTimeout = 2 * time.Second
)

type answer struct {
	Before string `json:"before"`
}

func newAPI(r *raft.Raft, s *state) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, q *http.Request) {
		var c command
		decoder := json.NewDecoder(http.MaxBytesReader(w, q.Body, maxBody))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&c)
		if err == nil {
			err = c.validate()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if before, done := shortCut(r, s, c); done {
			reply(w, before)
			return
		}
		serve(w, r, c)
	})
	return mux
}

func reply(w http.ResponseWriter, before string) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer{Before: before})
}

// serve puts a command through the log.
func serve(w http.ResponseWriter, r *raft.Raft, c command) {
	data, err := json.Marshal(c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	future := r.Apply(data, applyTimeout)
	switch err := future.Error(); {
	case err == nil:
	case mutant.Planted == mutant.FalseFailure && errors.Is(err, raft.ErrLeadershipLost),
		errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		if _, id := r.LeaderWithID(); id != "" {
			w.Header().Set(headerLeader, string(id))
		}
		http.Error(w, err.Error(), http.StatusMisdirectedRequest)
		return
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	before, ok := future.Response().(string)
	if !ok {
		http.Error(w, "the state machine refused the command", http.StatusInternalServerError)
		return
	}
	reply(w, before)
}
