package raftlog

import (
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// TestACacheChangesNothing: whatever is stored and deleted, each entry is what the store without a cache has, and no more is in memory than may be.
func TestACacheChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most, bytes = 8, 100
		plain, behind := raft.NewInmemStore(), raft.NewInmemStore()
		c := Cache(behind, most, bytes).(*cache)
		last := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				first := rapid.Uint64Range(max(1, last-min(last, 3)), last+1).Draw(t, "first") // a follower may write entries anew
				var a, b []*raft.Log
				for i := range rapid.Uint64Range(1, 12).Draw(t, "entries") {
					log := raft.Log{Index: first + i, Term: rapid.Uint64().Draw(t, "term"), Data: make([]byte, rapid.IntRange(0, 60).Draw(t, "bytes"))}
					other := log
					a, b = append(a, &log), append(b, &other)
					last = log.Index
				}
				if err := plain.StoreLogs(a); err != nil {
					t.Fatal(err)
				}
				if err := c.StoreLogs(b); err != nil {
					t.Fatal(err)
				}
			},
			"delete": func(t *rapid.T) {
				from := rapid.Uint64Range(1, last+1).Draw(t, "from")
				to := rapid.Uint64Range(from, last+2).Draw(t, "to")
				if err := plain.DeleteRange(from, to); err != nil {
					t.Fatal(err)
				}
				if err := c.DeleteRange(from, to); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				size := 0
				for i := range c.recent {
					size += len(c.recent[i].Data)
				}
				if size != c.size || len(c.recent) > most || size > bytes && len(c.recent) > 1 {
					t.Fatalf("%d entries of %d bytes, counted as %d", len(c.recent), size, c.size)
				}
				for index := range last + 3 {
					var a, b raft.Log
					errA, errB := plain.GetLog(index, &a), c.GetLog(index, &b)
					if (errA == nil) != (errB == nil) || a.Index != b.Index || a.Term != b.Term || len(a.Data) != len(b.Data) {
						t.Fatalf("entry %d is %+v, %v, not %+v, %v", index, b, errB, a, errA)
					}
				}
			},
		})
	})
}
