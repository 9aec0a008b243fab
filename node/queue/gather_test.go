package queue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
)

// TestWhatComesTogetherGoesTogetherAndWaitsForNothingStuck: while a request is under way the others gather, until it takes long.
func TestWhatComesTogetherGoesTogetherAndWaitsForNothingStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		var mu sync.Mutex
		var sent [][]int
		g := &gatherer[int, int]{size: func(int) int { return 1 }, send: func(list []int) ([]int, error) {
			mu.Lock()
			sent = append(sent, list)
			mu.Unlock()
			if list[0] == 0 {
				<-stuck
			}
			return list, nil
		}}
		var all sync.WaitGroup
		do := func(i int) {
			all.Go(func() {
				if got, err := g.do(t.Context(), i); got != i || err != nil {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
			synctest.Wait()
		}
		expect := func(when string, requests ...[]int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.EqualFunc(sent, requests, slices.Equal[[]int]) {
				t.Errorf("%s: %v are sent, not %v", when, sent, requests)
			}
		}
		do(0)
		do(1)
		do(2)
		expect("while one is under way", []int{0})
		time.Sleep(gatherPatience)
		synctest.Wait()
		expect("when it takes long", []int{0}, []int{1, 2})
		do(3)
		expect("while nothing but the stuck one is under way", []int{0}, []int{1, 2}, []int{3})
		close(stuck)
		all.Wait()
	})
}

// TestWhoGivesUpLeavesNothingBehind: what was not sent never is, and whoever wanted it knows.
func TestWhoGivesUpLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []int
		g := &gatherer[int, int]{size: func(int) int { return 1 }, send: func(list []int) ([]int, error) {
			sent = append(sent, list...)
			time.Sleep(time.Second)
			return list, nil
		}}
		var all sync.WaitGroup
		for i, want := range []api.Kind{api.Unknown, api.Unavailable} {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), gatherPatience/2)
				defer cancel()
				if _, err := g.do(ctx, i); api.KindOf(err) != want {
					t.Errorf("%d: %v, not %s", i, err, want)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		time.Sleep(2 * time.Second)
		if !slices.Equal(sent, []int{0}) {
			t.Errorf("%v are sent", sent)
		}
	})
}
