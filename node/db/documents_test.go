package db

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// step is a request and what must come of it.
type step struct {
	method, path, body string
	headers            []string
	status             int
	says               string // a part of the body
}

func (l *lab) play(t *testing.T, steps []step) {
	t.Helper()
	for i, s := range steps {
		got := l.ask(t, s.method, s.path, s.body, s.headers...)
		if got.status != s.status || !strings.Contains(got.body, s.says) {
			t.Fatalf("step %d, %s %s %s %v: %d %s\nwant %d with %s", i, s.method, s.path, s.body, s.headers, got.status, got.body, s.status, s.says)
		}
		if got.status != http.StatusOK && s.method != http.MethodHead {
			var e api.Error
			if err := json.Unmarshal([]byte(got.body), &e); err != nil || e.Kind == "" || e.Doing == "" {
				t.Errorf("step %d: %s is no error with a kind: %v", i, got.body, err)
			}
		}
	}
}

func TestADocumentIsWrittenReadAndRemoved(t *testing.T) {
	l := newLab(t, Config{})
	l.play(t, []step{
		{"GET", "/v1/app/users/7", "", nil, 404, `"kind":"not-found"`},
		{"PUT", "/v1/app/users/7", `{ "name": "<Ada>" }`, nil, 200, `{"key":"users/7","revision":1}`},
		{"GET", "/v1/app/users/7", "", nil, 200, `{"key":"users/7","value":{"name":"<Ada>"},"version":1,"revision":1,"created":1}`},
		{"HEAD", "/v1/app/users/7", "", nil, 200, ""},
		{"PUT", "/v1/app/users/7", `null`, nil, 200, `"revision":2`},
		{"GET", "/v1/app/users/7", "", nil, 200, `"value":null,"version":2,"revision":2,"created":1`},
		{"GET", "/v1/other/users/7", "", nil, 404, ""},
		{"DELETE", "/v1/app/users/7", "", nil, 200, `"revision":3`},
		{"DELETE", "/v1/app/users/7", "", nil, 200, `{"key":"users/7"`},
		{"HEAD", "/v1/app/users/7", "", nil, 404, ""},
		{"PUT", "/v1/app/a%2Fb/%C3%BC%20%3F", `1`, nil, 200, `{"key":"a/b/ü ?"`},
		{"GET", "/v1/app/a/b/%C3%BC%20%3F", "", nil, 200, `"key":"a/b/ü ?"`},
	})
	if got := l.ask(t, "PUT", "/v1/app/x", "1").header.Get("ETag"); got != `"5"` {
		t.Errorf("ETag %s", got)
	}
}

func TestConditionsHoldOrNothingHappens(t *testing.T) {
	l := newLab(t, Config{})
	l.play(t, []step{
		{"PUT", "/v1/app/a", "1", []string{"If-Match: *"}, 412, "does not hold"},
		{"PUT", "/v1/app/a", "1", []string{"If-None-Match: *"}, 200, ""},
		{"PUT", "/v1/app/a", "2", []string{"If-None-Match: *"}, 412, "does not hold"},
		{"PUT", "/v1/app/a", "2", []string{`If-Match: "1"`}, 200, `"revision":2`},
		{"PUT", "/v1/app/a", "3", []string{`If-Match: "1"`}, 412, "does not hold"},
		{"DELETE", "/v1/app/a", "", []string{`If-Match: "1"`}, 412, "does not hold"},
		{"GET", "/v1/app/a", "", nil, 200, `"value":2`},
		{"DELETE", "/v1/app/a", "", []string{`If-Match: "2"`}, 200, ""},
	})
	l.ask(t, "PUT", "/v1/app/a", "1")
	if got := l.ask(t, "PUT", "/v1/app/a", "1", `If-Match: "1"`); got.header.Get("ETag") != `"4"` {
		t.Errorf("a refused write does not say what is there: %v", got)
	}
}

