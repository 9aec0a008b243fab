package db

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// model is the commands again, dumb: Go's own maps and strings, one command after another.
type model map[string]*modelKey

type modelKey struct {
	text   string
	fields map[string]string // nil for a string
	left   int               // s, 0 for ever
}

func list(reply []any) string { return fmt.Sprint(reply) }

func orNil(v string, is bool) any {
	if !is {
		return nil
	}
	return v
}

// do does a command and returns its reply as text.
func (m model) do(a []string) string {
	key := m[a[1]]
	wrong := string(errWrongType)
	isText, isHash := key != nil && key.fields == nil, key != nil && key.fields != nil
	switch a[0] {
	case "SET", "GETSET":
		old := "nil"
		if isText {
			old = key.text
		}
		if a[0] == "GETSET" && isHash {
			return wrong
		}
		now := &modelKey{text: a[2]}
		if slices.Contains(a[3:], "NX") && key != nil || slices.Contains(a[3:], "XX") && key == nil {
			return "nil"
		}
		if slices.Contains(a[3:], "EX") {
			now.left, _ = strconv.Atoi(a[len(a)-1])
		} else if slices.Contains(a[3:], "KEEPTTL") && key != nil {
			now.left = key.left
		}
		m[a[1]] = now
		if a[0] == "SET" {
			return "OK"
		}
		return old
	case "GET", "GETDEL", "STRLEN", "APPEND", "INCRBY":
		if isHash {
			return wrong
		}
		return m.text(a, key)
	case "MGET":
		var all []any
		for _, k := range a[1:] {
			e := m[k]
			all = append(all, orNil(textOf(e), e != nil && e.fields == nil))
		}
		return list(all)
	case "MSET":
		for i := 1; i < len(a); i += 2 {
			m[a[i]] = &modelKey{text: a[i+1]}
		}
		return "OK"
	case "HSET", "HGET", "HDEL", "HGETALL", "HLEN", "HINCRBY":
		if isText {
			return wrong
		}
		return m.hash(a, key)
	}
	return m.key(a, key)
}

func textOf(e *modelKey) string {
	if e == nil {
		return ""
	}
	return e.text
}

func (m model) text(a []string, key *modelKey) string {
	text := textOf(key)
	switch a[0] {
	case "GET", "GETDEL":
		if key == nil {
			return "nil"
		}
		if a[0] == "GETDEL" {
			delete(m, a[1])
		}
		return text
	case "STRLEN":
		return fmt.Sprint(len(text))
	}
	if key == nil {
		key = &modelKey{}
		if a[0] == "INCRBY" {
			key.text = "0"
		}
	}
	if a[0] == "APPEND" {
		key.text += a[2]
		m[a[1]] = key
		return fmt.Sprint(len(key.text))
	}
	n, err := strconv.Atoi(key.text)
	if by, _ := strconv.Atoi(a[2]); err == nil && fmt.Sprint(n) == key.text {
		key.text = fmt.Sprint(n + by)
		m[a[1]] = key
		return key.text
	}
	return string(errNotInteger)
}

func (m model) hash(a []string, key *modelKey) string {
	if key == nil {
		key = &modelKey{fields: map[string]string{}}
	}
	before := len(key.fields)
	defer func() {
		if m[a[1]] = key; len(key.fields) == 0 {
			delete(m, a[1])
		}
	}()
	switch a[0] {
	case "HSET":
		for i := 2; i < len(a); i += 2 {
			key.fields[a[i]] = a[i+1]
		}
		return fmt.Sprint(len(key.fields) - before)
	case "HGET":
		if v, is := key.fields[a[2]]; is {
			return v
		}
		return "nil"
	case "HDEL":
		for _, f := range a[2:] {
			delete(key.fields, f)
		}
		return fmt.Sprint(before - len(key.fields))
	case "HLEN":
		return fmt.Sprint(before)
	case "HINCRBY":
		v, is := key.fields[a[2]]
		n, err := strconv.Atoi(v)
		if by, _ := strconv.Atoi(a[3]); err == nil && fmt.Sprint(n) == v || !is {
			key.fields[a[2]] = fmt.Sprint(n + by)
			return key.fields[a[2]]
		}
		return "ERR hash value is not an integer"
	}
	all := []any{}
	for _, f := range slices.Sorted(maps.Keys(key.fields)) {
		all = append(all, f, key.fields[f])
	}
	return list(all)
}

