package state

import (
	"encoding/binary"

	"picloud/node/api"
	"picloud/node/codec"
)

// event notes what happened to a key in the revision that is being made.
func (v *view) event(kind api.EventKind, now *api.Record) error {
	var w codec.Writer
	if err := api.WriteEvent(&w, &api.Event{Kind: kind, Record: *now}); err != nil {
		return err
	}
	key := v.state.key(tableHistory, big(v.marker.Revision+1), big(v.events))
	v.events++
	return v.set(key, w)
}

// trim forgets the events of the revisions before one.
func (v *view) trim(before uint64) error {
	before = min(before, v.marker.Revision+1)
	if before <= v.marker.Oldest {
		return nil
	}
	from, to := v.state.key(tableHistory, big(v.marker.Oldest)), v.state.key(tableHistory, big(before))
	v.marker.Oldest = before
	return v.batch.DeleteRange(from, to, nil)
}

// Events returns the events from a revision on, whole revisions, about as many as wanted, and the
// revision after the last of them. It refuses revisions that are no longer kept, with the kind Compacted,
// and those that are not next or earlier, with the kind Future.
func (s *State) Events(from uint64, want int) (events []api.Event, next uint64, err error) {
	const doing = "read the history"
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	m, err := s.readMarker(snapshot)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case from < m.Oldest:
		e := api.Errorf(api.Compacted, doing, "", "revision %d is no longer kept, the first is %d", from, m.Oldest)
		e.Revision = m.Oldest
		return nil, 0, e
	case from > m.Revision+1:
		return nil, 0, api.Errorf(api.Future, doing, "", "revision %d has not been reached, the last is %d", from, m.Revision)
	}
	v := &view{state: s, from: snapshot, marker: m}
	next = m.Revision + 1
	err = v.rows(s.key(tableHistory, big(from)), s.key(tableHistory+1), false, func(key, value []byte) (bool, error) {
		revision := binary.BigEndian.Uint64(key[len(s.prefix)+1:])
		if len(events) >= want && events[len(events)-1].Revision != revision {
			next = revision
			return false, nil
		}
		r := codec.NewReader(value)
		e := api.ReadEvent(r)
		e.Revision = revision
		events = append(events, e)
		return true, r.Done()
	})
	return events, next, err
}

// Follow returns which keys of some partitions have changed, from a revision on, as far as Watch would.
func (s *State) Follow(f *api.Follow, want int) (*api.Changes, error) {
	followed := make(map[string]bool, len(f.Partitions))
	for _, p := range f.Partitions {
		if !s.holds(p) {
			return nil, api.Errorf(api.WrongGroup, "follow", p, "group %d does not hold the partition", s.group)
		}
		followed[p] = true
	}
	last, _ := s.Revision()
	found := &api.Changes{Next: f.From}
	if found.Next == 0 {
		found.Next = last + 1
	}
	if found.Next > last+1 {
		return nil, api.Errorf(api.Future, "follow", "", "revision %d has not been reached, the last is %d", f.From, last)
	}
	events, next, err := s.happened(found.Next, last, want, func(key string) bool { return followed[api.Partition(key)] })
	if err != nil {
		return nil, err
	}
	size := 0
	for i := range events {
		key := events[i].Record.Key
		found.Changes = append(found.Changes, api.Change{Revision: events[i].Revision, Key: key})
		size += len(key)
	}
	found.Next = next
	if size > api.MaxChanged {
		return nil, api.Errorf(api.Compacted, "follow", "", "more has changed at once than one answer holds")
	}
	found.Current = found.Next > last
	return found, nil
}

// Watch returns the events of a watch that have happened, about as many as wanted, and where to go on.
func (s *State) Watch(w *api.Watch, want int) (*api.Events, error) {
	found := &api.Events{Next: w.From}
	if partition := api.Partition(w.Key); !s.holds(partition) {
		return nil, api.Errorf(api.WrongGroup, "watch", w.Key, "group %d does not hold the partition %.80q", s.group, partition)
	}
	last, _ := s.Revision()
	if found.Next == 0 {
		found.Next = last + 1
	}
	var err error
	found.Events, found.Next, err = s.happened(found.Next, last, want, w.Holds)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// happened returns the events of some keys, from a revision on, and where to go on. It looks at about as many events as wanted
// at a time, until it has found some that count or has seen all up to the last revision.
func (s *State) happened(from, last uint64, want int, counts func(key string) bool) (found []api.Event, next uint64, _ error) {
	for next = from; len(found) == 0 && next <= last; {
		events, after, err := s.Events(next, want)
		if err != nil {
			return nil, 0, err
		}
		for i := range events {
			if counts(events[i].Record.Key) {
				found = append(found, events[i])
			}
		}
		next = after
	}
	return found, next, nil
}
