// Package state is what a raft group agrees on: an ordered map of keys to records, the history of its
// changes, the sessions of its clients. It lies in the node's Pebble, beside the logs of all groups and
// the states of the others.
//
// Invariants:
//   - The state is a function of the commands that were applied and of nothing else: no clock, no
//     random number, no order of maps. Replicas that applied the same commands have the same digest.
//   - Some commands and the marker that counts them are one write, so what is applied again after
//     a crash is recognised and left out. It is not synced: the log is, and it is cut only behind
//     entries whose effects lie in the same write-ahead log before the cut.
//   - A revision belongs to one transaction, expiry included, and its events stand in the history until
//     it is trimmed.
//   - A request of a session takes effect once, however often it is applied, for as long as the session
//     lives; after that it is refused.
//   - Every row carries a checksum over its key and its value that is verified on every read.
package state

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/codec"
	"picloud/node/sealed"
)

// SessionIdle is how long a session lives that sends nothing, ms of the group's clock.
const SessionIdle = 60 * 60 * 1000

// maxExpired bounds how many records one tick removes; the next one removes more.
const maxExpired = 256

// ErrDamaged says that a row does not match its checksum: this copy of the state is not good.
var ErrDamaged = errors.New("damaged row")

// State is a group's state on one node. Apply is called by one goroutine at a time; all other
// methods may be called beside it.
type State struct {
	db     *pebble.DB
	group  uint32
	prefix []byte

	// Tell, if it is not nil, is called by Apply with the digest after each entry whose index is a multiple
	// of TellEvery, so that replicas can be compared.
	Tell      func(index, digest uint64)
	TellEvery uint64

	replacing sync.RWMutex // held by who replaces the state, and shared by who reads several of its rows
	replaced  uint64       // how often it was

	mu      sync.Mutex
	marker  marker
	owned   owned
	changed chan struct{} // closed when the marker is another one
}

// marker stands for all that was applied.
type marker struct {
	Index    uint64 // of the last entry
	Term     uint64 // of that entry
	Revision uint64 // of the last change
	Oldest   uint64 // the first revision whose events are kept
	Clock    uint64 // time as far as leaders have seen it go on, ms
	Digest   uint64 // sum of the hashes of all records, sessions and replies
	Records  uint64
}

func (m *marker) encode() []byte {
	var w codec.Writer
	for _, n := range []uint64{m.Index, m.Term, m.Revision, m.Oldest, m.Clock, m.Digest, m.Records} {
		w.Number(n)
	}
	return w
}

func (m *marker) decode(b []byte) error {
	r := codec.NewReader(b)
	for _, n := range []*uint64{&m.Index, &m.Term, &m.Revision, &m.Oldest, &m.Clock, &m.Digest, &m.Records} {
		*n = r.Number()
	}
	return r.Done()
}

// Open opens the state of a group, which is empty where nothing was applied.
func Open(db *pebble.DB, group uint32) (*State, error) {
	s := &State{db: db, group: group, prefix: tablesOf(group), marker: marker{Oldest: 1}, changed: make(chan struct{})}
	var err error
	if s.marker, err = s.readMarker(db); err == nil {
		s.owned, err = s.readOwned(db)
	}
	if err != nil {
		return nil, fmt.Errorf("state: open group %d: %w", group, err)
	}
	return s, nil
}

func (s *State) readMarker(from pebble.Reader) (marker, error) {
	m := marker{Oldest: 1}
	b, err := s.get(from, s.key(tableMarker))
	if err != nil || b == nil {
		return m, err
	}
	if err := m.decode(b); err != nil {
		return m, fmt.Errorf("the marker: %w", err)
	}
	return m, nil
}

// get returns the value of a row, nil if there is none, and ErrDamaged if it is not what was written.
func (s *State) get(from pebble.Reader, key []byte) ([]byte, error) {
	stored, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	value, ok := sealed.Open(key, stored)
	if !ok {
		return nil, ErrDamaged
	}
	return append([]byte{}, value...), nil
}

// rowHash is what the digest sums up.
func rowHash(key, value []byte) uint64 {
	d := xxhash.New()
	d.Write(key[prefixBytes:]) // the same on every node and in every group
	d.Write(value)
	return d.Sum64()
}

const prefixBytes = 5

// Applied returns the index and the term of the last entry that was applied.
func (s *State) Applied() (index, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marker.Index, s.marker.Term
}

// Revision returns the revision of the last change, and the first one whose events are kept.
func (s *State) Revision() (last, oldest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marker.Revision, s.marker.Oldest
}

// Digest returns the digest of the state after the last entry that was applied.
func (s *State) Digest() (index, digest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marker.Index, s.marker.Digest
}

// Changed returns what is closed when more has been applied than now.
func (s *State) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// advance makes a marker known to those who wait for it.
func (s *State) advance(m marker, own owned) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marker, s.owned = m, own
	close(s.changed)
	s.changed = make(chan struct{})
}

// Read runs a transaction that changes nothing on the state as it is at one instant.
func (s *State) Read(t *api.Txn) (*api.Reply, error) {
	if !t.ReadOnly() {
		return nil, api.Errorf(api.BadRequest, "read", "", "the transaction writes")
	}
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	m, err := s.readMarker(snapshot)
	if err != nil {
		return nil, err
	}
	own, err := s.readOwned(snapshot)
	if err != nil {
		return nil, err
	}
	if partition := t.Partition(); !own.hold(s.group, partition) {
		return nil, api.Errorf(api.WrongGroup, "read", "", "group %d does not hold the partition %.80q", s.group, partition)
	}
	v := &view{state: s, from: snapshot, marker: m}
	reply, refused, err := v.run(t, false)
	if refused != nil {
		return nil, refused
	}
	return reply, err
}
