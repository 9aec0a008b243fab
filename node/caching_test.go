package node

import (
	"testing"
	"time"

	"picloud/node/api"
	"picloud/node/host/hosttest"
)

// TestANodeReadsThroughTheCache of the same machine, over the network, until what it reads has changed.
func TestANodeReadsThroughTheCache(t *testing.T) {
	n, _ := begun(t, withClerk(t), func(c *Config) { c.Cache = &Cache{Port: hosttest.FreePort(t), Drain: Duration{time.Millisecond}} })
	s, err := n.client()
	if err != nil {
		t.Fatal(err)
	}
	write := func(value string) uint64 {
		reply, err := s.Txn(t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "home:00/greeting", Value: []byte(value)}}})
		if err != nil {
			t.Fatal(err)
		}
		return reply.Revision
	}
	// read reads until it comes from a cache server, and returns what it was.
	read := func(what string) {
		t.Helper()
		for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			answers, err := n.cache.Read(t.Context(), api.Op{Kind: api.Get, Key: "home:00/greeting"})
			if err != nil {
				t.Fatal(err)
			}
			a := answers[0]
			if a.From != "" && len(a.Records) == 1 && string(a.Records[0].Value) == what {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("it is %+v, not %s from a cache server", a, what)
			}
		}
	}
	write("hello")
	read("hello")
	write("goodbye")
	read("goodbye")
}
