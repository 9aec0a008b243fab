package health

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"picloud/hw"
)

// TestASpareTakesThePlaceOfAFencedNode, once it has joined, and only if it is there.
func TestASpareTakesThePlaceOfAFencedNode(t *testing.T) {
	for _, c := range []struct {
		spares []string
		want   []string
	}{
		{[]string{"pi-1", "pi-2", "pi-3", "pi-4"}, []string{"pi-1 adds pi-4", "pi-1 removes pi-3"}},
		{[]string{"pi-1", "pi-2", "pi-3"}, nil},
		{[]string{"pi-1", "pi-2", "pi-3", "pi-9"}, nil}, // nobody has heard of pi-9
	} {
		inLab(t, 4, func(t *testing.T, l *lab) {
			l.group.Voters, l.group.Leader = []string{"pi-1", "pi-2", "pi-3"}, "pi-1"
			delete(l.group.Applied, "pi-4")
			l.runAll(func(_ *Config, k *Kit) { k.Spares = c.spares })
			time.Sleep(time.Minute)
			l.set(func() { l.machines["pi-3"].reading.Card.Errors = hw.Known[int64](7) })
			time.Sleep(2 * time.Minute)
			got := append(l.done("adds"), l.done("removes")...)
			for i := range got { // without their times
				var at string
				var node, verb, whom string
				fmt.Sscan(got[i], &at, &node, &verb, &whom)
				got[i] = node + " " + verb + " " + whom
			}
			if l.machines["pi-3"].fenced == "" || !slices.Equal(got, c.want) {
				t.Errorf("fenced: %q; with the spares %v: %q, want %q", l.machines["pi-3"].fenced, c.spares, got, c.want)
			}
		})
	}
}

// TestTheLeastBusyNodeIsTheSpare, and never one that is out of service or a member already.
func TestTheLeastBusyNodeIsTheSpare(t *testing.T) {
	groups := []Group{{Number: 0, Voters: []string{"a", "b", "c"}}, {Number: 1, Voters: []string{"d", "e", "a"}}, {Number: 2, Voters: []string{"d", "f", "b"}}}
	v := &view{alive: []string{"a", "b", "d", "e", "f", "g"}, out: map[string]Action{"g": Drain, "c": Fence}}
	for _, c := range []struct {
		spares []string
		want   string
	}{
		{[]string{"a", "b", "c", "d", "e", "f", "g", "h"}, "e"},
		{[]string{"d", "f"}, "f"},
		{[]string{"d"}, "d"},
		{[]string{"a", "b", "g", "h"}, ""},
		{nil, ""},
	} {
		if got := spareFor(&groups[0], groups, v, c.spares); got != c.want {
			t.Errorf("of %v it is %q, want %q", c.spares, got, c.want)
		}
	}
}
