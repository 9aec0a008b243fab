package museum

import "picloud/scenarios/kv"

// update carries out a command on the values. It returns what stood under the key before, and the
// number of the last change that this tells of.
func update(s *store, c kv.Command) (before string, seen uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.values[c.Key]
	if after := c.After(before); after != before {
		s.put(c.Key, after, record(c.Key, after))
	}
	return before, s.last
}
