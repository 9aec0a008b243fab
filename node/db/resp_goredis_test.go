package db

import (
	"context"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// sent notes which commands go-redis sends, with the words that stand in them.
type sent struct {
	mu    sync.Mutex
	words map[string]map[string]bool
}

func (s *sent) note(c redis.Cmder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.ToUpper(c.Name())
	if s.words[name] == nil {
		s.words[name] = map[string]bool{}
	}
	for _, arg := range c.Args()[1:] {
		s.words[name][strings.ToUpper(fmt.Sprint(arg))] = true
	}
}

func (s *sent) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *sent) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		s.note(c)
		return next(ctx, c)
	}
}

func (s *sent) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, all []redis.Cmder) error {
		for _, c := range all {
			s.note(c)
		}
		return next(ctx, all)
	}
}

// documented returns the commands of the README with the words that follow them in brackets.
func documented(t *testing.T) map[string][]string {
	_, table, _ := strings.Cut(read(t, "README.md"), "<!-- commands -->")
	table, _, _ = strings.Cut(table, "<!-- end of commands -->")
	all := map[string][]string{}
	for _, m := range regexp.MustCompile(`\b([A-Z]+)\b(?: \((.*?)\))?`).FindAllStringSubmatch(table, -1) {
		all[m[1]] = strings.Fields(m[2])
	}
	return all
}

// TestGoRedisUsesEveryCommand: with its own function for it, where it has one that is not deprecated.
func TestGoRedisUsesEveryCommand(t *testing.T) {
	l := newLab(t, Config{Tokens: []Token{{Token: "secret-token", Role: Admin, Namespaces: []string{"*"}}}})
	seen := &sent{words: map[string]map[string]bool{}}
	c := l.redis(t, func(o *redis.Options) { o.Password = "secret-token" })
	c.AddHook(seen)
	useStrings(t, c)
	useHashes(t, c)
	useKeys(t, c)
	useTransactions(t, c)
	useConnection(t, c)
	for name, words := range documented(t) {
		if seen.words[name] == nil {
			t.Errorf("%s was not used", name)
			continue
		}
		for _, word := range words {
			if !seen.words[name][word] {
				t.Errorf("%s %s was not used, only %v", name, word, slices.Sorted(maps.Keys(seen.words[name])))
			}
		}
	}
}

// answered checks what came of commands, each as go-redis prints it with its answer.
func answered(t *testing.T, commands []redis.Cmder, want ...string) {
	t.Helper()
	if len(commands) != len(want) {
		t.Fatalf("%d commands, and %d answers", len(commands), len(want))
	}
	for i, c := range commands {
		if c.String() != want[i] {
			t.Errorf("%q, want %q", c, want[i])
		}
	}
}

