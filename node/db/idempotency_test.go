package db

import (
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// failOnce lets the next write come to an unknown end.
func (l *lab) failOnce(after bool) {
	failed := false
	l.store.Fail(func(t *api.Txn) *storetest.Fault {
		if failed || t.ReadOnly() {
			return nil
		}
		failed = true
		return &storetest.Fault{Err: api.Errorf(api.Unknown, "write", "", "the reply was lost"), After: after}
	})
}

// TestARetryTakesEffectOnce loses the reply of a first attempt, which took effect or did not, lets
// somebody else write, and tries again.
func TestARetryTakesEffectOnce(t *testing.T) {
	const key = "Idempotency-Key: order 7"
	requests := []step{
		{"PUT", "/v1/app/a/1", "1", []string{key}, 200, `{"key":"a/1","revision":`},
		{"PUT", "/v1/app/a/1?ttl=9h", "1", []string{key, "If-None-Match: *"}, 200, `{"key":"a/1","revision":`},
		{"DELETE", "/v1/app/a/old", "", []string{key, "If-Match: *"}, 200, `{"key":"a/old","revision":`},
		{"POST", "/v1/app", `{"if":[{"key":"a/1","exists":false}],"then":[{"put":"a/1","value":1}],"else":[{"get":"a/1"}]}`, []string{key}, 200, `{"succeeded":true,"revision":`},
	}
	for _, r := range requests {
		for _, effect := range []bool{true, false} {
			l := newLab(t, Config{})
			l.ask(t, "PUT", "/v1/app/a/old", "1")
			l.failOnce(effect)
			if got := l.ask(t, r.method, r.path, r.body, r.headers...); got.status != 504 {
				t.Fatalf("%v: %v", r, got)
			}
			l.ask(t, "PUT", "/v1/app/a/other", "1")
			second := l.ask(t, r.method, r.path, r.body, r.headers...)
			want, replayed := r.says+"3", ""
			if effect {
				want, replayed = r.says+"2", "true"
			}
			if second.status != 200 || !strings.HasPrefix(second.body, want) || second.header.Get("Idempotency-Replayed") != replayed {
				t.Errorf("%v, effect %t: %+v", r, effect, second)
			}
			if third := l.ask(t, r.method, r.path, r.body, r.headers...); third.status != 200 || !strings.HasPrefix(third.body, want) || third.header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("%v, effect %t, third: %+v", r, effect, third)
			}
			if last := l.store.Revision(); last != 3 {
				t.Errorf("%v, effect %t: revision %d", r, effect, last)
			}
		}
	}
}

func TestAnIdempotencyKeyIsForOneRequest(t *testing.T) {
	l := newLab(t, Config{})
	key := []string{"Idempotency-Key: k"}
	l.play(t, []step{
		{"PUT", "/v1/app/a/1", "1", key, 200, ""},
		{"PUT", "/v1/app/a/1", "2", key, 409, `\"k\" was used for another request`},
		{"PUT", "/v1/app/a/2", "1", key, 409, ""},
		{"PUT", "/v1/app/a/1?ttl=1s", "1", key, 409, ""},
		{"PUT", "/v1/app/a/1", "1", append(key, "If-None-Match: *"), 409, ""},
		{"DELETE", "/v1/app/a/1", "", key, 409, ""},
		{"PUT", "/v1/app/b/1", "2", key, 200, ""}, // each partition has its own keys
		{"GET", "/v1/app/a/1", "", nil, 200, `"value":1`},
		{"GET", "/v1/app?prefix=a", "", nil, 200, `{"documents":[{"key":"a/1","value":1,"version":1,"revision":1,"created":1}],"more":false,"revision":2}`},
		{"GET", "/changes/app?prefix=a&from=1", "", nil, 200, `{"events":[{"kind":"changed","revision":1,"key":"a/1","document":{"key":"a/1","value":1,"version":1,"revision":1,"created":1}}],"next":3}`},
	})
	l.store.Tick(time.Hour)
	l.play(t, []step{{"PUT", "/v1/app/a/1", "2", key, 200, `"revision":4`}}) // forgotten in revision 3
}

// TestARefusedConditionIsNotRemembered: what had no effect is no first attempt.
func TestARefusedConditionIsNotRemembered(t *testing.T) {
	l := newLab(t, Config{})
	update := step{"PUT", "/v1/app/a", "2", []string{"Idempotency-Key: k", "If-Match: *"}, 412, ""}
	l.play(t, []step{update, {"PUT", "/v1/app/a", "1", nil, 200, ""}})
	update.status = 200
	l.play(t, []step{update, update, {"GET", "/v1/app/a", "", nil, 200, `"value":2,"version":2`}})
}
