package api

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"picloud/node/codec"
)

// The methods that a store node serves to clients and other nodes.
const (
	MethodSession = "session" // GroupCall -> number of a new session
	MethodTxn     = "txn"     // TxnCall -> Reply
	MethodRead    = "read"    // ReadCall -> StaleReply
	MethodEvents  = "events"  // EventsCall -> Events
	MethodFollow  = "follow"  // FollowCall -> Changes
	MethodShards  = "shards"  // nothing -> ShardMap as JSON, as this node knows it
	MethodTerms   = "terms"   // groups -> their terms
	MethodApplied = "applied" // groups -> the last entries that the node has applied
	MethodHowFar  = "how-far" // groups -> how far each has come: nothing is known (0), begun (1), has run (2)
	MethodOffer   = "offer"   // groups -> as for applied; a node that is to lead nothing refuses
	MethodMembers = "members" // MembersCall as JSON -> Membership as JSON
	MethodHost    = "host"    // HostCall as JSON -> nothing
)

// Numbers are a list of numbers.
type Numbers []uint64

// Encode returns the list as bytes.
func (n Numbers) Encode() []byte {
	var w codec.Writer
	w.Number(uint64(len(n)))
	for _, x := range n {
		w.Number(x)
	}
	return w
}

// DecodeNumbers reads a list.
func DecodeNumbers(data []byte) (n Numbers, err error) {
	r := codec.NewReader(data)
	for range r.Each() {
		n = append(n, r.Number())
	}
	return n, r.Done()
}

// AskOfEach asks for a number of each of some groups: ask sends the question and returns the answer. Its error is returned as it is; bad says
// that the error is about an answer that makes no sense.
func AskOfEach(groups []uint32, ask func(question []byte) ([]byte, error)) (n []uint64, bad bool, err error) {
	question := make(Numbers, len(groups))
	for i, g := range groups {
		question[i] = uint64(g)
	}
	answer, err := ask(question.Encode())
	if err != nil {
		return nil, false, err
	}
	n, err = DecodeNumbers(answer)
	if err == nil && len(n) != len(groups) {
		err = fmt.Errorf("%d numbers of %d groups", len(n), len(groups))
	}
	return n, err != nil, err
}

// TxnCall is an encoded Request for a group.
type TxnCall struct {
	Group   uint32
	Request []byte
}

// Encode returns the call as bytes.
func (c *TxnCall) Encode() []byte {
	w := make(codec.Writer, 0, len(c.Request)+5)
	w.Number(uint64(c.Group))
	return append(w, c.Request...)
}

// DecodeTxnCall reads a call; its request belongs to data.
func DecodeTxnCall(data []byte) (c TxnCall, err error) {
	r := codec.NewReader(data)
	c.Group = readGroup(r)
	c.Request = r.Rest()
	return c, r.Done()
}

func readGroup(r *codec.Reader) uint32 {
	n := r.Number()
	if n > 1<<32-1 {
		r.Fail()
	}
	return uint32(n)
}

// ReadCall is a transaction that only reads.
type ReadCall struct {
	Group uint32
	Stale bool // whatever the node has
	Txn   Txn
}

// Encode returns the call as bytes.
func (c *ReadCall) Encode() ([]byte, error) {
	w := make(codec.Writer, 0, 64)
	w.Number(uint64(c.Group))
	w.Flag(c.Stale)
	err := WriteTxn(&w, &c.Txn)
	return w, err
}

// DecodeReadCall reads a call.
func DecodeReadCall(data []byte) (c ReadCall, err error) {
	r := codec.NewReader(data)
	c = ReadCall{Group: readGroup(r), Stale: r.Flag(), Txn: ReadTxn(r)}
	return c, r.Done()
}

// Encode returns the reply as bytes.
func (p *Reply) Encode() []byte {
	w := make(codec.Writer, 0, 64)
	WriteReply(&w, p)
	return w
}

// DecodeReply reads a reply; its values belong to data.
func DecodeReply(data []byte) (*Reply, error) {
	r := codec.NewReader(data)
	p := ReadReply(r)
	return &p, r.Done()
}

// Encode returns the reply as bytes.
func (p *StaleReply) Encode() []byte {
	w := make(codec.Writer, 0, 64)
	w.Number(uint64(max(p.Age, 0)))
	WriteReply(&w, &p.Reply)
	return w
}

// DecodeStaleReply reads a reply; its values belong to data.
func DecodeStaleReply(data []byte) (*StaleReply, error) {
	r := codec.NewReader(data)
	p := &StaleReply{Age: time.Duration(r.Number())}
	p.Reply = ReadReply(r)
	return p, r.Done()
}

// EventsCall is a watch of a group.
type EventsCall struct {
	Group uint32
	Watch Watch
}

// Encode returns the call as bytes.
func (c *EventsCall) Encode() []byte {
	var w codec.Writer
	w.Number(uint64(c.Group))
	w.Text(c.Watch.Key)
	w.Text(c.Watch.End)
	w.Number(c.Watch.From)
	return w
}

// DecodeEventsCall reads a call.
func DecodeEventsCall(data []byte) (c EventsCall, err error) {
	r := codec.NewReader(data)
	c = EventsCall{readGroup(r), Watch{Key: r.Text(), End: r.Text(), From: r.Number()}}
	return c, r.Done()
}

// Encode returns the events as bytes.
func (e *Events) Encode() (_ []byte, err error) {
	w := make(codec.Writer, 0, 64)
	w.Number(e.Next)
	w.Number(uint64(len(e.Events)))
	for i := range e.Events {
		w.Number(e.Events[i].Revision)
		err = errors.Join(err, WriteEvent(&w, &e.Events[i]))
	}
	return w, err
}

// DecodeEvents reads events; their values belong to data.
func DecodeEvents(data []byte) (*Events, error) {
	r := codec.NewReader(data)
	e := &Events{Next: r.Number()}
	for range r.Each() {
		revision := r.Number()
		event := ReadEvent(r)
		event.Revision = revision
		e.Events = append(e.Events, event)
	}
	return e, r.Done()
}

// MembersCall asks a group's leader for its members, or to change them.
type MembersCall struct {
	Group uint32 `json:"group"`
	// Add makes a node a member: it learns first, and votes when it has caught up. Remove ends a node's
	// membership. Lead hands the leadership to a node. At most one of the three is given.
	Add    string `json:"add,omitempty"`
	Remove string `json:"remove,omitempty"`
	Lead   string `json:"lead,omitempty"`
}

// Membership is who belongs to a group.
type Membership struct {
	Leader   string   `json:"leader"`
	Voters   []string `json:"voters"`
	Learners []string `json:"learners"`
}

// Has tells whether a node is a member.
func (m *Membership) Has(node string) bool {
	return slices.Contains(m.Voters, node) || slices.Contains(m.Learners, node)
}

// HostCall tells a node that a group's leader wants it to have a member of the group, or not to.
type HostCall struct {
	Group uint32 `json:"group"`
	End   bool   `json:"end,omitempty"` // forget the member and its state
	// Who leads, in which term, and up to which entry the group had agreed when it did: a member that begins votes from there on.
	Leader string `json:"leader,omitempty"`
	Term   uint64 `json:"term,omitempty"`
	Agreed uint64 `json:"agreed,omitempty"`
}
