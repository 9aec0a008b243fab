package cache

import "time"

// heat counts reads by the hashes of their items, in rows that are begun anew each second. Items that share a row are
// counted together: some are taken for hot that are not, which costs a few more copies.
type heat struct {
	second    time.Time
	now, last [4096]uint32
}

// read counts a read, and returns how many the item had in this second or the last one, whichever had more.
func (h *heat) read(hash uint64, now time.Time) int {
	switch gone := now.Sub(h.second); {
	case gone >= 2*time.Second:
		h.second, h.now, h.last = now, [4096]uint32{}, [4096]uint32{}
	case gone >= time.Second:
		h.second, h.now, h.last = h.second.Add(time.Second), [4096]uint32{}, h.now
	}
	row := hash % uint64(len(h.now))
	h.now[row]++
	return int(max(h.now[row], h.last[row]))
}