func useStrings(t *testing.T, c *redis.Client) {
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	answered(t, []redis.Cmder{
		c.Set(ctx, "s", "a", 0), c.Set(ctx, "s", "a", time.Minute), c.Set(ctx, "s", "a", 1500*time.Millisecond), c.Set(ctx, "s", "b", redis.KeepTTL),
		c.SetXX(ctx, "s", "c", 0), c.SetNX(ctx, "s", "d", time.Minute), c.SetArgs(ctx, "s", "e", redis.SetArgs{Get: true}),
		c.SetNX(ctx, "s", "f", 0), c.Do(ctx, "SETNX", "s", "f"), c.Do(ctx, "SETEX", "x", 60, "1"), c.Do(ctx, "PSETEX", "x", 60000, "2"), c.Get(ctx, "x"),
		c.Do(ctx, "GETSET", "x", "3"), c.GetDel(ctx, "x"), c.GetEx(ctx, "s", time.Minute),
		c.MSet(ctx, "{m}a", "1", "{m}b", "2"), c.MSetNX(ctx, "{m}c", "3", "{m}a", "4"), c.MGet(ctx, "{m}a", "{m}c"),
		c.Append(ctx, "s", "xyz"), c.StrLen(ctx, "s"), c.GetRange(ctx, "s", 1, 2), c.SetRange(ctx, "s", 1, "ab"),
		c.Incr(ctx, "n"), c.Decr(ctx, "n"), c.IncrBy(ctx, "n", 5), c.DecrBy(ctx, "n", 2), c.IncrByFloat(ctx, "n", 0.5),
	},
		"set s a: OK", "set s a ex 60: OK", "set s a px 1500: OK", "set s b keepttl: OK",
		"set s c xx: true", "set s d ex 60 nx: false", "set s e get: c",
		"set s f nx: false", "SETNX s f: 0", "SETEX x 60 1: OK", "PSETEX x 60000 2: OK", "get x: 2",
		"GETSET x 3: 2", "getdel x: 3", "getex s ex 60: e",
		"mset {m}a 1 {m}b 2: OK", "msetnx {m}c 3 {m}a 4: false", "mget {m}a {m}c: [1 <nil>]",
		"append s xyz: 4", "strlen s: 4", "getrange s 1 2: xy", "setrange s 1 ab: 4",
		"incr n: 1", "decr n: 0", "incrby n 5: 5", "decrby n 2: 3", "incrbyfloat n 0.5: 3.5")
	for _, at := range []time.Time{later.Truncate(time.Second), later.Truncate(time.Second).Add(time.Millisecond)} { // EXAT, PXAT
		if got := c.SetArgs(ctx, "s", "g", redis.SetArgs{ExpireAt: at}); got.Err() != nil {
			t.Error(got)
		}
	}
}

func useHashes(t *testing.T, c *redis.Client) {
	ctx := t.Context()
	answered(t, []redis.Cmder{
		c.HSet(ctx, "h", "a", "1", "b", "2"), c.HMSet(ctx, "h", "c", "3"), c.HSetNX(ctx, "h", "a", "9"), c.HGet(ctx, "h", "a"),
		c.HMGet(ctx, "h", "a", "x"), c.HGetAll(ctx, "h"), c.HDel(ctx, "h", "c"), c.HExists(ctx, "h", "c"), c.HLen(ctx, "h"),
		c.HKeys(ctx, "h"), c.HVals(ctx, "h"), c.HStrLen(ctx, "h", "a"), c.HIncrBy(ctx, "h", "a", 4), c.HIncrByFloat(ctx, "h", "a", 0.25),
	},
		"hset h a 1 b 2: 2", "hmset h c 3: true", "hsetnx h a 9: false", "hget h a: 1",
		"hmget h a x: [1 <nil>]", "hgetall h: map[a:1 b:2 c:3]", "hdel h c: 1", "hexists h c: false", "hlen h: 2",
		"hkeys h: [a b]", "hvals h: [1 2]", "hstrlen h a: 1", "hincrby h a 4: 5", "hincrbyfloat h a 0.25: 5.25")
}

