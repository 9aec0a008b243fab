package raftnet

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/host/hosttest"
)

// cluster is three members in memory, that are ended and begun again with what they have stored.
type cluster struct {
	t       *testing.T
	network func(string) *hosttest.Memory
	stores  map[string]*disk
	running map[string]*raft.Raft
	stop    map[string]func()
}

// disk is a store in memory whose writes may hang.
type disk struct {
	*raft.InmemStore
	hangs atomic.Bool
}

func (d *disk) StoreLogs(entries []*raft.Log) error {
	for d.hangs.Load() {
		time.Sleep(10 * time.Millisecond)
	}
	return d.InmemStore.StoreLogs(entries)
}

func names() []string { return []string{"a", "b", "c"} }

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, network: hosttest.NewMemory(), stores: map[string]*disk{}, running: map[string]*raft.Raft{}, stop: map[string]func(){}}
	for _, name := range names() {
		c.stores[name] = &disk{InmemStore: raft.NewInmemStore()}
		c.begin(name)
	}
	t.Cleanup(func() {
		for _, name := range names() {
			c.end(name)
		}
	})
	return c
}

func (c *cluster) begin(name string) {
	n, err := Listen(c.network(name), name, "7000")
	if err != nil {
		c.t.Fatal(err)
	}
	done := make(chan struct{})
	transport, err := n.Transport(1, Config{InFlight: 1, Done: done, Stuck: c.stores[name].hangs.Load})
	if err != nil {
		c.t.Fatal(err)
	}
	config := raft.DefaultConfig()
	config.LocalID, config.Logger = raft.ServerID(name), hclog.NewNullLogger()
	store, snapshots := c.stores[name], raft.NewInmemSnapshotStore()
	if err := n.Begin(config, store, store, snapshots, transport, names()); err != nil {
		c.t.Fatal(err)
	}
	if c.running[name], err = raft.NewRaft(config, &raft.MockFSM{}, store, store, snapshots, transport); err != nil {
		c.t.Fatal(err)
	}
	c.stop[name] = func() {
		close(done)
		c.network(name).Cut()
		if err := n.Close(); err != nil {
			c.t.Error(err)
		}
		if err := c.running[name].Shutdown().Error(); err != nil {
			c.t.Error(err)
		}
		c.network(name).Cut() // what was opened meanwhile
	}
}

func (c *cluster) end(name string) {
	if stop := c.stop[name]; stop != nil {
		stop()
		delete(c.stop, name)
	}
}

// TestWhatIsHeldBackGoesOneByOne: a pipeline would go on sending what a stuck leader has said.
func TestWhatIsHeldBackGoesOneByOne(t *testing.T) {
	n, err := Listen(hosttest.NewMemory()("pi-1"), "pi-1", "7000")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.Transport(1, Config{Stuck: func() bool { return false }}); err == nil || !strings.Contains(err.Error(), "one at a time, not 0") {
		t.Error(err)
	}
}

// leader waits until some member leads.
func (c *cluster) leader() (name string, others []string) {
	for {
		time.Sleep(100 * time.Millisecond)
		for _, leads := range names() {
			if c.stop[leads] == nil || c.running[leads].VerifyLeader().Error() != nil {
				continue
			}
			for _, other := range names() {
				if other != leads {
					others = append(others, other)
				}
			}
			return leads, others
		}
	}
}

// apply commits an entry, and returns how long that took.
func (c *cluster) apply(leader string) time.Duration {
	c.t.Helper()
	began := time.Now()
	if err := c.running[leader].Apply([]byte("x"), time.Minute).Error(); err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began)
}

// TestAFollowerThatIsBackIsSentEntriesAtOnce: one of three was away for some time; when it is back another one
// ends, so that the majority needs it.
func TestAFollowerThatIsBackIsSentEntriesAtOnce(t *testing.T) {
	for _, away := range []time.Duration{3 * time.Second, 17 * time.Second, 50 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(t)
			leader, others := c.leader()
			c.apply(leader)
			c.end(others[0])
			for range away / time.Second {
				c.apply(leader)
				time.Sleep(time.Second)
			}
			c.begin(others[0])
			c.end(others[1])
			if took := c.apply(leader); took > 500*time.Millisecond {
				t.Errorf("after it was away for %s, the first entry takes %s", away, took)
			}
		})
	}
}

// TestAGroupEndsWhileAFollowerIsAway: nothing waits for it.
func TestAGroupEndsWhileAFollowerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		leader, others := c.leader()
		c.end(others[0])
		c.apply(leader)
		time.Sleep(5 * time.Second)
		began := time.Now()
		c.end(leader)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestALeaderThatCannotWriteIsReplaced: its disk hangs in the middle of a write, and its followers do not wait for it.
func TestALeaderThatCannotWriteIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		leader, others := c.leader()
		c.apply(leader)
		c.stores[leader].hangs.Store(true)
		defer c.stores[leader].hangs.Store(false)
		began := time.Now()
		stuck := c.running[leader].Apply([]byte("x"), time.Minute)
		for c.running[others[0]].State() != raft.Leader && c.running[others[1]].State() != raft.Leader {
			if time.Sleep(100 * time.Millisecond); time.Since(began) > time.Minute {
				t.Fatal("nobody leads in its place for a minute")
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("somebody else leads after %s", took)
		}
		c.stores[leader].hangs.Store(false)
		if err := stuck.Error(); err == nil {
			t.Error("what it could not write was agreed to")
		}
		if again, _ := c.leader(); again == leader {
			t.Error("it leads again")
		}
	})
}

// TestWhatIsSentAtOnceIsBounded: a follower that has missed much, on a slow way, would never get all of it within the time of one request.
func TestWhatIsSentAtOnceIsBounded(t *testing.T) {
	network := hosttest.NewMemory()
	ways := map[string]raft.Transport{}
	for _, name := range []string{"a", "b"} {
		n, err := Listen(network(name), name, "7000")
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if ways[name], err = n.Transport(1, Config{InFlight: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var log []*raft.Log
	for i, size := range []int{100, 0, 1 << 19, 1 << 19, 1 << 21, 1 << 21, 10, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 1 << 18, 10} {
		log = append(log, &raft.Log{Index: uint64(i + 1), Data: make([]byte, size)})
	}
	next := uint64(1)
	go func() {
		for q := range ways["b"].Consumer() {
			sent, size := q.Command.(*raft.AppendEntriesRequest).Entries, 0
			for _, e := range sent {
				if e.Index != next {
					t.Errorf("entry %d comes where %d is expected", e.Index, next)
				}
				next++
				size += len(e.Data)
			}
			if len(sent) == 0 || len(sent) > 1 && size > 1<<20 {
				t.Errorf("%d entries come at once, of %d bytes", len(sent), size)
			}
			q.Respond(&raft.AppendEntriesResponse{Success: true, LastLog: next - 1}, nil)
		}
	}()
	for sent := 0; sent < len(log); { // as raft does, which looks into its request for what was sent
		q := &raft.AppendEntriesRequest{Term: 1, PrevLogEntry: uint64(sent), Entries: log[sent:]}
		if err := ways["a"].AppendEntries("b", "b:7000", q, &raft.AppendEntriesResponse{}); err != nil {
			t.Fatal(err)
		}
		sent += len(q.Entries)
	}
}
