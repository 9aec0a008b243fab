package cache

import (
	"time"

	"picloud/node/api"
	"picloud/node/codec"
)

// The methods that a cache server serves, by package rpc.
const (
	methodRead = "cache-read" // readCall -> answer
	methodFill = "cache-fill" // fillCall -> 1 if it was taken, else 0
)

// readCall asks for an item.
type readCall struct {
	id     []byte
	spread bool // the client spreads its reads of the item over several servers
}

func (c *readCall) encode() []byte {
	w := make(codec.Writer, 0, len(c.id)+4)
	w.Flag(c.spread)
	w.Bytes(c.id)
	return w
}

func decodeReadCall(data []byte) (c readCall, err error) {
	r := codec.NewReader(data)
	c = readCall{spread: r.Flag(), id: r.Bytes()}
	return c, r.Done()
}

// outcome is what a server says.
type outcome string

const (
	kept    outcome = "kept"    // here is the answer
	leased  outcome = "leased"  // read the store, and offer the answer with the token
	refused outcome = "refused" // read the store
)

var outcomes = [...]outcome{kept, leased, refused}

// answer is a server's answer to a readCall.
type answer struct {
	outcome outcome
	token   uint64 // of leased

	// of kept
	age   time.Duration // how old it may have been when the server answered
	limit time.Duration // how old it may be
	hot   bool          // many ask for the item: spread your reads
	reply []byte        // an api.Reply with one result
}

func (a *answer) encode() []byte {
	w := make(codec.Writer, 0, len(a.reply)+32)
	codec.Place(&w, outcomes[:], a.outcome)
	switch a.outcome {
	case kept:
		w.Number(uint64(a.age))
		w.Number(uint64(a.limit))
		w.Flag(a.hot)
		w.Bytes(a.reply)
	case leased:
		w.Number(a.token)
	}
	return w
}

func decodeAnswer(data []byte) (a answer, err error) {
	r := codec.NewReader(data)
	switch a.outcome = codec.One(r, outcomes[:]); a.outcome {
	case kept:
		a.age, a.limit = time.Duration(r.Number()), time.Duration(r.Number())
		a.hot, a.reply = r.Flag(), r.Bytes()
		if min(a.age, a.limit) < 0 {
			r.Fail()
		}
	case leased:
		a.token = r.Number()
	}
	return a, r.Done()
}

// fillCall offers what was read of the store with a lease.
type fillCall struct {
	id    []byte
	token uint64
	reply []byte
}

func (c *fillCall) encode() []byte {
	w := make(codec.Writer, 0, len(c.id)+len(c.reply)+24)
	w.Bytes(c.id)
	w.Number(c.token)
	w.Bytes(c.reply)
	return w
}

func decodeFillCall(data []byte) (c fillCall, err error) {
	r := codec.NewReader(data)
	c = fillCall{id: r.Bytes(), token: r.Number(), reply: r.Bytes()}
	return c, r.Done()
}

// decodeReply reads a reply to one read.
func decodeReply(data []byte) (*api.Reply, error) {
	reply, err := api.DecodeReply(data)
	if err == nil && len(reply.Results) != 1 {
		err = codec.ErrMalformed
	}
	return reply, err
}
