package storecloud

import (
	"maps"
	"testing"

	"picloud/node/store/storetest"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// TestAScanReadsOnFromAKey, as many records as are wanted, and none of another partition.
func TestAScanReadsOnFromAKey(t *testing.T) {
	r := register{storetest.New(t)}
	for _, key := range []string{"a/1", "a/2", "a/3", "a/4", "b/1"} {
		if outcome, _, why := r.Do(t.Context(), kv.Command{Kind: history.Write, Key: key, Value: "of " + key}); outcome != history.OK {
			t.Fatal(why)
		}
	}
	for _, c := range []struct {
		from string
		most int
		want map[string]string
	}{
		{"a/2", 2, map[string]string{"a/2": "of a/2", "a/3": "of a/3"}},
		{"a/3", 100, map[string]string{"a/3": "of a/3", "a/4": "of a/4"}},
		{"a/10", 1, map[string]string{"a/2": "of a/2"}},
		{"a/5", 100, map[string]string{}},
	} {
		found, outcome, why := r.Scan(t.Context(), c.from, c.most)
		if outcome != history.OK || !maps.Equal(found, c.want) {
			t.Errorf("%d from %s: %v, %s %s", c.most, c.from, found, outcome, why)
		}
	}
}
