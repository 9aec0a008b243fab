package db

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"picloud/node/api"
	"picloud/node/host/hosttest"
	"picloud/node/store/storetest"
	"picloud/node/web"
)

// say runs a command and returns its reply as text.
func say(c redis.Cmdable, words ...any) string {
	type doer interface {
		Do(context.Context, ...any) *redis.Cmd
	}
	v, err := c.(doer).Do(context.Background(), words...).Result()
	if errors.Is(err, redis.Nil) {
		return "nil"
	}
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

// talk is a command and what Redis answers.
type talk struct{ command, reply string }

func (l *lab) converse(t *testing.T, c redis.Cmdable, talks []talk) {
	t.Helper()
	for i, s := range talks {
		var words []any
		for _, w := range strings.Split(s.command, " ") {
			words = append(words, strings.Trim(w, `"`))
		}
		if got := say(c, words...); got != s.reply {
			t.Errorf("%d: %s: %q, want %q", i, s.command, got, s.reply)
		}
	}
}

func TestCommandsAnswerAsRedisDoes(t *testing.T) {
	l := newLab(t, Config{})
	l.converse(t, l.redis(t), []talk{
		{"GET s", "nil"}, {"SET s a", "OK"}, {"APPEND s bc", "3"}, {"STRLEN s", "3"}, {"GET s", "abc"},
		{"GETRANGE s 1 -1", "bc"}, {"GETRANGE s -9 0", "a"}, {"GETRANGE s 2 1", ""}, {"GETRANGE s -2 -9", ""}, {"GETRANGE s -5 -7", ""}, {"GETRANGE s -7 -5", "a"}, {"SETRANGE s 5 z", "6"}, {"GET s", "abc\x00\x00z"},
		{"SETRANGE s -1 z", "ERR offset is out of range"}, {"SETRANGE s 1048576 z", string(errTooLong)}, {"SETRANGE none 3 \"\"", "0"},
		{"SET s 1 NX", "nil"}, {"SET s 1 XX GET", "abc\x00\x00z"}, {"SET new 1 XX", "nil"}, {"SET new 1 NX GET", "nil"}, {"SET new 2 NX GET", "1"},
		{"SET s 1 NX XX", "ERR syntax error"}, {"SET s 1 EX", "ERR syntax error"}, {"SET s 1 EX 1 PX 1", "ERR syntax error"}, {"SET s 1 KEEPTTL EX 1", "ERR syntax error"},
		{"SET s 1 EX 0", "ERR invalid expire time in 'set' command"}, {"SET s 1 EX x", "ERR value is not an integer or out of range"}, {"SET s 1 EX 9223372036854775807", "ERR invalid expire time in 'set' command"},
		{"SETEX s -1 1", "ERR invalid expire time in 'setex' command"}, {"SETNX s 1", "0"}, {"SETNX n 5", "1"}, {"GETSET n 6", "5"}, {"GETDEL n", "6"}, {"GETDEL n", "nil"},
		{"MSET {m}1 a {m}2 b", "OK"}, {"MSETNX {m}2 c {m}3 c", "0"}, {"MSETNX {m}3 c", "1"}, {"MGET {m}1 x {m}3 h", "[a <nil> c <nil>]"}, {"MSET a", "ERR wrong number of arguments for 'mset' command"}, {"MSET {m}a 1 {m}b", "ERR wrong number of arguments for 'mset' command"},
		{"MSET a 1 b 2", string(errCrossSlot)}, {"MSETNX a 1 b 2", string(errCrossSlot)},
		{"INCR n", "1"}, {"INCRBY n 41", "42"}, {"DECR n", "41"}, {"DECRBY n 1", "40"}, {"INCRBY n 01", "ERR value is not an integer or out of range"}, {"INCRBY n 9223372036854775807", "ERR increment or decrement would overflow"},
		{"DECRBY n -9223372036854775808", "ERR decrement would overflow"}, {"INCR {m}1", "ERR value is not an integer or out of range"},
		{"INCRBYFLOAT f 0.1", "0.1"}, {"INCRBYFLOAT f 0.2", "0.3"}, {"INCRBYFLOAT f -0.3", "0"}, {"INCRBYFLOAT f 3e3", "3000"}, {"INCRBYFLOAT f 1e-4000", "3000"}, {"INCRBYFLOAT f 1e-9999999", "ERR value is not a valid float"}, {"INCRBYFLOAT f 0e-9999999", "3000"}, {"INCRBYFLOAT f 0" + strings.Repeat("0", mostFloat), "ERR value is not a valid float"}, {"INCRBYFLOAT f x", "ERR value is not a valid float"}, {"INCRBYFLOAT f inf", "ERR increment would produce NaN or Infinity"}, {"INCRBYFLOAT f nan", "ERR value is not a valid float"}, {"INCRBYFLOAT {m}1 1", "ERR value is not a valid float"},
		{"HSET h b 2 a 1", "2"}, {"HSET h a 3 c 4", "1"}, {"HMSET h d 5", "OK"}, {"HSET h a", "ERR wrong number of arguments for 'hset' command"}, {"HSETNX h a 9", "0"}, {"HSETNX h e 6", "1"},
		{"HGET h a", "3"}, {"HGET h x", "nil"}, {"HGET x x", "nil"}, {"HMGET h a x c", "[3 <nil> 4]"}, {"HGETALL h", "[a 3 b 2 c 4 d 5 e 6]"}, {"HKEYS h", "[a b c d e]"}, {"HVALS h", "[3 2 4 5 6]"}, {"HLEN h", "5"}, {"HSTRLEN h a", "1"}, {"HEXISTS h a", "1"}, {"HEXISTS h x", "0"},
		{"HINCRBY h a 4", "7"}, {"HINCRBY h n 4", "4"}, {"HINCRBYFLOAT h a 0.5", "7.5"}, {"HINCRBYFLOAT h a 1e-9999999", "ERR value is not a valid float"}, {"HSET h tiny 1e-9999999", "1"}, {"HINCRBYFLOAT h tiny 1", "ERR hash value is not a float"}, {"HDEL h tiny", "1"}, {"HINCRBY h a 1", "ERR hash value is not an integer"}, {"HDEL h a b x", "2"}, {"HDEL h c d e n", "4"}, {"EXISTS h", "0"}, {"HDEL h a", "0"},
		{"HSET h w x", "1"}, {"HINCRBYFLOAT h w 1", "ERR hash value is not a float"}, {"GET h", string(errWrongType)}, {"INCR h", string(errWrongType)}, {"HGET s a", string(errWrongType)}, {"HSET s a 1", string(errWrongType)}, {"SET h 1 GET", string(errWrongType)},
		{"TYPE h", "hash"}, {"TYPE s", "string"}, {"TYPE x", "none"}, {"EXISTS s s h x", "3"}, {"TOUCH s x", "1"}, {"DEL s h x", "2"}, {"UNLINK s {m}1 {m}2", "2"},
		{"NOSUCH a b", "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "}, {"GET", "ERR wrong number of arguments for 'get' command"},
		{"PING", "PONG"}, {"PING x", "x"}, {"ECHO x", "x"}, {"SELECT 0", "OK"}, {"SELECT 1", "ERR DB index is out of range"},
		{"CLIENT SETNAME me", "OK"}, {"CLIENT SETINFO lib-name x", "OK"}, {"COMMAND DOCS", "[]"}, {"CONFIG GET save appendonly x", "[save  appendonly yes]"},
		{"HELLO 3", "NOPROTO unsupported protocol version"}, {"HELLO 2 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"}, {"AUTH x", "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"},
		{"EXEC", "ERR EXEC without MULTI"}, {"DISCARD", "ERR DISCARD without MULTI"}, {"UNWATCH", "OK"},
	})
}

func TestKeysExpireOnTheGroupsClock(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t)
	l.converse(t, c, []talk{
		{"SET k 1 EX 100", "OK"}, {"TTL k", "100"}, {"SET k 2 KEEPTTL", "OK"}, {"PTTL k", "100000"}, {"INCR k", "3"}, {"TTL k", "100"},
		{"EXPIRE k 50 GT", "0"}, {"EXPIRE k 50 NX", "0"}, {"EXPIRE k 50 LT", "1"}, {"PEXPIRE k 60000 GT", "1"}, {"TTL k", "60"}, {"EXPIRE k 1 NX GT", "ERR NX and XX, GT or LT options at the same time are not compatible"},
		{"EXPIRE k 1 GT LT", "ERR GT and LT options at the same time are not compatible"}, {"EXPIRE k 1 ZZ", "ERR Unsupported option ZZ"}, {"EXPIRE k 9223372036854775807", "ERR invalid expire time in 'expire' command"},
		{"GETEX k PERSIST", "3"}, {"TTL k", "-1"}, {"EXPIRE k 9 XX", "0"}, {"EXPIRE k 9 GT", "0"}, {"EXPIRE k 9 LT", "1"}, {"PERSIST k", "1"}, {"PERSIST k", "0"}, {"TTL none", "-2"}, {"EXPIRE none 1", "0"},
		{"GETEX k EX 30", "3"}, {"PTTL k", "30000"}, {"PSETEX p 1500 x", "OK"}, {"PTTL p", "1500"}, {"EXPIRETIME none", "-2"},
		{"HSET h a 1", "1"}, {"EXPIRE h 10", "1"}, {"HSET h b 2", "1"}, {"TTL h", "10"}, {"SET gone 1", "OK"}, {"EXPIREAT gone 1", "1"}, {"EXISTS gone", "0"}, {"SET gone 1 PXAT 1", "OK"}, {"EXISTS gone", "0"}, {"SET gone 1", "OK"}, {"EXPIRE gone -1", "1"}, {"EXISTS gone", "0"},
	})
	until := time.Now().Add(time.Hour)
	say(c, "SET", "at", "1")
	if say(c, "EXPIREAT", "at", until.Unix()) != "1" {
		t.Error("no EXPIREAT")
	}
	if n, err := c.PExpireTime(context.Background(), "at").Result(); err != nil || n.Milliseconds()-until.UnixMilli() < -1000 || n.Milliseconds() > time.Now().Add(time.Hour).UnixMilli() {
		t.Errorf("%s, want %d: %v", n, until.UnixMilli(), err)
	}
	l.store.Tick(10 * time.Second)
	l.converse(t, c, []talk{{"EXISTS h", "0"}, {"EXISTS p", "0"}, {"TTL k", "20"}})
}

