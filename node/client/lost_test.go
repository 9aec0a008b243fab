package client_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/store"
)

// TestALostMajorityIsSaidAndComesBackWithACopy spoils what two of three nodes have. One of them alone would be let go by the others; with both
// nobody serves the data, whoever asks is told that it is lost, and nothing is thrown away: once people have brought one card back,
// everything is there.
func TestALostMajorityIsSaidAndComesBackWithACopy(t *testing.T) {
	for _, what := range []string{".log", "store-identity"} {
		t.Run(what, func(t *testing.T) { loseMajority(t, what) })
	}
}

// loseMajority spoils the files of two nodes whose names end so.
func loseMajority(t *testing.T, ending string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	names := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, api.Spread([][]string{names}), names...)
	s.startAll()
	c := s.client()
	if _, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "p/k", Value: []byte("kept")}}}); err != nil {
		t.Fatal(err)
	}
	s.stop("pi-1")
	s.stop("pi-2")
	card := vfs.NewMem()
	if _, err := vfs.Clone(s.disks["pi-1"], card, "/", "/"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pi-1", "pi-2"} {
		if spoil(t, s.disks[name], ending) == 0 {
			t.Fatal("there is nothing to spoil")
		}
		s.ill(name)
	}
	read := func(limit time.Duration) (*api.Reply, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: "p/k"}}})
	}
	var err error
	for api.KindOf(err) != api.Lost && ctx.Err() == nil {
		var reply *api.Reply
		if reply, err = read(5 * time.Second); err == nil {
			t.Fatalf("it is served: %+v", reply)
		}
	}
	_, err = c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "p/k", Value: []byte("new")}}})
	unknown := api.KindOf(err) == api.Unknown && strings.Contains(err.Error(), "(lost)") // the third still took itself for the leader
	if api.KindOf(err) != api.Lost && !unknown {
		t.Errorf("a write is answered with %v", err)
	}
	s.stop("pi-1")
	s.disks["pi-1"] = card
	s.start("pi-1")
	var reply *api.Reply
	for reply == nil && ctx.Err() == nil {
		reply, err = read(5 * time.Second)
	}
	is := func(want string) bool { return string(reply.Results[0].Records[0].Value) == want }
	if err != nil || len(reply.Results[0].Records) != 1 || !is("kept") && !(unknown && is("new")) {
		t.Errorf("with a good card again the answer is %+v, %v", reply, err)
	}
	if ending == ".log" {
		s.voter(ctx, 0, "pi-2", "the others let it go")
	}
}

// ill starts a node that does not begin to serve, as its disk is damaged; once it does, it goes on.
func (s *shelf) ill(name string) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		node, err := store.Open(ctx, &host.Host{Name: name, Network: s.network(name), Disk: s.disks[name], Log: slog.New(slog.DiscardHandler)}, s.config(name))
		if err != nil {
			done <- nil // as it is stopped before the others let it go
			return
		}
		err = node.Run(ctx)
		node.Close()
		done <- err
	}()
	s.stops[name] = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("stop %s: %v", name, err)
		}
	}
}
