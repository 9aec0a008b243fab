package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/store"
)

// shelf is some store nodes on loopback, each with an address and a disk in memory.
type shelf struct {
	t     *testing.T
	port  string
	first *api.ShardMap
	addrs map[string]string
	disks map[string]*vfs.MemFS
	stops map[string]func()
}

func newShelf(t *testing.T, first *api.ShardMap, names ...string) *shelf {
	s := &shelf{t: t, port: hosttest.FreePort(t), first: first, addrs: map[string]string{}, disks: map[string]*vfs.MemFS{}, stops: map[string]func(){}}
	for i, name := range names {
		s.addrs[name] = fmt.Sprintf("127.0.3.%d", i+1)
		s.disks[name] = vfs.NewMem()
	}
	t.Cleanup(func() {
		for _, stop := range s.stops {
			stop()
		}
	})
	return s
}

func (s *shelf) names() []string { return slices.Sorted(maps.Keys(s.addrs)) }

func (s *shelf) network(name string) host.Network { return s.networkAt(s.addrs[name]) }

func (s *shelf) networkAt(address string) host.Network {
	return &host.RealNetwork{Address: address, Names: s.addrs}
}

func (s *shelf) config(name string) store.Config {
	c := store.DefaultConfig(name, s.names()...)
	c.Port, c.First, c.Patience = s.port, s.first, 300*time.Millisecond
	c.SnapshotEvery, c.TrailingLogs, c.DiskLimit = 50, 10, time.Minute
	c.MemTableBytes = 32 << 10
	return c
}

func (s *shelf) start(name string) {
	s.t.Helper()
	s.startAt(name, s.addrs[name])
}

func (s *shelf) startAll() {
	s.t.Helper()
	for _, name := range s.names() {
		s.start(name)
	}
}

// startAt starts a node where others may not look for it.
func (s *shelf) startAt(name, address string) {
	s.t.Helper()
	node, err := store.Open(s.t.Context(), &host.Host{Name: name, Network: s.networkAt(address), Disk: s.disks[name], Log: slog.New(slog.DiscardHandler)}, s.config(name))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	s.stops[name] = func() {
		cancel()
		if err := errors.Join(<-done, node.Close()); err != nil {
			s.t.Errorf("stop %s: %v", name, err)
		}
	}
}

func (s *shelf) stop(name string) {
	s.stops[name]()
	delete(s.stops, name)
}

func (s *shelf) client() *client.Client { return s.clientOf(s.names()...) }

// clientOf returns a client that knows some nodes.
func (s *shelf) clientOf(nodes ...string) *client.Client {
	s.t.Helper()
	c, err := client.New(s.network("pi-1"), client.Config{Nodes: nodes, Port: s.port})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// change changes the members of a group.
func (s *shelf) change(ctx context.Context, c *client.Client, call api.MembersCall) {
	s.t.Helper()
	if _, err := c.Members(ctx, call); err != nil {
		s.t.Fatal(err)
	}
}

// TestTheShardMapIsWrittenWhoeverLeads takes away the map, as if the leader that was to write it had ended
// before it did.
func TestTheShardMapIsWrittenWhoeverLeads(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	names := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, api.Spread([][]string{names, names}), names...)
	s.startAll()
	c := s.client() // which knows the map from then on
	gone, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Delete, Key: api.ShardsKey}}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Events(ctx, &api.Watch{Key: api.ShardsKey, From: gone.Revision + 1})
	if err != nil || len(found.Events) == 0 || found.Events[0].Kind != api.Changed {
		t.Errorf("the map is not written again: %+v, %v", found, err)
	}
}

// counter adds one to a number in the store, whatever else happens; each addition writes a mark of its own, so
// that one that is done twice is seen.
func counter(ctx context.Context, s api.Store, key, mark string) error {
	reply, err := s.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	for err == nil {
		value, revision := 0, uint64(0)
		if records := reply.Results[0].Records; len(records) > 0 {
			value, _ = strconv.Atoi(string(records[0].Value))
			revision = records[0].Modified
		}
		reply, err = s.Txn(ctx, &api.Txn{
			If:   []api.Compare{{Key: key, What: api.Modified, Is: "=", Number: revision}},
			Then: []api.Op{{Kind: api.Put, Key: key, Value: []byte(strconv.Itoa(value + 1))}, {Kind: api.Put, Key: key + "/marks/" + mark}},
			Else: []api.Op{{Kind: api.Get, Key: key}},
		})
		if err == nil && reply.Succeeded {
			return nil
		}
	}
	return err
}

