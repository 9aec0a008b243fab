package presence

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestServersThatDoNotAnswerAreRankedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Servers
		if well, out := s.Rank("a"); s.Any() || len(well)+len(out) > 0 {
			t.Errorf("nobody is known, and these are: %v, %v", well, out)
		}
		if n := s.Know([]Instance{{Address: "c:1"}, {Address: "a:1"}, {Address: "b:1", Wants: Wants{Draining: true}}, {Address: "a:1"}}); n != 2 || !s.Any() {
			t.Errorf("%d servers are known", n)
		}
		for _, isNew := range []bool{true, false} {
			if s.LeaveOut("a:1", time.Second) != isNew {
				t.Errorf("that it does not answer is new: %t", !isNew)
			}
		}
		if well, out := s.Rank("a"); !slices.Equal(well, []string{"c:1"}) || !slices.Equal(out, []string{"a:1"}) {
			t.Errorf("%v are well, %v are not", well, out)
		}
		time.Sleep(time.Second + 1) // of the bubble's clock
		if well, out := s.Rank("a"); len(well) != 2 || out != nil {
			t.Errorf("%v are well, %v are not", well, out)
		}
	})
}

func TestEachKeyHasAnOrderOfItsOwn(t *testing.T) {
	var s Servers
	s.Know([]Instance{{Address: "a:1"}, {Address: "b:1"}, {Address: "c:1"}})
	first := map[string]int{}
	for n := range 3000 {
		well, _ := s.Rank(fmt.Sprint(n))
		first[well[0]]++
	}
	for server, n := range first {
		if n < 800 || n > 1200 {
			t.Errorf("%s is the first for %d of 3000", server, n)
		}
	}
}