func TestADocumentLivesForItsTime(t *testing.T) {
	l := newLab(t, Config{})
	l.play(t, []step{
		{"PUT", "/v1/app/a?ttl=2s", "1", nil, 200, ""},
		{"GET", "/v1/app/a", "", nil, 200, `"ttl_ms":2000,"left_ms":2000`},
	})
	l.store.Tick(1500 * time.Millisecond)
	l.play(t, []step{{"GET", "/v1/app/a", "", nil, 200, `"ttl_ms":2000,"left_ms":500`}})
	l.store.Tick(500 * time.Millisecond)
	l.play(t, []step{{"GET", "/v1/app/a", "", nil, 404, ""}})
}

func TestAScanReturnsARangeOfOnePartition(t *testing.T) {
	l := newLab(t, Config{})
	for i, k := range []string{"a", "a/1", "a/1/x", "a/2", "a/ü", "ab", "b/1"} {
		l.ask(t, "PUT", "/v1/app/"+k, `"`+k+`"`, fmt.Sprint("Idempotency-Key: ", i))
	}
	for _, test := range []struct{ query, keys, next string }{
		{"prefix=a", "a a/1 a/1/x a/2 a/ü", ""},
		{"prefix=a/", "a/1 a/1/x a/2 a/ü", ""},
		{"prefix=a/1", "a/1 a/1/x", ""},
		{"prefix=c", "", ""},
		{"from=a/1/x", "a/1/x a/2 a/ü", ""},
		{"from=a&end=a/2", "a a/1 a/1/x", ""},
		{"from=a/2&end=a/1", "", ""},
		{"prefix=a&limit=2", "a a/1", "a/1"},
		{"prefix=a&limit=2&after=a/1", "a/1/x a/2", "a/2"},
		{"prefix=a&limit=2&after=a/2", "a/ü", ""},
		{"prefix=a&limit=2&reverse=true", "a/ü a/2", "a/2"},
		{"prefix=a&limit=2&reverse=true&end=a/2", "a/1/x a/1", "a/1"},
		{"prefix=a/1&stale=true", "a/1 a/1/x", ""},
	} {
		got := l.ask(t, "GET", "/v1/app?"+test.query, "")
		var s scanned
		if err := json.Unmarshal([]byte(got.body), &s); err != nil || got.status != 200 {
			t.Errorf("%s: %v %v", test.query, got, err)
		}
		var keys []string
		for _, d := range s.Documents {
			keys = append(keys, d.Key)
			if string(d.Value) != `"`+d.Key+`"` {
				t.Errorf("%s: %s has the value %s", test.query, d.Key, d.Value)
			}
		}
		if strings.Join(keys, " ") != test.keys || s.Next != test.next || s.More != (test.next != "") || s.Revision != 7 {
			t.Errorf("%s: %s", test.query, got.body)
		}
	}
}

func TestAStaleReadSaysItsAge(t *testing.T) {
	l := newLab(t, Config{})
	l.ask(t, "PUT", "/v1/app/a", "1")
	l.store.SetAge(1234 * time.Millisecond)
	if got := l.ask(t, "GET", "/v1/app/a?stale=true", ""); got.status != 200 || got.header.Get("Picloud-Age-Ms") != "1234" {
		t.Errorf("%+v", got)
	}
	if got := l.ask(t, "GET", "/v1/app/a?stale=false", ""); got.status != 200 || got.header.Get("Picloud-Age-Ms") != "" {
		t.Errorf("%+v", got)
	}
}