// TestClientsCountRightWhileNodesComeAndGo lets clients count in several groups, and watch, while nodes are
// stopped and started one after the other and members of groups move.
func TestClientsCountRightWhileNodesComeAndGo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	first := api.Spread([][]string{{"pi-1", "pi-2", "pi-3"}, {"pi-2", "pi-3", "pi-4"}, {"pi-3", "pi-4", "pi-1"}})
	names := []string{"pi-1", "pi-2", "pi-3", "pi-4"}
	s := newShelf(t, first, names...)
	s.startAll()
	const counters, workers, additions = 6, 4, 25
	var all sync.WaitGroup
	watched := make([]chan []api.Event, counters)
	for k := range counters {
		key := fmt.Sprint("count", k)
		watched[k] = make(chan []api.Event, 1)
		go func() { watched[k] <- watch(ctx, t, s.client(), key, 2*workers*additions) }()
		for w := range workers {
			all.Go(func() {
				c := s.client()
				for i := range additions {
					if err := counter(ctx, c, key, fmt.Sprint(w, "-", i)); err != nil {
						t.Errorf("%s: %v", key, err)
						return
					}
				}
			})
		}
	}
	followed := make(chan int, 1)
	go func() { followed <- follow(ctx, t, s.client(), "count0", workers*additions) }()
	admin := s.client()
	for _, name := range names {
		s.stop(name)
		s.start(name)
	}
	for _, move := range []api.MembersCall{{Group: 1, Add: "pi-1"}, {Group: 1, Remove: "pi-4"}, {Group: 1, Remove: "pi-2"}, {Group: 1, Add: "pi-4"}} {
		for {
			m, err := admin.Members(ctx, move)
			if err == nil {
				t.Logf("%+v: %+v", move, *m)
				break
			}
			t.Logf("%+v: %v", move, err)
			if ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	}
	all.Wait()
	if changes := <-followed; changes != workers*additions {
		t.Errorf("who follows saw %d changes of %d", changes, workers*additions)
	}
	c := s.client()
	for k := range counters {
		key := fmt.Sprint("count", k)
		reply, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}, {Kind: api.Scan, Key: key + "/marks/"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(reply.Results[0].Records[0].Value); got != fmt.Sprint(workers*additions) || len(reply.Results[1].Records) != workers*additions {
			t.Errorf("%s is %s with %d marks after %d additions", key, got, len(reply.Results[1].Records), workers*additions)
		}
		events := <-watched[k]
		count := 0
		for i := range events {
			if events[i].Record.Key != key {
				continue
			}
			count++
			if got := string(events[i].Record.Value); got != strconv.Itoa(count) {
				t.Fatalf("%s: change %d is to %s", key, count, got)
			}
		}
		if count != workers*additions {
			t.Errorf("%s: a watch saw %d changes of %d", key, count, workers*additions)
		}
	}
}

// follow counts the changes of a key that is a partition, from its group's first revision on, and sees to it that what it
// is told is as new as it says.
func follow(ctx context.Context, t *testing.T, c *client.Client, key string, want int) (all int) {
	for next := uint64(1); all < want && ctx.Err() == nil; {
		reply, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
		if err != nil {
			t.Errorf("read %s: %v", key, err)
			return all
		}
		before := time.Now()
		found, err := c.Follow(ctx, &api.Follow{Partitions: []string{key}, From: next, Wait: 50 * time.Millisecond})
		if err != nil {
			t.Errorf("follow %s from %d: %v", key, next, err)
			return all
		}
		if found.Asked.Before(before) || found.Current && found.Next <= reply.Revision {
			t.Errorf("%s: asked after revision %d it ends before %d", key, reply.Revision, found.Next)
		}
		for _, ch := range found.Changes {
			if ch.Key == key {
				all++
			}
		}
		next = found.Next
	}
	return all
}

// watch collects the events of a partition from its group's first revision on.
func watch(ctx context.Context, t *testing.T, c *client.Client, partition string, want int) (all []api.Event) {
	next := uint64(1)
	for len(all) < want {
		found, err := c.Events(ctx, &api.Watch{Key: partition, From: next})
		if err != nil {
			t.Errorf("watch %s from %d: %v", partition, next, err)
			return all
		}
		if len(found.Events) == 0 && ctx.Err() != nil {
			return all
		}
		all, next = append(all, found.Events...), found.Next
	}
	return all
}
