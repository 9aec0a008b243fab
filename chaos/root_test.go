package chaos

import (
	"slices"
	"testing"
)

// shelves is a root switch with a client, and five members on up to three others.
func shelves(of ...string) *Topology {
	top := &Topology{Switches: []string{"room", "shelf-1", "shelf-2", "shelf-3"}, Machines: []Machine{{Name: "client-1", Role: "client", Switch: "room"}}}
	for i, shelf := range of {
		top.Machines = append(top.Machines, Machine{Name: "pi-" + string(rune('1'+i)), Role: "node", Switch: shelf})
	}
	return top
}

// TestADarkRootPartsAllShelves: the others reach one another through it, so all are out, and touched. Of two switches it parts nobody from those
// beside it.
func TestADarkRootPartsAllShelves(t *testing.T) {
	wide, narrow := shelves("shelf-1", "shelf-1", "shelf-2", "shelf-2", "shelf-3"), shelves("shelf-1", "shelf-1", "shelf-1", "room", "room")
	all := wide.Names()
	tests := []struct {
		top     *Topology
		line    string
		touched []string
		admit   bool
	}{
		{wide, "1s +5s switch-dark switch=room", all, false},
		{wide, "1s +5s broadcast-storm switch=room", all, false},
		{wide, "1s +5s incast switch=room", all, true},
		{wide, "1s +5s uplink-cut switch=room", []string{"client-1"}, true},
		{wide, "1s +5s switch-dark switch=shelf-1", []string{"pi-1", "pi-2"}, true},
		{wide, "1s +5s broadcast-storm switch=shelf-1", []string{"pi-1", "pi-2"}, true},
		{narrow, "1s +5s switch-dark switch=room", []string{"client-1", "pi-4", "pi-5"}, true},
		{narrow, "1s +5s switch-dark switch=shelf-1", []string{"pi-1", "pi-2", "pi-3"}, false},
	}
	for _, test := range tests {
		f, err := ParseFault(test.line)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.top.Touched(&f); !slices.Equal(got, test.touched) {
			t.Errorf("%s touches %v, want %v", test.line, got, test.touched)
		}
		l := ledger{top: test.top, members: test.top.OfRole("node"), limits: DefaultLimits()}
		if got := l.admit(false, f); got != test.admit {
			t.Errorf("%s is within the limits: %t, want %t", test.line, got, test.admit)
		}
	}
}
