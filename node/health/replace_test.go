package health

import (
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/hw"
	"picloud/node/api"
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
			got := l.swaps()
			if l.machines["pi-3"].fenced == "" || !slices.Equal(got, c.want) {
				t.Errorf("fenced: %q; with the spares %v: %q, want %q", l.machines["pi-3"].fenced, c.spares, got, c.want)
			}
		})
	}
}

// swaps returns how members were changed, without the times.
func (l *lab) swaps() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.deeds {
		if _, what, _ := strings.Cut(d, " "); strings.Contains(what, " adds ") || strings.Contains(what, " removes ") {
			all = append(all, what)
		}
	}
	return all
}

// TestASwapThatWasInterruptedIsEnded, by whoever leads then, so that the group is as large after it as before.
func TestASwapThatWasInterruptedIsEnded(t *testing.T) {
	lost := api.Errorf(api.Unknown, "change the members", "", "the leader is gone")
	full := api.Errorf(api.Internal, "change the members", "", "no space is left")
	for _, c := range []struct {
		name  string
		fails api.MembersCall // the first time
		after bool            // it takes effect all the same
		leads string          // from then on
		dies  string          // then
		why   error
		want  []string
	}{
		{"the fenced one does not go", api.MembersCall{Remove: "pi-3"}, false, "pi-1", "", lost, []string{"pi-1 adds pi-4", "pi-1 removes pi-3"}},
		{"another leads", api.MembersCall{Remove: "pi-3"}, false, "pi-2", "", lost, []string{"pi-1 adds pi-4", "pi-2 removes pi-3"}},
		{"nobody hears that the spare has joined", api.MembersCall{Add: "pi-4"}, true, "pi-2", "", lost, []string{"pi-1 adds pi-4", "pi-2 removes pi-3"}},
		{"the spare does not join yet", api.MembersCall{Add: "pi-4"}, false, "pi-2", "", lost, []string{"pi-2 adds pi-4", "pi-2 removes pi-3"}},
		{"the spare dies before it has joined", api.MembersCall{Add: "pi-4"}, false, "pi-2", "pi-4", lost,
			[]string{"pi-2 removes pi-4", "pi-2 adds pi-5", "pi-2 removes pi-3"}},
		{"the spare dies when it has joined", api.MembersCall{Remove: "pi-3"}, false, "pi-1", "pi-4", lost, []string{"pi-1 adds pi-4", "pi-1 removes pi-3"}},
		{"the spare cannot join", api.MembersCall{Add: "pi-4"}, false, "pi-1", "", full, []string{"pi-1 removes pi-4", "pi-1 adds pi-5", "pi-1 removes pi-3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inLab(t, 5, func(t *testing.T, l *lab) {
				failed, until := false, time.Time{}
				l.changes = func(call api.MembersCall) (bool, error) {
					if call != c.fails || failed && time.Now().After(until) {
						return false, nil
					}
					failed, l.group.Leader = true, c.leads
					if c.dies != "" {
						l.machines[c.dies].gate.pause()
						until = time.Now().Add(20 * time.Second) // by when that is known
					}
					return c.after, c.why
				}
				l.group.Voters, l.group.Leader = []string{"pi-1", "pi-2", "pi-3"}, "pi-1"
				l.runAll(func(_ *Config, k *Kit) { k.Spares = []string{"pi-1", "pi-2", "pi-3", "pi-4", "pi-5"} })
				time.Sleep(time.Minute)
				l.set(func() { l.machines["pi-3"].reading.Card.Errors = hw.Known[int64](7) })
				time.Sleep(5 * time.Minute)
				v, err := read(l.ctx, l.store, "pi-3")
				if err != nil || len(v.swaps) > 0 {
					t.Errorf("the store takes it for begun: %v, %v", v.swaps, err)
				}
				if got := l.swaps(); !failed || !slices.Equal(got, c.want) || len(l.group.Voters) != 3 {
					t.Errorf("failed: %t; %q, want %q; the group is %v", failed, got, c.want, l.group.Voters)
				}
			})
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