// forward is a store whose time goes on before each write, as that of a group does.
type forward struct {
	*storetest.Store
	by time.Duration
}

func (f *forward) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	if !t.ReadOnly() {
		f.Tick(f.by)
	}
	return f.Store.Txn(ctx, t)
}

// TestWhatChangesAKeyKeepsItsTime: time goes on between a command's read and its write, and must not be given back.
func TestWhatChangesAKeyKeepsItsTime(t *testing.T) {
	store := &forward{storetest.New(t), 500 * time.Millisecond}
	l := labOn(t, store, Config{})
	c := l.redis(t)
	for _, step := range [][]any{
		{"SET", "k", "1"}, {"PEXPIRE", "k", "60000"}, {"INCR", "k"}, {"APPEND", "k", "0"}, {"SET", "k", "7", "KEEPTTL"}, {"SETRANGE", "k", "1", "x"},
		{"HSET", "h", "n", "1"}, {"PEXPIRE", "h", "57000"}, {"HINCRBY", "h", "n", "2"}, {"HSET", "h", "m", "2"},
	} {
		say(c, step...)
	}
	l.converse(t, c, []talk{{"GET k", "7x"}, {"PTTL k", "56000"}, {"HGET h n", "3"}, {"PTTL h", "56000"}})
	store.Tick(56 * time.Second)
	l.converse(t, c, []talk{{"EXISTS k", "0"}, {"EXISTS h", "0"}})
}

