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
	for _, command := range [][]any{{"HSET", "{a}h", "f", text[:len(text)-9]}, {"SET", "{b}0", text}} {
		if got := say(c, command...); got != "1" && got != "OK" {
			t.Fatal(got)
		}
	}
	for _, test := range []struct {
		command string
		fits    bool
	}{
		{"MGET {a}0 {a}1 {a}2", true}, {"MGET {a}0 {a}1 {a}2 {a}3", false}, {"MGET {a}0 {a}0 {a}0", true}, {"MGET {a}0 {a}0 {a}0 {a}0", false},
		{"MGET {a}0 {b}0 {a}1", true}, {"MGET {a}0 {b}0 {a}1 {b}0", false}, // of two partitions
		{"HMGET {a}h f f f", true}, {"HMGET {a}h f f f f", false},
	} {
		got := say(c, words(test.command)...)
		if test.fits && len(got) < 3*(len(text)-9) || !test.fits && !tooLarge(got) {
			t.Errorf("%s: %.80s", test.command, got)
		}
	}
	one := c.Conn()
	defer one.Close()
	l.converse(t, one, []talk{{"MULTI", "OK"}, {"SET {a}new 1", "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"}})
	if got := say(one, "EXEC"); !tooLarge(got) {
		t.Errorf("four of them in a MULTI: %.80s", got)
	}
	l.converse(t, one, []talk{
		{"GET {a}new", "nil"},
		{"SET {a}0 x", "OK"}, {"MULTI", "OK"}, {"SETNX {a}0 " + text, "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"}, {"GET {a}0", "QUEUED"},
		{"EXEC", "[0 x x x x]"}, // what would be too large if the key were absent
	})
}

func tooLarge(reply string) bool {
	return strings.HasPrefix(reply, "ERR ") && strings.Contains(reply, "too-large")
}

// TestTheLargestHashCanBeReadAsAWhole has as many fields as fit into a record, each of which takes more bytes of a reply
// than of the record.
func TestTheLargestHashCanBeReadAsAWhole(t *testing.T) {
	var reply []any
	for i, left := 0, api.MaxValueBytes; left > 0; i++ {
		name := strings.TrimRight(string([]byte{byte(i), byte(i >> 8), byte(i >> 16)}), "\x00")
		reply = append(reply, name, []byte{})
		left -= len(name) + 2 // with their lengths
	}
	if err := checkReply(replySize(reply)); err != nil {
		t.Error(err)
	}
	if took := len(appendReply(nil, reply)); replySize(reply) > took || replySize(reply) < took-20 {
		t.Errorf("%d bytes are taken for %d", took, replySize(reply))
	}
}
