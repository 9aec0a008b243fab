package node

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/app"
	"picloud/node/blob"
	"picloud/node/cache"
	"picloud/node/host/hosttest"
	"picloud/node/lambda"
	"picloud/node/queue"
)

// clerk is an application whose function writes what a job says, as a blob, and which does pushed jobs as well.
type clerk struct {
	kit   app.Kit
	blobs *blob.Store
}

func newClerk(k app.Kit) (app.App, error) {
	blobs, err := blob.New(k.Store, k.Cache, "work", k.Proof, k.Metrics)
	return &clerk{k, blobs}, err
}

func (c *clerk) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			fmt.Fprintf(w, `{"then":[{"kind":"put","key":"%s/%s","value":"cHVzaGVk"}]}`, r.Header.Get(lambda.PartitionHeader), r.Header.Get(lambda.KindHeader))
		}
	})
}

func (c *clerk) Functions() []lambda.Function {
	return []lambda.Function{c.blobs.Sweep(), {Queue: "work", Kind: "note", Do: c.note}}
}

func (c *clerk) note(ctx context.Context, r *lambda.Run) (*lambda.Effect, error) {
	d, err := c.blobs.Put(ctx, r.Partition, r.Job.Payload, "text/plain")
	if err != nil {
		return nil, err
	}
	return &lambda.Effect{If: d.If, Then: append(d.Then, api.Op{Kind: api.Put, Key: r.Partition + "/note", Value: []byte(d.Handle.String())})}, nil
}

func (c *clerk) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (c *clerk) Healthy(context.Context) error { return nil }

// withClerk gives a node the roles by which the application clerk and its functions run.
func withClerk(t *testing.T) func(*Config) {
	return func(c *Config) {
		c.applications = map[string]app.New{"clerk": newClerk}
		c.Apps = []App{{Name: "clerk", Port: hosttest.FreePort(t), Drain: Duration{time.Millisecond}}}
		c.Queue = &Queue{Port: hosttest.FreePort(t), Queues: []WorkQueue{{Name: "work", Namespace: "home", Partitions: 2}, {Name: "pushed", Namespace: "home", Partitions: 2}}}
		c.Lambda = &Lambda{Apps: []AppFunctions{{Name: "clerk"}}, Push: []Push{{Queue: "pushed", Kind: "stamp", Service: "clerk"}}}
	}
}

// TestANodeRunsFunctions: jobs that are enqueued with a transaction, for a function that is compiled in, and for a program.
func TestANodeRunsFunctions(t *testing.T) {
	n, _ := begun(t, withClerk(t))
	s, err := n.client()
	if err != nil {
		t.Fatal(err)
	}
	for kind, q := range map[string]string{"note": "work", "stamp": "pushed"} {
		ops, err := (&queue.Job{Queue: q, Kind: kind, Payload: []byte("hello")}).Put("home:01")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Txn(t.Context(), &api.Txn{Then: ops}); err != nil {
			t.Fatal(err)
		}
	}
	written := func(key string) string {
		t.Helper()
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
			reply, err := s.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
			if err != nil {
				t.Fatal(err)
			}
			if r := reply.Results[0].Records; len(r) > 0 {
				return string(r[0].Value)
			}
		}
		t.Fatalf("nobody writes %s", key)
		return ""
	}
	if got := written("home:01/stamp"); got != "pushed" {
		t.Errorf("a program has written %q", got)
	}
	var h blob.Handle
	if err := h.UnmarshalText([]byte(written("home:01/note"))); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.New(s, cache.Direct(s), "work", nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := blobs.Get(t.Context(), h); err != nil || string(b.Data) != "hello" {
		t.Errorf("a function has written %+v, %v", b, err)
	}
}

const lambdaFile = `
nodes: [pi-1]
lambda:
  at-once: 8
  hold: 20s
  apps:
    - {name: clerk, options: {colour: red}}
  push:
    - {queue: pictures, kind: shrink, service: shrinker, path: /jobs, deadline: 1m, at-once: 2}
`

func TestALambdasFile(t *testing.T) {
	parse := func(text string) (*Config, error) {
		c := &Config{applications: map[string]app.New{"clerk": newClerk}}
		return c, Parse("node.yaml", []byte(text), c)
	}
	c, err := parse(lambdaFile)
	if err != nil {
		t.Fatal(err)
	}
	config := c.Lambda.config()
	if want := (lambda.Push{Queue: "pictures", Kind: "shrink", Service: "shrinker", Path: "/jobs", Deadline: time.Minute, AtOnce: 2}); config.Push[0] != want ||
		config.AtOnce != 8 || config.Hold != 20*time.Second || c.Lambda.Apps[0].Options["colour"] != "red" {
		t.Errorf("%+v", config)
	}
	for change, want := range map[[2]string]string{
		{"name: clerk", "name: clark"}:                               `lambda.apps[0]: no application "clark" is compiled in`,
		{"options: {colour: red}}", "}\n    - {name: clerk}"}:        "clerk stands there twice",
		{"at-once: 8", "at-once: -8"}:                                "a node has 1 to 1024 runs at once",
		{"service: shrinker", "servise: shrinker"}:                   `unknown key "servise"`,
		{"service: shrinker, ", ""}:                                  "push[0]",
		{"  apps:\n    - {name: clerk, options: {colour: red}}", ""}: "",
	} {
		text := strings.Replace(lambdaFile, change[0], change[1], 1)
		if _, err := parse(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, where %q is expected", change[1], err, want)
		}
	}
	if _, err := parse("nodes: [pi-1]\nlambda: {at-once: 3}\n"); err == nil || !strings.Contains(err.Error(), "or programs to push to") {
		t.Error(err)
	}
}
