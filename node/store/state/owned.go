package state

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"picloud/node/api"
	"picloud/node/codec"
)

// owned is the slots whose partitions the group holds, as its log says: what a node's configuration or
// the shard map says does not count. A group that was given none yet refuses nothing; whoever serves it
// gives it some first.
type owned struct {
	slots []api.SlotRange
	given bool
}

func (o *owned) hold(group uint32, partition string) bool {
	return !o.given || api.Holds(group, o.slots, partition)
}

func writeSlots(w *codec.Writer, slots []api.SlotRange) {
	w.Number(uint64(len(slots)))
	for _, r := range slots {
		w.Number(uint64(r.From))
		w.Number(uint64(r.End))
	}
}

func readSlots(r *codec.Reader) (slots []api.SlotRange) {
	number := func() uint32 {
		n := r.Number()
		if n > api.Slots {
			r.Fail()
		}
		return uint32(n)
	}
	for range r.Each() {
		slots = append(slots, api.SlotRange{From: number(), End: number()})
	}
	return slots
}

// readOwned reads what the group holds.
func (s *State) readOwned(from pebble.Reader) (o owned, err error) {
	b, err := s.get(from, s.key(tableOwned))
	if err != nil || b == nil {
		return o, err
	}
	r := codec.NewReader(b)
	o = owned{readSlots(r), true}
	if err := r.Done(); err != nil {
		return o, fmt.Errorf("the slots: %w", err)
	}
	return o, nil
}

// own gives the group slots, if it has none.
func (v *view) own(slots []api.SlotRange) error {
	if v.owned.given {
		return nil
	}
	v.owned = owned{slots, true}
	var w codec.Writer
	writeSlots(&w, slots)
	return v.put(v.state.key(tableOwned), nil, w)
}

// Owned tells whether the group was given slots.
func (s *State) Owned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned.given
}

func (s *State) holds(partition string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned.hold(s.group, partition)
}