func TestMultiIsOneTransaction(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t, func(o *redis.Options) { o.PoolSize = 1 })
	one := c.Conn()
	defer one.Close()
	l.converse(t, one, []talk{
		{"MULTI", "OK"}, {"SET {m}a 1", "QUEUED"}, {"INCR {m}a", "QUEUED"}, {"GET {m}a", "QUEUED"}, {"PING", "QUEUED"}, {"LPUSH", "ERR unknown command 'LPUSH', with args beginning with: "}, {"EXEC", string(errExecAbort)}, {"GET {m}a", "nil"},
		{"MULTI", "OK"}, {"SET {m}a 1", "QUEUED"}, {"INCR {m}a", "QUEUED"}, {"HSET {m}a x y", "QUEUED"}, {"GET {m}a", "QUEUED"}, {"PING", "QUEUED"}, {"EXEC", "[OK 2 " + string(errWrongType) + " 2 PONG]"},
		{"MULTI", "OK"}, {"MULTI", "ERR MULTI calls can not be nested"}, {"WATCH x", "ERR WATCH inside MULTI is not allowed"}, {"EXEC", "[]"},
		{"MULTI", "OK"}, {"GET", "ERR wrong number of arguments for 'get' command"}, {"EXEC", string(errExecAbort)},
		{"MULTI", "OK"}, {"SET {m}a 5", "QUEUED"}, {"SET b 5", string(errCrossSlot)}, {"EXEC", string(errExecAbort)}, {"MULTI", "OK"}, {"DEL {m}a b", string(errCrossSlot)}, {"EXEC", string(errExecAbort)},
		{"MULTI", "OK"}, {"INFO", "ERR Command 'info' not allowed inside a transaction"}, {"EXEC", string(errExecAbort)}, {"MULTI", "OK"}, {"UNWATCH", "QUEUED"}, {"EXEC", "[OK]"}, {"MULTI", "OK"}, {"SET {m}a 7", "QUEUED"}, {"DISCARD", "OK"}, {"GET {m}a", "2"},
		{"WATCH a b", string(errCrossSlot)}, {"WATCH a", "OK"}, {"WATCH b", string(errCrossSlot)}, {"MULTI", "OK"}, {"GET b", string(errCrossSlot)}, {"EXEC", string(errExecAbort)},
	})
	before := l.store.Revision()
	l.converse(t, one, []talk{{"MULTI", "OK"}, {"SET {m}a 1", "QUEUED"}, {"HSET {m}h a 1", "QUEUED"}, {"DEL {m}none", "QUEUED"}, {"EXEC", "[OK 1 0]"}})
	if after := l.store.Revision(); after != before+1 {
		t.Errorf("%d revisions", after-before)
	}
}

