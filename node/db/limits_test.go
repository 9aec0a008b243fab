package db

import (
	"fmt"
	"strings"
	"testing"

	"picloud/node/api"
)

// TestAnswersThatWouldBeTooLargeAreRefused asks for what no message of the store holds. Nothing is written then.
func TestAnswersThatWouldBeTooLargeAreRefused(t *testing.T) {
	l := newLab(t, Config{})
	text := strings.Repeat("x", api.MaxValueBytes-2)
	c := l.redis(t)
	var gets []string
	for i := range 4 {
		if a := l.ask(t, "PUT", fmt.Sprint("/v1/app/a/", i), `"`+text+`"`); a.status != 200 {
			t.Fatal(a)
		}
		if got := say(c, "SET", fmt.Sprint("{a}", i), text); got != "OK" {
			t.Fatal(got)
		}
		gets = append(gets, fmt.Sprintf(`{"get":"a/%d"}`, i))
	}
	most, all := strings.Join(gets[:3], ","), strings.Join(gets, ",")
	l.play(t, []step{
		{"POST", "/v1/app", `{"then":[` + most + `]}`, nil, 200, `"results"`},
		{"POST", "/v1/app", `{"then":[` + all + `]}`, nil, 413, `"kind":"too-large"`},
		{"POST", "/v1/app", `{"then":[{"put":"a/new","value":1},` + all + `]}`, nil, 413, `"kind":"too-large"`},
		{"GET", "/v1/app/a/new", "", nil, 404, ""},
		{"POST", "/v1/app", `{"then":[{"put":"a/new","value":1},` + most + `]}`, nil, 200, `"results"`},
	})
	first := `{"if":[{"key":"a/once","exists":false}],"then":[{"put":"a/once","value":1}],"else":[` + all + `]}`
	l.play(t, []step{
		{"POST", "/v1/app", first, []string{"Idempotency-Key: k"}, 200, `"succeeded":true`},
		{"POST", "/v1/app", first, []string{"Idempotency-Key: k"}, 200, `"replayed":true`},
		{"POST", "/v1/app", first, []string{"Idempotency-Key: another"}, 413, `"kind":"too-large"`},
	})
	if got := say(c, "MGET", "{a}0", "{a}1", "{a}2"); len(got) < 3*len(text) {
		t.Errorf("three of them: %.80s", got)
	}
	if got := say(c, "MGET", "{a}0", "{a}1", "{a}2", "{a}3"); !strings.HasPrefix(got, "ERR ") || !strings.Contains(got, "too-large") {
		t.Errorf("four of them: %.80s", got)
	}
}
