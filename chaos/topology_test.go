package chaos

import (
	"slices"
	"testing"
)

// TestACopiedCardTouchesWhoGetsTheCopy: the other one's is only read. The limits go on to count both: two machines are one and the same then.
func TestACopiedCardTouchesWhoGetsTheCopy(t *testing.T) {
	top := shelves("room", "room", "room", "room", "room")
	tests := []struct {
		line         string
		touched, out []string
	}{
		{"1s +5s disk-clone machines=pi-1,pi-2", []string{"pi-2"}, []string{"pi-1", "pi-2"}},
		{"1s +5s disk-clone machines=pi-2,pi-1", []string{"pi-1"}, []string{"pi-1", "pi-2"}},
		{"1s +5s disk-swap machines=pi-2,pi-1", []string{"pi-1", "pi-2"}, []string{"pi-1", "pi-2"}},
		{"1s +5s disk-restore machine=pi-1", []string{"pi-1"}, []string{"pi-1"}},
	}
	for _, test := range tests {
		f, err := ParseFault(test.line)
		if err != nil {
			t.Fatal(err)
		}
		if got := top.Touched(&f); !slices.Equal(got, test.touched) {
			t.Errorf("%s touches %v, want %v", test.line, got, test.touched)
		}
		if got := top.WorstOutage(Schedule{f}, top.OfRole("node")).Out; !slices.Equal(got, test.out) {
			t.Errorf("%s takes out %v, want %v", test.line, got, test.out)
		}
	}
}