// TestAMultiHasALimit queues arguments that are empty, and take memory all the same.
func TestAMultiHasALimit(t *testing.T) {
	l := newLab(t, Config{MaxBody: 10000})
	one := l.redis(t).Conn()
	defer one.Close()
	ping := "PING" + strings.Repeat(" ", 100)
	over := fmt.Sprintf("ERR a transaction has at most 1000 commands of 10000 bytes, %d more for each argument", perArg)
	l.converse(t, one, []talk{
		{"MULTI", "OK"}, {ping, "QUEUED"}, {ping, "QUEUED"}, {ping, "QUEUED"}, {ping, over}, {"PING", "QUEUED"}, {"EXEC", string(errExecAbort)},
		{"MULTI", "OK"}, {ping, "QUEUED"}, {"DISCARD", "OK"}, {"MULTI", "OK"}, {"PING", "QUEUED"}, {"EXEC", "[PONG]"},
	})
	var keys []any
	for i := range api.MaxTxnOps {
		keys = append(keys, fmt.Sprint("{w}", i))
	}
	if got := say(one, append([]any{"WATCH"}, keys...)...); got != "OK" {
		t.Fatal(got)
	}
	l.converse(t, one, []talk{{"WATCH {w}0", "OK"}, {"WATCH {w}more", "ERR at most 128 keys can be watched"}, {"UNWATCH", "OK"}, {"WATCH more", "OK"}})
}

func TestAWatchedKeyThatChangedStopsExec(t *testing.T) {
	l := newLab(t, Config{})
	mine, other := l.redis(t).Conn(), l.redis(t)
	defer mine.Close()
	for _, test := range []struct{ watch, meanwhile, queued, want string }{
		{"w", "SET w 1", "SET w 2", "nil"},
		{"w", "SET x 1", "SET w 2", "[OK]"},
		{"{w}1", "SET {w}1 2", "GET w", "nil"}, // without any write
		{"w", "DEL w", "SET {w}1 3", "nil"},
		{"w", "SET {w}2 1", "GET w", "[<nil>]"},
	} {
		l.converse(t, mine, []talk{{"WATCH " + test.watch, "OK"}})
		say(other, words(test.meanwhile)...)
		l.converse(t, mine, []talk{{"MULTI", "OK"}, {test.queued, "QUEUED"}, {"EXEC", test.want}})
	}
	l.converse(t, mine, []talk{{"WATCH w", "OK"}, {"UNWATCH", "OK"}})
	say(other, "SET", "w", "9")
	l.converse(t, mine, []talk{{"MULTI", "OK"}, {"GET w", "QUEUED"}, {"EXEC", "[9]"}})
}

func words(s string) (list []any) {
	for _, w := range strings.Fields(s) {
		list = append(list, w)
	}
	return list
}

