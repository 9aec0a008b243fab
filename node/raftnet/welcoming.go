package raftnet

import (
	"errors"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// welcoming is a transport by which a node votes for candidates that it does not know as voters.
//
// Hashicorp/raft (1.8.0) refuses them: "node is not in configuration". But a node that is behind has not heard of
// who came after it fell behind, and if a majority cannot do without its vote, nobody is ever elected, although
// all of them are well. Raft's own rule is that a node votes for whoever asks whose log is not behind its own: a
// candidate counts votes by its configuration, and that is the newer one (Ongaro's dissertation, section 4.2.2).
// So a candidate that is unknown is given the name of a voter that is known. Raft looks at that name for this
// one question; the vote is noted for the candidate's address.
type welcoming struct {
	prompt
	members  func() raft.Configuration
	mayVote  func() bool
	requests chan raft.RPC
	once     sync.Once
	closed   chan struct{}
}

func welcome(t prompt, members func() raft.Configuration, mayVote func() bool) *welcoming {
	if mayVote == nil {
		mayVote = func() bool { return true }
	}
	w := &welcoming{prompt: t, members: members, mayVote: mayVote, requests: make(chan raft.RPC), closed: make(chan struct{})}
	go w.pass()
	return w
}

// Consumer returns the requests that come in.
func (w *welcoming) Consumer() <-chan raft.RPC { return w.requests }

// Close ends the transport.
func (w *welcoming) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.prompt.Close()
}

func (w *welcoming) pass() {
	for {
		select {
		case r := <-w.prompt.Consumer():
			if w.refuses(&r) {
				continue
			}
			switch q := r.Command.(type) {
			case *raft.RequestVoteRequest:
				q.ID = voterFor(q.ID, w.members())
			case *raft.RequestPreVoteRequest:
				q.ID = voterFor(q.ID, w.members())
			}
			select {
			case w.requests <- r:
			case <-w.closed:
				return
			}
		case <-w.closed:
			return
		}
	}
}

// refuses tells whether a request is for a vote, or to lead, and the node does neither. It is answered then.
func (w *welcoming) refuses(r *raft.RPC) bool {
	var answer any
	var err error
	switch q := r.Command.(type) {
	case *raft.RequestVoteRequest:
		answer = &raft.RequestVoteResponse{RPCHeader: q.RPCHeader}
	case *raft.RequestPreVoteRequest:
		answer = &raft.RequestPreVoteResponse{RPCHeader: q.RPCHeader}
	case *raft.TimeoutNowRequest:
		answer, err = &raft.TimeoutNowResponse{RPCHeader: q.RPCHeader}, errNoVoter
	default:
		return false
	}
	if w.mayVote() {
		return false
	}
	r.Respond(answer, err)
	return true
}

var errNoVoter = errors.New("raftnet: the node does not vote yet")

// voterFor returns the candidate if it is a voter, and else one that is, if there is one.
func voterFor(candidate []byte, members raft.Configuration) []byte {
	votes := func(s raft.Server) bool { return s.Suffrage == raft.Voter }
	is := func(s raft.Server) bool { return votes(s) && s.ID == raft.ServerID(candidate) }
	if slices.ContainsFunc(members.Servers, is) {
		return candidate
	}
	if i := slices.IndexFunc(members.Servers, votes); i >= 0 {
		return []byte(members.Servers[i].ID)
	}
	return candidate
}
