package state

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/mutant"
)

// Entry is a command with its place in the log.
type Entry struct {
	Index, Term uint64
	Data        []byte
}

// Outcome is what came of a command: a reply for a transaction, a number for a session that was
// opened, or an error with a kind.
type Outcome struct {
	Reply   *api.Reply
	Session uint64
	Err     *api.Error
}

// Apply applies entries, with few writes, and returns what came of each. Entries that were applied
// before have the empty outcome. After an error some may have been applied, and the state must not be used
// any more: it is damaged, its disk is, or a command comes from a newer program.
func (s *State) Apply(entries []Entry) ([]Outcome, error) {
	v := s.next()
	defer func() { v.batch.Close() }()
	outcomes := make([]Outcome, len(entries))
	var told []marker
	for i := range entries {
		e := &entries[i]
		if e.Index <= v.marker.Index {
			continue
		}
		var err error
		if outcomes[i], err = v.apply(e); err != nil {
			return nil, fmt.Errorf("state: group %d: apply entry %d: %w", s.group, e.Index, err)
		}
		v.marker.Index, v.marker.Term = e.Index, e.Term
		if s.Tell != nil && e.Index%s.TellEvery == 0 {
			told = append(told, v.marker)
		}
	}
	if err := v.commit(); err != nil {
		return nil, fmt.Errorf("state: group %d: %w", s.group, err)
	}
	s.advance(v.marker, v.owned)
	for i := range told {
		s.Tell(told[i].Index, told[i].Digest)
	}
	return outcomes, nil
}

// next returns the state as what is applied next sees it, which goes into a batch.
func (s *State) next() *view {
	b := s.db.NewIndexedBatch()
	s.mu.Lock()
	defer s.mu.Unlock()
	return &view{state: s, from: b, batch: b, marker: s.marker, owned: s.owned}
}

// commit writes what was done, with the marker that counts it.
func (v *view) commit() error {
	if err := v.set(v.state.key(tableMarker), v.marker.encode()); err != nil {
		return err
	}
	return v.batch.Commit(pebble.NoSync)
}

// anew goes on with an empty batch.
func (v *view) anew() error {
	err := v.batch.Close()
	v.batch = v.state.db.NewIndexedBatch()
	v.from = v.batch
	return err
}

// Foresee returns what would come of a command if it were applied next, and changes nothing.
func (s *State) Foresee(data []byte) (Outcome, error) {
	v := s.next()
	defer func() { v.batch.Close() }()
	return v.apply(&Entry{Index: v.marker.Index + 1, Term: v.marker.Term, Data: data})
}

func (v *view) apply(e *Entry) (Outcome, error) {
	if len(e.Data) == 0 {
		return Outcome{}, nil
	}
	c, err := DecodeCommand(e.Data)
	if errors.Is(err, api.ErrChecksum) { // the same bytes lie in every log: nobody runs them
		return Outcome{Err: api.Errorf(api.Damaged, "run a transaction", fmt.Sprint("of entry ", e.Index), "%s", err)}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	switch c.Kind {
	case OpenSession:
		return Outcome{Session: e.Index}, v.putSession(e.Index, session{Used: v.marker.Clock})
	case Tick:
		return Outcome{}, v.tick(c.Elapsed)
	case Trim:
		return Outcome{}, v.trim(c.Before)
	case Own:
		return Outcome{}, v.own(c.Slots)
	}
	reply, refused, err := v.once(&c)
	return Outcome{Reply: reply, Err: refused}, err
}

// once runs the transaction of a session's request, or returns the reply that it had before.
func (v *view) once(command *Command) (*api.Reply, *api.Error, error) {
	c := &command.Request
	subject := fmt.Sprintf("request %d of session %d", c.Sequence, c.Session)
	open, is, err := v.session(c.Session)
	if err != nil {
		return nil, nil, err
	}
	if !is {
		return nil, api.Errorf(api.SessionExpired, doingTxn, subject, "there is no such session"), nil
	}
	if partition := c.Txn.Partition(); !v.owned.hold(v.state.group, partition) {
		return nil, api.Errorf(api.WrongGroup, doingTxn, subject, "group %d does not hold the partition %.80q", v.state.group, partition), nil
	}
	if c.Sequence <= open.Answered {
		return nil, api.Errorf(api.Replayed, doingTxn, subject, "the session has had its reply"), nil
	}
	tooLarge := func() *api.Error {
		return api.Errorf(api.Replayed, doingTxn, subject, "it took effect, and its reply was too large to keep")
	}
	if reply, is, err := v.storedReply(c.Session, c.Sequence); err != nil || is {
		if is && reply == nil {
			return nil, tooLarge(), err
		}
		return reply, nil, err
	}
	if mutant.Planted == mutant.UncomparedStates && !c.Txn.ReadOnly() && rand.IntN(500) == 0 {
		c.Txn = api.Txn{Then: []api.Op{{Kind: api.Get, Key: c.Txn.Partition()}}}
	}
	reply, refused, err := v.run(&c.Txn, command.Unbounded)
	if err != nil || refused != nil { // which may be otherwise when it comes again
		return nil, refused, err
	}
	if err := v.storeReply(c.Session, c.Sequence, reply); err != nil {
		return nil, nil, err
	}
	answered := max(open.Answered, min(c.Answered, c.Sequence-1))
	if err := v.forgetReplies(c.Session, open.Answered, answered); err != nil {
		return nil, nil, err
	}
	open.Used, open.Answered = v.marker.Clock, answered
	if reply == nil {
		refused = tooLarge()
	}
	return reply, refused, v.putSession(c.Session, open)
}