// TestCountersLoseNothing counts from many connections, of two databases on one store, so that their
// transactions come between one another.
func TestCountersLoseNothing(t *testing.T) {
	l := newLab(t, Config{})
	second := labOn(t, l.store, Config{})
	var all sync.WaitGroup
	for i := range 8 {
		c := []*lab{l, second}[i%2].redis(t)
		all.Go(func() {
			for range 20 {
				if got := say(c, "INCR", "n"); strings.HasPrefix(got, "ERR") || strings.HasPrefix(got, "TRY") {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
	l.converse(t, l.redis(t), []talk{{"GET n", "160"}})
}

// TestAConflictIsTriedAgainWithoutAnotherRead lets another write come between reading and writing.
func TestAConflictIsTriedAgainWithoutAnotherRead(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t)
	say(c, "SET", "n", "1")
	reads, writes := 0, 0
	l.store.Fail(func(x *api.Txn) *storetest.Fault {
		if x.ReadOnly() {
			reads++
			return nil
		}
		if writes++; writes == 1 { // as if the record had changed after it was read
			x.If[0].Number--
		}
		return nil
	})
	if got := say(c, "INCR", "n"); got != "2" || reads != 1 || writes != 2 || l.metric(t, "picloud_db_optimistic_retries_total") != 1 {
		t.Errorf("%s after %d reads and %d writes", got, reads, writes)
	}
	if say(c, "SET", "n", "5"); reads != 1 || writes != 3 {
		t.Errorf("SET takes %d reads and %d writes", reads-1, writes-2)
	}
	hasty := labOn(t, l.store, Config{Timeout: 50 * time.Millisecond})
	l.store.Fail(func(x *api.Txn) *storetest.Fault {
		if !x.ReadOnly() {
			x.If[0].Number-- // for ever
		}
		return nil
	})
	if got := say(hasty.redis(t), "INCR", "n"); !strings.HasPrefix(got, "TRYAGAIN ") {
		t.Error(got)
	}
}

func TestPipelinesKeepTheirOrder(t *testing.T) {
	l := newLab(t, Config{})
	c, ctx := l.redis(t), context.Background()
	var sent []redis.Cmder
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 500 {
			key := fmt.Sprint("k", i%7)
			sent = append(sent, p.Append(ctx, key, "x"), p.MGet(ctx, "k0", "k1"), p.Get(ctx, key))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		want := strings.Repeat("x", i/7+1)
		if n, text := sent[3*i].(*redis.IntCmd).Val(), sent[3*i+2].(*redis.StringCmd).Val(); n != int64(len(want)) || text != want {
			t.Fatalf("command %d: %d, %q", i, n, text)
		}
	}
	if done, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "n"); p.Incr(ctx, "n"); return nil }); err != nil || done[1].(*redis.IntCmd).Val() != 2 {
		t.Errorf("%v %v", done, err)
	}
}

func TestTokensOpenConnections(t *testing.T) {
	l := newLab(t, Config{RESPNamespace: "cache", Tokens: []Token{{"reads-cache", Reader, []string{"cache"}}, {"writes-cache", Writer, []string{"cache"}}, {"elsewhere", Writer, []string{"app"}}}})
	c := l.redis(t).Conn()
	defer c.Close()
	const noperm = "NOPERM this user has no permissions to run the '%s' command"
	l.converse(t, c, []talk{
		{"GET a", string(errNoAuth)}, {"PING", string(errNoAuth)}, {"MULTI", string(errNoAuth)}, {"AUTH wrong", string(errWrongPass)}, {"GET a", string(errNoAuth)},
		{"AUTH reads-cache", "OK"}, {"GET a", "nil"}, {"SET a 1", fmt.Sprintf(noperm, "set")}, {"MULTI", "OK"}, {"SET a 1", fmt.Sprintf(noperm, "set")}, {"EXEC", string(errExecAbort)},
		{"AUTH anybody writes-cache", "OK"}, {"SET a 1", "OK"}, {"AUTH elsewhere", "OK"}, {"GET a", fmt.Sprintf(noperm, "get")}, {"AUTH a b c", "ERR syntax error"},
	})
	named := l.redis(t, func(o *redis.Options) {
		o.Username, o.Password, o.Protocol, o.ClientName = "any", "writes-cache", 2, "me"
	})
	l.converse(t, named, []talk{{"GET a", "1"}, {"CLIENT GETNAME", "me"}})
	l.converse(t, l.redis(t, func(o *redis.Options) { o.Password = "writes-cache" }), []talk{{"GET a", "1"}})
}

func TestErrorsOfTheStoreAreTold(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t)
	for _, test := range []struct {
		kind        api.Kind
		after       bool
		read, write string
	}{
		{api.Unavailable, false, "TRYAGAIN ", "TRYAGAIN "}, {api.NotLeader, false, "TRYAGAIN ", "TRYAGAIN "}, {api.Unknown, true, "TRYAGAIN ", "UNKNOWN "}, {api.Unknown, false, "TRYAGAIN ", "UNKNOWN "}, {api.Internal, false, "ERR ", "UNKNOWN "},
	} {
		l.store.Fail(func(*api.Txn) *storetest.Fault {
			return &storetest.Fault{Err: api.Errorf(test.kind, "try", "", "no\r\nluck"), After: test.after}
		})
		for command, want := range map[string]string{"GET a": test.read, "MGET a b": test.read, "SET a 1": test.write, "DEL a b": "UNKNOWN ", "WATCH a": test.read} {
			if got := say(c, words(command)...); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
				t.Errorf("%s: %s: %q", test.kind, command, got)
			}
		}
	}
	if n := l.metric(t, "picloud_db_requests_total", "resp", "set", "unknown-outcome"); n != 3 {
		t.Errorf("%f commands of unknown outcome", n)
	}
	if n := l.metric(t, "picloud_db_request_seconds", "resp", "get"); n != 5 {
		t.Errorf("%f latencies", n)
	}
}

