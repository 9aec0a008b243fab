package state

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/codec"
)

// maxStoredReply bounds the replies that sessions keep. A larger one is forgotten, and the state only
// knows that its request took effect.
const maxStoredReply = 64 << 10

// session is what is known of a client.
type session struct {
	Used     uint64 // the group's clock at its last request, ms
	Answered uint64 // it has had the replies to its requests up to this one
	stored   []byte // as it lies in its table
}

func (x *session) encode() []byte {
	var w codec.Writer
	w.Number(x.Used)
	w.Number(x.Answered)
	return w
}

func decodeSession(b []byte) (x session, err error) {
	r := codec.NewReader(b)
	x.stored = b
	x.Used, x.Answered = r.Number(), r.Number()
	return x, r.Done()
}

func (v *view) session(number uint64) (x session, is bool, err error) {
	b, err := v.state.get(v.from, v.state.key(tableSessions, big(number)))
	if err != nil || b == nil {
		return x, false, err
	}
	x, err = decodeSession(b)
	return x, true, err
}

// putSession writes a session in place of what is stored of it.
func (v *view) putSession(number uint64, x session) error {
	return v.put(v.state.key(tableSessions, big(number)), x.stored, x.encode())
}

// storedReply returns the reply that a request has had: nil if it was too large to keep.
func (v *view) storedReply(session, sequence uint64) (reply *api.Reply, is bool, err error) {
	b, err := v.state.get(v.from, v.state.key(tableReplies, big(session), big(sequence)))
	if err != nil || b == nil {
		return nil, false, err
	}
	if len(b) == 0 {
		return nil, true, nil
	}
	r := codec.NewReader(b)
	p := api.ReadReply(r)
	return &p, true, r.Done()
}

func (v *view) storeReply(session, sequence uint64, reply *api.Reply) error {
	var w codec.Writer
	if reply != nil {
		api.WriteReply(&w, reply)
	}
	if len(w) > maxStoredReply {
		w = nil
	}
	return v.put(v.state.key(tableReplies, big(session), big(sequence)), nil, w)
}

// forgetReplies removes the replies after one request up to another.
func (v *view) forgetReplies(session, after, upTo uint64) error {
	if upTo <= after {
		return nil
	}
	return v.dropRows(v.state.key(tableReplies, big(session), big(after+1)), v.state.key(tableReplies, big(session), big(upTo+1)))
}

// dropRows removes rows that the digest counts.
func (v *view) dropRows(from, to []byte) error {
	type pair struct{ key, value []byte }
	var gone []pair
	err := v.rows(from, to, false, func(key, value []byte) (bool, error) {
		gone = append(gone, pair{key, value})
		return true, nil
	})
	for i := 0; i < len(gone) && err == nil; i++ {
		err = v.drop(gone[i].key, gone[i].value)
	}
	return err
}

// tick lets time go on: it removes records whose time is over, up to maxExpired, and sessions that
// were idle for too long.
func (v *view) tick(elapsed uint64) error {
	v.marker.Clock += elapsed
	var over [][]byte
	err := v.rows(v.state.key(tableExpiry), v.state.key(tableExpiry, big(v.marker.Clock+1)), false, func(key, _ []byte) (bool, error) {
		over = append(over, key[len(v.state.prefix)+1+8:])
		return len(over) < maxExpired, nil
	})
	v.txn = txn{unbounded: true}
	for i := 0; i < len(over) && err == nil; i++ {
		var r *row
		if r, err = v.find(keyAt(over[i])); err == nil {
			if r == nil {
				return ErrDamaged // a record is scheduled and not there
			}
			err = v.remove(r, api.Expired)
		}
	}
	if err != nil {
		return err
	}
	v.close()
	return v.endSessions()
}

// endSessions removes sessions that were idle for too long, with their replies.
func (v *view) endSessions() error {
	var idle []uint64
	err := v.rows(v.state.key(tableSessions), v.state.key(tableSessions+1), false, func(key, value []byte) (bool, error) {
		x, err := decodeSession(value)
		if x.Used+SessionIdle < v.marker.Clock {
			idle = append(idle, binary.BigEndian.Uint64(key[len(v.state.prefix)+1:]))
		}
		return true, err
	})
	for i := 0; i < len(idle) && err == nil; i++ {
		key := v.state.key(tableSessions, big(idle[i]))
		if err = v.dropRows(key, v.state.key(tableSessions, big(idle[i]+1))); err == nil {
			err = v.dropRows(v.state.key(tableReplies, big(idle[i])), v.state.key(tableReplies, big(idle[i]+1)))
		}
	}
	return err
}

// Expires tells whether there are records that are to expire.
func (s *State) Expires() bool {
	some, err := s.some(s.key(tableExpiry), s.key(tableExpiry+1))
	return err != nil || some
}

// Overdue tells whether there are records whose time is over, which the next tick removes.
func (s *State) Overdue() (bool, error) {
	s.mu.Lock()
	now := s.marker.Clock
	s.mu.Unlock()
	return s.some(s.key(tableExpiry), s.key(tableExpiry, big(now+1)))
}

// some tells whether there are rows from one key up to another.
func (s *State) some(from, to []byte) (bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return false, err
	}
	found := it.First()
	return found, it.Close()
}