func TestATransactionDoesAllOrNothing(t *testing.T) {
	l := newLab(t, Config{})
	l.play(t, []step{
		{"POST", "/v1/app", `{"then":[{"put":"a/1","value":{"n": 1}},{"put":"a/2","value":2,"ttl_ms":5000}]}`, nil, 200, `{"succeeded":true,"revision":1,"results":[{"documents":[]},{"documents":[]}]}`},
		{"POST", "/v1/app", `{"if":[{"key":"a/1","value":{"n":1}},{"key":"a/3","exists":false}],"then":[{"delete":"a/2"},{"scan":"a"},{"get":"a/2"}]}`, nil, 200, `"results":[{"documents":[],"deleted":1},{"documents":[{"key":"a/1"`},
		{"POST", "/v1/app", `{"if":[{"key":"a/1","is":">","revision":1}],"then":[{"put":"a/1","value":0}],"else":[{"get":"a/1"}]}`, nil, 200, `{"succeeded":false,"revision":2,"results":[{"documents":[{"key":"a/1","value":{"n":1},"version":1`},
		{"POST", "/v1/app", `{"if":[{"key":"a/1","version":1},{"key":"a/1","is":"!=","value":7}],"then":[{"put":"a/1","value":null}]}`, nil, 200, `"succeeded":true`},
		{"GET", "/v1/app/a/1", "", nil, 200, `"value":null`},
		{"POST", "/v1/app", `{"then":[{"scan":"a","limit":1,"reverse":true},{"scan":"a","after":"a/1"}]}`, nil, 200, `"revision":3`},
	})
}