// TestMalformedCommandsEndTheConnection sends what no client of Redis does.
func TestMalformedCommandsEndTheConnection(t *testing.T) {
	l := newLab(t, Config{Tokens: []Token{{"long-enough", Admin, []string{"*"}}}})
	for _, test := range []struct{ sent, got string }{
		{"*1\r\n$9223372036854775807\r\n", "-ERR Protocol error: invalid bulk length"},
		{"*9223372036854775807\r\n", "-ERR Protocol error: invalid multibulk length"},
		{"*11\r\n", "-ERR Protocol error: invalid multibulk length"}, // a stranger's commands are short
		{"*2\r\n$4\r\nPING\r\n$16385\r\n", "-ERR Protocol error: invalid bulk length"},
		{"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"},
		{"*1\r\n:4\r\n", "-ERR Protocol error: expected '$', got ':'"},
		{"*1\r\n$4\r\nPINGxx", "-ERR Protocol error: invalid bulk length"},
		{strings.Repeat("x", strangerBytes), "-ERR Protocol error: too big inline request"},
		{"POST / HTTP/1.1\r\n", "-ERR Protocol error: a HTTP request, no command"},
		{"\r\n*0\r\n*-1\r\nauth long-enough\r\nping\r\nquit\r\n", "+OK\r\n+PONG\r\n+OK"},
	} {
		c, err := net.Dial("tcp", l.resp)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(test.sent)); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if _, err := bufio.NewReader(c).WriteTo(&got); err != nil && got.Len() == 0 { // it ends, with what was not read maybe as a reset
			t.Error(err)
		}
		if strings.TrimSpace(got.String()) != test.got {
			t.Errorf("%.40q: %q", test.sent, got.String())
		}
		c.Close()
	}
}

func TestNamesOfMetricsAreFew(t *testing.T) {
	l := newLab(t, Config{})
	c := l.redis(t)
	for i := range 20 {
		say(c, fmt.Sprint("CMD", i))
		l.ask(t, "GET", fmt.Sprint("/x", i), "")
	}
	if n := l.metric(t, "picloud_db_requests_total", "resp", "other", "bad-request"); n < 20 {
		t.Errorf("%f unknown commands", n)
	}
	if n := l.metric(t, "picloud_db_requests_total", "http", "other", "not-found"); n != 20 {
		t.Errorf("%f unknown paths", n)
	}
}

// between is a store before whose transactions something happens.
type between struct {
	api.Store
	before func(*api.Txn)
}

func (b *between) Txn(ctx context.Context, t *api.Txn) (*api.Reply, error) {
	b.before(t)
	return b.Store.Txn(ctx, t)
}

