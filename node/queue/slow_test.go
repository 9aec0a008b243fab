package queue

import (
	"net/http"
	"testing"
	"testing/synctest"

	"picloud/node/api"
)

// TestNoJobIsLostToAReadThatIsOlderThanAnEvent: events come from any member of a group, and one of them may have applied a
// change that the leader, of whom jobs are read, has not.
func TestNoJobIsLostToAReadThatIsOlderThanAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLab(t).serve(labConfig())
		s.must(http.MethodPost, "/v1/enqueue", enqueueCall{Jobs: []PlacedJob{{Job: Job{Queue: "mail", Kind: "greet"}, Partition: "app:00"}}}, nil)
		var taken reserveAnswer
		s.must(http.MethodPost, "/v1/reserve", reserveCall{Queues: []string{"mail"}, Most: 1}, &taken)
		synctest.Wait()
		at := place{"app:00", "mail", taken.Jobs[0].ID}
		var rows []api.Op
		for _, key := range []string{at.job(), at.asleep(), at.held()} {
			rows = append(rows, api.Op{Kind: api.Get, Key: key})
		}
		s.slow.remember(t, rows...)
		if err := (settler{directly{s.slow.Store}, s.slow.Store}).release(t.Context(), ticket{place: at, token: taken.Jobs[0].Token}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var again reserveAnswer
		s.must(http.MethodPost, "/v1/reserve", reserveCall{Queues: []string{"mail"}, Most: 1, Wait: 5000}, &again)
		if len(again.Jobs) != 1 || again.Jobs[0].ID != at.id {
			t.Errorf("it was given back, and nobody gets it: %+v", again)
		}
	})
}