func (m model) key(a []string, key *modelKey) string {
	n := 0
	switch a[0] {
	case "DEL", "EXISTS":
		for _, k := range a[1:] {
			if m[k] != nil {
				n++
			}
			if a[0] == "DEL" {
				delete(m, k)
			}
		}
	case "TTL":
		switch {
		case key == nil:
			n = -2
		case key.left == 0:
			n = -1
		default:
			n = key.left
		}
	case "EXPIRE":
		if key != nil {
			n = 1
			if key.left, _ = strconv.Atoi(a[2]); key.left <= 0 {
				delete(m, a[1])
			}
		}
	case "PERSIST":
		if key != nil && key.left > 0 {
			key.left, n = 0, 1
		}
	case "TYPE":
		switch {
		case key == nil:
			return "none"
		case key.fields != nil:
			return "hash"
		}
		return "string"
	}
	return fmt.Sprint(n)
}

func (m model) tick(seconds int) {
	for k, e := range m {
		if e.left > 0 {
			if e.left -= seconds; e.left <= 0 {
				delete(m, k)
			}
		}
	}
}

// drawCommand draws a command on a few keys of one partition, so that they often meet, and now and then of
// two.
func drawCommand(t *rapid.T) []string {
	key := rapid.SampledFrom([]string{"{p}1", "{p}2", "{p}/%\x00", "p", "other"})
	value := rapid.SampledFrom([]string{"", "0", "7", "-3", "text", "\r\n\xff", "007"})
	field := rapid.SampledFrom([]string{"", "a", "b", "b\x00"})
	number := rapid.SampledFrom([]string{"1", "-1", "30"})
	k, v, n := key.Draw(t, "key"), value.Draw(t, "value"), number.Draw(t, "number")
	f, g := field.Draw(t, "field"), field.Draw(t, "another")
	return rapid.SampledFrom([][]string{
		{"SET", k, v}, {"SET", k, v, "NX"}, {"SET", k, v, "XX"}, {"SET", k, v, "EX", "20"}, {"SET", k, v, "KEEPTTL"}, {"GETSET", k, v}, {"GETDEL", k},
		{"GET", k}, {"STRLEN", k}, {"APPEND", k, v}, {"INCRBY", k, n}, {"MGET", k, "p", "other"}, {"MSET", k, v, k, n}, {"MSET", "p", v, "{p}1", n},
		{"HSET", k, f, v}, {"HSET", k, f, v, g, n}, {"HGET", k, f}, {"HDEL", k, f, g}, {"HGETALL", k}, {"HLEN", k}, {"HINCRBY", k, f, n},
		{"DEL", k}, {"DEL", "p", "other", "{p}1"}, {"EXISTS", k, "p", k}, {"TTL", k}, {"EXPIRE", k, n}, {"PERSIST", k}, {"TYPE", k},
	}).Draw(t, "command")
}

// TestCommandsDoWhatTheModelDoes runs commands one by one or some as one transaction, while the clock goes on.
func TestCommandsDoWhatTheModelDoes(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t).Conn()
	defer c.Close()
	rapid.Check(t, func(t *rapid.T) {
		say(c, "DISCARD") // what an earlier sequence that failed has left
		say(c, "DEL", "{p}1", "{p}2", "{p}/%\x00", "p", "other")
		m, queued, queue := model{}, false, [][]string(nil)
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			switch a := drawCommand(t); {
			case rapid.IntRange(0, 9).Draw(t, "tick") == 0:
				l.store.Tick(5 * time.Second)
				m.tick(5)
			case !queued && rapid.IntRange(0, 9).Draw(t, "multi") == 0:
				queued, queue = true, nil
				expect(t, c, []string{"MULTI"}, "OK")
			case queued && rapid.IntRange(0, 4).Draw(t, "exec") == 0:
				queued = false
				expect(t, c, []string{"EXEC"}, m.exec(queue))
			case !queued:
				expect(t, c, a, m.do(a))
			case !slices.Contains(a, "other"):
				queue = append(queue, a)
				expect(t, c, a, "QUEUED")
			}
		}
		if queued {
			expect(t, c, []string{"EXEC"}, m.exec(queue))
		}
	})
}

func (m model) exec(queue [][]string) string {
	var all []any
	for _, a := range queue {
		reply := m.do(a)
		all = append(all, orNil(reply, reply != "nil"))
	}
	return list(all)
}

func expect(t *rapid.T, c *redis.Conn, command []string, want string) {
	t.Helper()
	var words []any
	for _, w := range command {
		words = append(words, w)
	}
	if got := say(c, words...); got != want {
		t.Fatalf("%q: %q, want %q", command, got, want)
	}
}