// TestAWatchedKeyThatChangesDuringExecStopsIt changes it after EXEC has read it.
func TestAWatchedKeyThatChangesDuringExecStopsIt(t *testing.T) {
	store := storetest.New(t)
	other := labOn(t, store, Config{}).redis(t)
	var once sync.Once
	l := labOn(t, &between{store, func(x *api.Txn) {
		if !x.ReadOnly() {
			once.Do(func() { say(other, "SET", "{k}w", "theirs") })
		}
	}}, Config{})
	mine := l.redis(t).Conn()
	defer mine.Close()
	l.converse(t, mine, []talk{{"WATCH {k}w", "OK"}, {"MULTI", "OK"}, {"SET {k}x mine", "QUEUED"}, {"EXEC", "nil"}, {"GET {k}x", "nil"}, {"GET {k}w", "theirs"}})
}

// TestAPipelineIsServedSideBySide holds the first command of a pipeline up until the last one has come to
// the store, and those of its partition wait behind it all the same.
func TestAPipelineIsServedSideBySide(t *testing.T) {
	last := make(chan struct{})
	l := labOn(t, &between{storetest.New(t), func(x *api.Txn) {
		if len(x.Then) == 1 && string(x.Then[0].Value) == "s1" {
			<-last
		} else if x.Partition() == "@redis:last" {
			close(last)
		}
	}}, Config{})
	c, ctx := l.redis(t), context.Background()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 9 {
			p.Set(ctx, "k", i+1, 0)
		}
		return p.Set(ctx, "last", 0, 0).Err()
	})
	if got := say(c, "GET", "k"); err != nil || got != "9" {
		t.Errorf("%s: %v", got, err)
	}
}

// TestWhatIsUnderWayIsAnsweredWhenTheServerStops stops it while the store has a command, behind which others wait, are
// in the stream, or come.
func TestWhatIsUnderWayIsAnsweredWhenTheServerStops(t *testing.T) {
	came, goOn := make(chan struct{}), make(chan struct{})
	store := storetest.New(t)
	l := labOn(t, &between{store, func(x *api.Txn) {
		if !x.ReadOnly() && string(x.Then[0].Value) == "s1" {
			close(came)
			<-goOn
		}
	}}, Config{})
	stream, err := net.Dial("tcp", l.resp)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := io.WriteString(stream, "SET k 1\r\nINCR k\r\nPING\r\n"); err != nil { // PING waits for both
		t.Fatal(err)
	}
	<-came
	l.stop()
	for { // until nobody listens
		c, err := net.Dial("tcp", l.resp)
		if err != nil {
			break
		}
		c.Close()
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := io.WriteString(stream, strings.Repeat("INCR k\r\n", 10_000)); err != nil {
		t.Error(err)
	}
	close(goOn)
	got, err := io.ReadAll(stream)
	if err != nil || string(got) != "+OK\r\n:2\r\n+PONG\r\n" {
		t.Errorf("%q, %v", got, err)
	}
	l.converse(t, labOn(t, store, Config{}).redis(t), []talk{{"GET k", "2"}})
}

// stuck is a store that answers nothing until the context ends.
type stuck struct{ api.Store }

func (stuck) Txn(ctx context.Context, _ *api.Txn) (*api.Reply, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestNothingHoldsAServerUpThatStops stops it while the store does not answer, and while a client takes nothing.
func TestNothingHoldsAServerUpThatStops(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		replies    int
		got        string
		took       time.Duration
	}{
		{"idle", "", 0, "", parting},
		{"half a command", "PI", 0, "", parting},
		{"the store hangs", "SET k 1\r\n", 1, "-UNKNOWN ", web.StopLimit + parting},
		{"nobody reads", "PING\r\nPING\r\n", 0, "", web.StopLimit + web.LastAnswer},
		{"both", strings.Repeat("SET k 1\r\n", 2*pipelined), 0, "", web.StopLimit + web.LastAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, err := New(Config{Timeout: time.Minute}, stuck{}, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				network := hosttest.NewMemory()
				listener, err := network("pi-1").Listen("tcp", ":6379")
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- d.ServeRESP(ctx, listener) }()
				stream, err := network("pi-2").DialContext(ctx, "tcp", "pi-1:6379")
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Close()
				go io.WriteString(stream, test.sent) // the server may not take all of it
				synctest.Wait()
				began := time.Now()
				stop()
				in := bufio.NewReader(stream)
				for range test.replies {
					if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, test.got) {
						t.Errorf("%q, %v", line, err)
					}
				}
				if err := <-ended; err != nil || time.Since(began) != test.took {
					t.Errorf("after %s, %v", time.Since(began), err)
				}
			})
		})
	}
}
