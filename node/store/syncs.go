package store

import (
	"math/bits"
	"sync"
	"time"
)

// syncs counts how long writes took in each of the last seconds. The zero value has counted none.
type syncs struct {
	mu    sync.Mutex
	zero  time.Time
	slots [60]syncSlot // by the second, modulo their number
}

// syncSlot is a second. Durations are counted by their size to an eighth.
type syncSlot struct {
	second  int64
	counts  [64 * 8]int32
	slowest time.Duration
}

func (y *syncs) wrote(now time.Time, took time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.zero.IsZero() {
		y.zero = now
	}
	second := int64(now.Sub(y.zero) / time.Second)
	s := &y.slots[second%int64(len(y.slots))]
	if s.second != second {
		*s = syncSlot{second: second}
	}
	s.counts[size(took)]++
	s.slowest = max(s.slowest, took)
}

// last returns what 99 of 100 writes of the last minute took at most, to an eighth less, and what the slowest did.
func (y *syncs) last(now time.Time) (tail, slowest time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var counts [64 * 8]int32
	all := int32(0)
	second := int64(now.Sub(y.zero) / time.Second)
	for i := range y.slots {
		s := &y.slots[i]
		if second-s.second >= int64(len(y.slots)) {
			continue
		}
		for j, n := range s.counts {
			counts[j] += n
			all += n
		}
		slowest = max(slowest, s.slowest)
	}
	slower := all / 100
	for j := len(counts) - 1; j >= 0; j-- {
		if slower -= counts[j]; slower < 0 {
			return atLeast(j), slowest
		}
	}
	return 0, slowest
}

// size returns the class of a duration: its highest bit, and the three below that, in µs.
func size(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	if us < 8 {
		return int(us)
	}
	high := bits.Len64(us) - 4
	return high*8 + int(us>>high)
}

// atLeast returns the least duration of a class.
func atLeast(size int) time.Duration {
	if size < 16 {
		return time.Duration(size) * time.Microsecond
	}
	high := size/8 - 1
	return time.Duration(size-high*8) << high * time.Microsecond
}
