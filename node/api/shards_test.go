package api

import (
	"fmt"
	"strings"
	"testing"
)

func TestEveryPartitionIsInOneGroup(t *testing.T) {
	for groups := 1; groups < 12; groups++ {
		var members [][]string
		for i := range groups {
			members = append(members, []string{fmt.Sprint("pi-", i+1)})
		}
		m := Spread(members)
		if err := m.Validate(); err != nil {
			t.Fatalf("%d groups: %v", groups, err)
		}
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if m, err = DecodeShardMap(data); err != nil {
			t.Fatal(err)
		}
		used := map[uint32]int{}
		for i := range 2000 {
			partition := fmt.Sprint("p", i)
			shard, err := m.Of(partition)
			if err != nil {
				t.Fatal(err)
			}
			used[shard.Group]++
			for j := range m.Shards {
				if other := &m.Shards[j]; other.Group != shard.Group && other.Holds(partition) {
					t.Fatalf("groups %d and %d hold %s", shard.Group, other.Group, partition)
				}
			}
		}
		if len(used) != groups {
			t.Errorf("2000 partitions use %d of %d groups", len(used), groups)
		}
		if shard, err := m.Of(System); err != nil || shard.Group != FirstGroup {
			t.Errorf("the system's partition is in %v, %v", shard, err)
		}
	}
}

func TestAMapWithHolesIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, text, says string
	}{
		{"nothing", `{}`, "a shard map has all slots"},
		{"a hole", `{"shards":[{"group":0,"slots":[{"from":0,"end":5},{"from":6,"end":16384}],"members":["a"]}]}`, "slot 5 is in no group"},
		{"twice", `{"shards":[{"group":0,"slots":[{"from":0,"end":16384}],"members":["a"]},{"group":1,"slots":[{"from":7,"end":8}],"members":["a"]}]}`, "slot 16384 is in no group, or in more than one"},
		{"too few", `{"shards":[{"group":0,"slots":[{"from":0,"end":16383}],"members":["a"]}]}`, "a shard map has all slots"},
		{"no first group", `{"shards":[{"group":1,"slots":[{"from":0,"end":16384}],"members":["a"]}]}`, "and the group 0"},
		{"nobody", `{"shards":[{"group":0,"slots":[{"from":0,"end":16384}],"members":[]}]}`, "group 0 has no members"},
		{"order", `{"shards":[{"group":1,"members":["a"]},{"group":0,"members":["a"]}]}`, "are in order"},
	} {
		if _, err := DecodeShardMap([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