// TestMisuseIsRefusedWithItsReason shows also that nothing is written by what is refused.
func TestMisuseIsRefusedWithItsReason(t *testing.T) {
	l := newLab(t, Config{MaxBody: 2000})
	deep, long := strings.Repeat("[", 3000), strings.Repeat("k", 901)
	l.play(t, []step{
		{"GET", "/", "", nil, 404, "below /v1/NAMESPACE"},
		{"GET", "/v2/app/a", "", nil, 404, "/v2/app/a"},
		{"GET", "/changes/app/a", "", nil, 404, ""},
		{"GET", "/v1/App/a", "", nil, 400, "1 to 63 of a-z"},
		{"GET", "/v1//a", "", nil, 400, "1 to 63 of a-z"},
		{"PUT", "/v1/app/", "1", nil, 400, "no component of it is empty"},
		{"PUT", "/v1/app/a//b", "1", nil, 400, "no component of it is empty"},
		{"PUT", "/v1/app/a/%2e%2e", "1", nil, 400, "no component of it is empty"},
		{"PUT", "/v1/app/a%00", "1", nil, 400, "without control characters"},
		{"PUT", "/v1/app/a/%FFidem/x", "1", nil, 400, "it is UTF-8"},
		{"PUT", "/v1/app/a/" + long, "1", nil, 400, "the limit is 900"},
		{"PUT", "/v1/app/" + long[:257], "1", nil, 400, "the limit is 256"},
		{"PUT", "/v1/app/a", "", nil, 400, "it is no JSON value"},
		{"PUT", "/v1/app/a", "1 2", nil, 400, "it is no JSON value"},
		{"PUT", "/v1/app/a", "\"\xff\"", nil, 400, "it is not UTF-8"},
		{"PUT", "/v1/app/a", deep[:1900], nil, 400, "it is no JSON value"},
		{"PUT", "/v1/app/a", deep, nil, 413, `"kind":"too-large"`},
		{"PUT", "/v1/app/a?ttl=5", "1", nil, 400, "like 90s"},
		{"PUT", "/v1/app/a?ttl=99999999h", "1", nil, 400, "time"},
		{"PUT", "/v1/app/a?tll=5s", "1", nil, 400, "tll"},
		{"PUT", "/v1/app/a?ttl=5s&ttl=6s", "1", nil, 400, "twice"},
		{"PUT", "/v1/app/a?%zz", "1", nil, 400, "invalid URL escape"},
		{"PUT", "/v1/app/a", "1", []string{"If-Match: 1"}, 400, "If-Match"},
		{"PUT", "/v1/app/a", "1", []string{`If-Match: W/"1"`}, 400, "If-Match"},
		{"PUT", "/v1/app/a", "1", []string{`If-Match: "0"`}, 400, "If-Match"},
		{"PUT", "/v1/app/a", "1", []string{`If-None-Match: "1"`}, 400, "If-None-Match"},
		{"PUT", "/v1/app/a", "1", []string{"Idempotency-Key: " + long[:129]}, 400, "Idempotency-Key"},
		{"PUT", "/v1/app/a", "1", []string{"Idempotency-Key: a", "Idempotency-Key: b"}, 400, "Idempotency-Key"},
		{"DELETE", "/v1/app/a", "1", nil, 400, "a DELETE has none"},
		{"POST", "/v1/app/a", "{}", nil, 405, "DELETE, GET, HEAD, PUT"},
		{"PUT", "/v1/app", "{}", nil, 405, "GET, HEAD, POST"},
		{"POST", "/changes/app", "{}", nil, 405, "GET"},
		{"GET", "/v1/app/a?stale=maybe", "", nil, 400, "true or false"},
		{"GET", "/v1/app", "", nil, 400, "a prefix or a beginning"},
		{"GET", "/v1/app?prefix=a&from=a", "", nil, 400, "not both"},
		{"GET", "/v1/app?prefix=/", "", nil, 400, "no component"},
		{"GET", "/v1/app?from=a/1&end=b", "", nil, 400, `"kind":"cross-partition"`},
		{"GET", "/v1/app?prefix=a&limit=10001", "", nil, 400, "0 to 10000"},
		{"GET", "/changes/app", "", nil, 400, "a prefix"},
		{"GET", "/changes/app?prefix=a&from=-1", "", nil, 400, "from"},
		{"GET", "/changes/app?prefix=a&from=99", "", nil, 400, `"kind":"future-revision"`},
		{"GET", "/changes/app?prefix=a&wait=0s", "", nil, 400, "wait"},
		{"GET", "/changes/app?prefix=a", "", []string{"Accept: text/event-stream", "Last-Event-ID: x"}, 400, "Last-Event-ID"},
		{"POST", "/v1/app", `{"then":[{"put":"a","value":1,"tll":3}]}`, nil, 400, `unknown field \"tll\"`},
		{"POST", "/v1/app", `{"then":[{"get":"a"}]} {}`, nil, 400, "something stands behind it"},
		{"POST", "/v1/app", "{\"then\":[{\"put\":\"a/\xff\",\"value\":1}]}", nil, 400, "it is not UTF-8"},
		{"POST", "/v1/app", `{}`, nil, 400, "0 comparisons and operations"},
		{"POST", "/v1/app", `{"then":[{"put":"a/1","value":1},{"put":"b/1","value":1}]}`, nil, 400, `"kind":"cross-partition"`},
		{"POST", "/v1/app", `{"then":[{"put":"a","value":1,"get":"a"}]}`, nil, 400, "then[0]"},
		{"POST", "/v1/app", `{"then":[{"put":"a"}]}`, nil, 400, "a put has a value"},
		{"POST", "/v1/app", `{"then":[{"put":"a/\u00ff/","value":1}]}`, nil, 400, "no component"},
		{"POST", "/v1/app", `{"then":[{"get":"a","limit":3}]}`, nil, 400, "only a scan"},
		{"POST", "/v1/app", `{"then":[{"put":"a","value":1,"ttl_ms":-1}]}`, nil, 400, "a time to live"},
		{"POST", "/v1/app", `{"then":[{"get":"a"}],"else":[{"delete":"a"}]}`, nil, 400, "else[0]"},
		{"POST", "/v1/app", `{"if":[{"key":"a"}],"then":[{"put":"a","value":1}]}`, nil, 400, "if[0]"},
		{"POST", "/v1/app", `{"if":[{"key":"a","is":"~","version":1}],"then":[{"put":"a","value":1}]}`, nil, 400, "= != < >"},
		{"POST", "/v1/app", `{"if":[{"key":"a","is":"<","value":1}],"then":[{"put":"a","value":1}]}`, nil, 400, "values are = or !="},
		{"POST", "/v1/app", `{"if":[{"key":"a","is":"=","exists":true}],"then":[{"put":"a","value":1}]}`, nil, 400, "exists is compared"},
	})
	if n := l.store.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestTokensOpenWhatTheyAreFor(t *testing.T) {
	l := newLab(t, Config{Tokens: []Token{
		{"reads-app", Reader, []string{"app"}},
		{"writes-app", Writer, []string{"app", "web"}},
		{"does-it-all", Admin, []string{Everywhere}},
	}})
	reader, writer, admin := []string{"Authorization: Bearer reads-app"}, []string{"Authorization: bearer writes-app"}, []string{"Authorization: Bearer does-it-all"}
	put, read := `{"then":[{"put":"a","value":1}]}`, `{"then":[{"get":"a"}]}`
	l.play(t, []step{
		{"PUT", "/v1/app/a", "1", nil, 401, `"kind":"unauthorised"`},
		{"PUT", "/v1/app/a", "1", []string{"Authorization: Bearer reads-ap"}, 401, ""},
		{"PUT", "/v1/app/a", "1", []string{"Authorization: Basic writes-app"}, 401, ""},
		{"PUT", "/v1/app/a", "1", reader, 403, "reader's"},
		{"DELETE", "/v1/app/a", "", reader, 403, "reader's"},
		{"POST", "/v1/app", put, reader, 403, "reader's"},
		{"POST", "/v1/app", read, reader, 200, ""},
		{"GET", "/v1/web/a", "", reader, 403, "not for it"},
		{"GET", "/changes/web?prefix=a", "", reader, 403, "not for it"},
		{"PUT", "/v1/other/a", "1", writer, 403, "not for it"},
		{"PUT", "/v1/web/a", "1", writer, 200, `"revision":1`}, // nothing before it had an effect
		{"PUT", "/v1/other/a", "1", admin, 200, ""},
	})
}

func TestErrorsOfTheStoreHaveTheirStatus(t *testing.T) {
	l := newLab(t, Config{})
	l.ask(t, "PUT", "/v1/app/a", "1")
	for _, test := range []struct {
		kind        api.Kind
		read, write int
	}{
		{api.Unavailable, 503, 503}, {api.NotLeader, 503, 503}, {api.WrongGroup, 503, 503}, {api.SessionExpired, 503, 503},
		{api.Unknown, 503, 504}, {api.Replayed, 503, 504}, {api.Internal, 500, 504}, {api.Damaged, 500, 500},
	} {
		l.store.Fail(func(*api.Txn) *storetest.Fault {
			return &storetest.Fault{Err: fmt.Errorf("far away: %w", api.Errorf(test.kind, "try", "", "no luck"))}
		})
		read, write := l.ask(t, "GET", "/v1/app/a", ""), l.ask(t, "PUT", "/v1/app/a", "2")
		if read.status != test.read || write.status != test.write || l.ask(t, "GET", "/v1/app/a?stale=true", "").status != test.read {
			t.Errorf("%s: %v, %v", test.kind, read, write)
		}
		for _, a := range []answer{read, write} {
			if (a.status == 503) != (a.header.Get("Retry-After") == "1") {
				t.Errorf("%s: %v", test.kind, a)
			}
		}
	}
}

func TestConfigurationsAreRefusedWithTheirReason(t *testing.T) {
	good := Token{"long-enough", Reader, []string{"app"}}
	for _, test := range []struct {
		config Config
		says   string
	}{
		{Config{Tokens: []Token{{"short", Reader, []string{"a"}}}}, "8 or more"},
		{Config{Tokens: []Token{{"with a space", Reader, []string{"a"}}}}, "without spaces"},
		{Config{Tokens: []Token{{"long-enough", "root", []string{"a"}}}}, `not "root"`},
		{Config{Tokens: []Token{{"long-enough", Reader, nil}}}, "no namespaces"},
		{Config{Tokens: []Token{{"long-enough", Reader, []string{"A"}}}}, "a-z"},
		{Config{Tokens: []Token{good, good}}, "token 1 stands there twice"},
		{Config{MaxBody: -1}, "largest body"},
		{Config{MaxWait: -1}, "negative"},
		{Config{RESPNamespace: "@"}, "a-z"},
	} {
		if err := test.config.Validate(); err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "long-enough") {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
}