func useKeys(t *testing.T, c *redis.Client) {
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	answered(t, []redis.Cmder{
		c.Set(ctx, "k", "v", 0), c.Exists(ctx, "k", "none"), c.Touch(ctx, "k"), c.Type(ctx, "k"),
		c.ExpireXX(ctx, "k", time.Minute), c.ExpireNX(ctx, "k", time.Minute), c.TTL(ctx, "k"), c.Persist(ctx, "k"), c.Expire(ctx, "k", time.Minute),
		c.PExpire(ctx, "k", 90*time.Second), c.PTTL(ctx, "k"),
		c.Do(ctx, "PEXPIREAT", "k", later.UnixMilli(), "NX"), c.Do(ctx, "PEXPIREAT", "k", later.UnixMilli(), "LT"),
		c.Do(ctx, "PEXPIREAT", "none", later.UnixMilli(), "XX"), c.Do(ctx, "PEXPIREAT", "none", later.UnixMilli(), "GT"),
	},
		"set k v: OK", "exists k none: 1", "touch k: 1", "type k: string",
		"expire k 60 XX: false", "expire k 60 NX: true", "ttl k: 1m0s", "persist k: true", "expire k 60: true",
		"pexpire k 90000: true", "pttl k: 1m30s",
		fmt.Sprintf("PEXPIREAT k %d NX: 0", later.UnixMilli()), fmt.Sprintf("PEXPIREAT k %d LT: 0", later.UnixMilli()),
		fmt.Sprintf("PEXPIREAT none %d XX: 0", later.UnixMilli()), fmt.Sprintf("PEXPIREAT none %d GT: 0", later.UnixMilli()))
	for _, set := range []*redis.BoolCmd{c.ExpireAt(ctx, "k", later), c.PExpireAt(ctx, "k", later)} {
		if !set.Val() {
			t.Error(set)
		}
	}
	const rough = 10 * time.Minute // how long the test may take
	for _, is := range []*redis.DurationCmd{c.ExpireTime(ctx, "k"), c.PExpireTime(ctx, "k")} {
		if off := is.Val() - time.Duration(later.UnixNano()); is.Err() != nil || off.Abs() > rough {
			t.Errorf("%s is %s off", is, off)
		}
	}
	answered(t, []redis.Cmder{c.Del(ctx, "k", "none"), c.Unlink(ctx, "k")}, "del k none: 1", "unlink k: 0")
}

func useTransactions(t *testing.T, c *redis.Client) {
	ctx := t.Context()
	var got *redis.IntCmd
	err := c.Watch(ctx, func(tx *redis.Tx) error {
		if err := tx.Unwatch(ctx).Err(); err != nil {
			return err
		}
		if err := tx.Watch(ctx, "t").Err(); err != nil {
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			got = p.IncrBy(ctx, "t", 7)
			return nil
		})
		return err
	}, "t")
	if err != nil || got.Val() != 7 {
		t.Errorf("%v: %v", got, err)
	}
	one := c.Conn()
	defer one.Close()
	answered(t, []redis.Cmder{one.Do(ctx, "MULTI"), one.Do(ctx, "INCR", "t"), one.Do(ctx, "DISCARD"), one.Get(ctx, "t")},
		"MULTI: OK", "INCR t: QUEUED", "DISCARD: OK", "get t: 7")
}

func useConnection(t *testing.T, c *redis.Client) {
	ctx := t.Context()
	one := c.Conn()
	defer one.Close()
	answered(t, []redis.Cmder{
		one.Ping(ctx), one.Echo(ctx, "e"), one.Select(ctx, 0), one.Auth(ctx, "secret-token"), one.AuthACL(ctx, "me", "secret-token"),
		one.ClientSetName(ctx, "me"), one.ClientGetName(ctx),
		one.ConfigGet(ctx, "appendonly"), one.Command(ctx), one.Do(ctx, "COMMAND", "DOCS"),
	},
		"ping: PONG", "echo e: e", "select 0: OK", "auth secret-token: OK", "auth me secret-token: OK",
		"client setname me: true", "client getname: me", "config get appendonly: map[appendonly:yes]", "command: map[]", "COMMAND DOCS: []")
	if set := one.ClientSetInfo(ctx, redis.WithLibraryName("mine")); set.Val() != "OK" {
		t.Error(set)
	}
	if n, err := one.ClientID(ctx).Result(); err != nil || n == 0 {
		t.Errorf("the connection's number is %d: %v", n, err)
	}
	if n, err := one.Do(ctx, "COMMAND", "COUNT").Int(); err != nil || n != len(commands()) {
		t.Errorf("%d commands: %v", n, err)
	}
	if text, err := one.Info(ctx).Result(); err != nil || !strings.Contains(text, "redis_version:") {
		t.Errorf("%q: %v", text, err)
	}
	if v := one.Hello(ctx, 2, "me", "secret-token", ""); v.Err() != nil || v.Val()["proto"] != int64(2) {
		t.Error(v)
	}
	answered(t, []redis.Cmder{one.Do(ctx, "QUIT")}, "QUIT: OK")
}
