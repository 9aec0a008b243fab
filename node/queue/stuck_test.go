package queue

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// greet has a job enqueued in a partition, and does not wait until it is.
func (s *labServer) greet(all *sync.WaitGroup, partition string) {
	body, err := json.Marshal(enqueueCall{Jobs: []PlacedJob{{Job: Job{Queue: "mail", Kind: "greet"}, Partition: partition}}})
	if err != nil {
		s.t.Fatal(err)
	}
	all.Go(func() { s.ask(http.MethodPost, "/v1/enqueue", string(body)) })
	synctest.Wait()
}

// reserve asks for jobs, and returns of which partitions it got some, and after how long.
func (s *labServer) reserve(most int, wait time.Duration) (partitions []string, took time.Duration) {
	began := time.Now()
	var got reserveAnswer
	s.must(http.MethodPost, "/v1/reserve", reserveCall{Queues: []string{"mail"}, Most: most, Wait: wait.Milliseconds(), Hold: 15_000}, &got)
	for _, r := range got.Jobs {
		if partitions = append(partitions, r.Partition); r.Attempt != 1 {
			s.t.Errorf("attempt %d of a job that nobody has had", r.Attempt)
		}
	}
	return partitions, time.Since(began)
}

// TestAGroupWithoutALeaderKeepsNoOtherJobsFromWorkers: whoever asks for jobs does not wait long for those that cannot be reserved, be it
// that they were ready or that they are enqueued while somebody waits; and what could be after all is for whoever asks next.
func TestAGroupWithoutALeaderKeepsNoOtherJobsFromWorkers(t *testing.T) {
	const sick, well = "app:00", "app:01"
	one := func(what string, partitions []string, want string, took, most time.Duration) {
		t.Helper()
		if len(partitions) != 1 || partitions[0] != want || took > most {
			t.Errorf("%s: jobs of %v after %s, not one of %s within %s", what, partitions, took, want, most)
		}
	}
	for _, waits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newLab(t).serve(labConfig())
			var all sync.WaitGroup
			s.greet(&all, sick)
			if waits { // nothing is ready when they ask
				s.reserve(1, 0)
			}
			loose := s.slow.stick(sick)
			if !waits {
				s.greet(&all, well)
				got, took := s.reserve(2, 0)
				one("both are ready", got, well, took, time.Second)
			} else {
				all.Go(func() {
					got, took := s.reserve(1, 5*time.Second)
					one("one is enqueued where there is no leader", got, well, took, 3*time.Second)
				})
				synctest.Wait()
				s.greet(&all, sick)
				time.Sleep(2 * time.Second)
				s.greet(&all, well)
			}
			time.Sleep(time.Second)
			loose()
			all.Wait()
			got, took := s.reserve(2, 5*time.Second)
			one("there is a leader again", got, sick, took, time.Second)
		})
	}
}
