package command_test

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"picloud/scenarios/command/uptest"
)

// TestMain is also picloud: the tests start it as up, which starts it as nodes.
func TestMain(m *testing.M) { uptest.Main(m) }

// cloud is a database that runs.
type cloud struct {
	port  string // of Redis' protocol
	token string
}

// tool returns what a program of Debian's redis-tools says.
func tool(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestRedisToolsWorkUnchanged: redis-cli and redis-benchmark against a cloud of three real processes.
func TestRedisToolsWorkUnchanged(t *testing.T) {
	if testing.Short() {
		t.Skip("a cloud of real processes takes its time")
	}
	for _, name := range []string{"redis-cli", "redis-benchmark"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is missing, of Debian's package redis-tools: %v", name, err)
		}
	}
	up := uptest.New(t, "-database")
	up.Up()
	c := cloud{up.Ports["redis"], up.File("token")}
	cli(t, c)
	ttl(t, c)
	benchmark(t, c)
}

// cli has redis-cli run commands on one connection.
func cli(t *testing.T, c cloud) {
	var commands, want []string
	for _, talk := range []struct{ command, reply string }{
		{"SET greeting hello", "OK"}, {"GET greeting", `"hello"`}, {"GET none", "(nil)"},
		{"INCR visits", "(integer) 1"}, {"INCRBY visits 9", "(integer) 10"},
		{"HSET cart apples 3 pears 4", "(integer) 2"}, {"HGETALL cart", "1) \"apples\"\n2) \"3\"\n3) \"pears\"\n4) \"4\""}, {"HINCRBY cart apples 2", "(integer) 5"},
		{"MSET {m}a 1 {m}b 2", "OK"}, {"MGET {m}a {m}b {m}c", "1) \"1\"\n2) \"2\"\n3) (nil)"},
		{"WATCH visits", "OK"}, {"MULTI", "OK"}, {"INCR visits", "QUEUED"}, {"GET visits", "QUEUED"}, {"EXEC", "1) (integer) 11\n2) \"11\""},
		{"WATCH visits", "OK"}, {"SET visits 1", "OK"}, {"MULTI", "OK"}, {"INCR visits", "QUEUED"}, {"EXEC", "(nil)"}, {"GET visits", `"1"`},
		{"MULTI", "OK"}, {"SET visits 5", "QUEUED"}, {"DISCARD", "OK"},
		{"INCR greeting", "(error) ERR value is not an integer or out of range"}, {"GET", "(error) ERR wrong number of arguments for 'get' command"},
		{"LPUSH list 1", "(error) ERR unknown command 'LPUSH', with args beginning with: 'list' '1' "},
		{"HGET greeting a", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"MSET a 1 b 2", "(error) CROSSSLOT Keys in request don't hash to the same slot"},
		{"DEL greeting cart none", "(integer) 2"}, {"EXISTS greeting", "(integer) 0"},
	} {
		commands, want = append(commands, talk.command), append(want, talk.reply)
	}
	said := tool(t, strings.Join(commands, "\n")+"\n", "redis-cli", "--no-raw", "--no-auth-warning", "-p", c.port, "-a", c.token)
	said = strings.ReplaceAll(said, "\n\n", "\n") // errors have an empty line behind them
	if said != strings.Join(want, "\n") {
		t.Errorf("redis-cli said\n%s\nand it should\n%s", said, strings.Join(want, "\n"))
	}
	if said := tool(t, "GET greeting\n", "redis-cli", "-p", c.port); !strings.Contains(said, "NOAUTH") {
		t.Errorf("without the token redis-cli said %q", said)
	}
}

// ttl has redis-cli let a key expire.
func ttl(t *testing.T, c cloud) {
	one := func(words ...string) string {
		return tool(t, "", "redis-cli", append([]string{"--no-auth-warning", "-p", c.port, "-a", c.token}, words...)...)
	}
	for _, step := range [][]string{{"SET k v", "OK"}, {"TTL k", "-1"}, {"EXPIRE k 100000", "1"}} {
		if said := one(strings.Fields(step[0])...); said != step[1] {
			t.Errorf("%s: %q, want %q", step[0], said, step[1])
		}
	}
	if left, err := strconv.Atoi(one("TTL", "k")); err != nil || left > 100000 || left < 90000 {
		t.Errorf("%d seconds are left: %v", left, err)
	}
	if said := one("EXPIRE", "k", "1"); said != "1" {
		t.Errorf("EXPIRE k 1: %q", said)
	}
	for one("EXISTS", "k") != "0" { // the test's own time ends this if nothing else does
	}
}

// benchmark has redis-benchmark run a few of its tests.
func benchmark(t *testing.T, c cloud) {
	said := tool(t, "", "redis-benchmark", "-q", "-p", c.port, "-a", c.token, "-t", "set,get,incr,hset,mset", "-n", "200", "-c", "8")
	said = strings.ReplaceAll(said, "\r", "\n")
	for _, name := range []string{"SET", "GET", "INCR", "HSET", "MSET (10 keys)"} {
		if !slices.ContainsFunc(strings.Split(said, "\n"), func(line string) bool {
			return strings.HasPrefix(line, name+": ") && strings.Contains(line, "requests per second, p50=")
		}) {
			t.Errorf("redis-benchmark does not tell of %s: %s", name, said)
		}
	}
	if strings.Contains(strings.ToLower(said), "error") {
		t.Error(said)
	}
}
