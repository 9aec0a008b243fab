package state

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// errReplaced says that a copy has taken the place of the state that is being read.
var errReplaced = errors.New("the state was replaced meanwhile")

// A pebble.Snapshot is no instant where something is excised: reads that begin later see that it is gone, though it was there. So what is short holds
// replacing while it reads, and what is long begins with an instant and asks it at the end.

// instant is the state as it is now, to be read for as long as it is not replaced.
type instant struct {
	*pebble.Snapshot
	state    *State
	replaced uint64
}

func (s *State) instant() instant {
	s.replacing.RLock()
	defer s.replacing.RUnlock()
	return instant{s.db.NewSnapshot(), s, s.replaced}
}

// gone tells whether the state has been replaced since, so that what was read may be neither of the two.
func (i instant) gone() bool {
	i.state.replacing.RLock()
	defer i.state.replacing.RUnlock()
	return i.state.replaced != i.replaced
}
