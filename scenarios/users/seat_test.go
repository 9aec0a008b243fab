package users

import (
	"context"
	"net/http"
	"testing"

	"picloud/node/web"
	"picloud/scenarios/history"
)

// TestARepetitionDoesNotAnswerForWhatWasSentBefore: that one may have an effect, now or later, that the other says it has not.
func TestARepetitionDoesNotAnswerForWhatWasSentBefore(t *testing.T) {
	type reply struct {
		status   int
		attempts string
	}
	for name, c := range map[string]struct {
		replies []reply
		want    history.Outcome
	}{
		"there is nobody":                              {[]reply{{404, "1"}}, history.OK},
		"refused, and then nobody":                     {[]reply{{503, "3"}, {404, "1"}}, history.OK},
		"not answered, and then nobody":                {[]reply{{504, "1"}, {404, "1"}}, history.Unknown},
		"nobody, when the load balancer sent it again": {[]reply{{404, "2"}}, history.Unknown},
		"a conflict, of a repetition":                  {[]reply{{409, "2"}}, history.Unknown},
		"a conflict":                                   {[]reply{{409, "1"}}, history.Failed},
		"done, of a repetition":                        {[]reply{{504, "1"}, {200, "2"}}, history.OK},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s, h := seated(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				r := c.replies[min(asked, len(c.replies)-1)]
				asked++
				w.Header().Set(web.AttemptsHeader, r.attempts)
				w.WriteHeader(r.status)
			}))
			s.self = &person{name: "ann"}
			s.follow(context.Background(), &person{name: "bob"}, "follow")
			if got := (*h)[0].Outcome; len(*h) != 1 || got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
		})
	}
}

// TestWhatNetHTTPSendsAgainIsKnown: it does so by itself with what has a key, when a connection breaks that was used before.
func TestWhatNetHTTPSendsAgainIsKnown(t *testing.T) {
	asked := 0
	s, h := seated(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write([]byte("{}"))
			return
		}
		if asked++; asked == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	s.self = &person{name: "ann"}
	s.timeline(context.Background(), false) // for a connection
	s.follow(context.Background(), &person{name: "bob"}, "follow")
	if got := (*h)[1]; asked != 2 || got.Outcome != history.Unknown || !got.Use.Again {
		t.Errorf("asked %d times, it is %s", asked, &got)
	}
}
