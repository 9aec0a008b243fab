package raftlead_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"picloud/node/raftlead"
	"picloud/node/raftlog"
)

// card is a log in memory whose writes take as long as they are told to.
type card struct {
	*raft.InmemStore
	pause atomic.Int64
}

func (c *card) StoreLogs(logs []*raft.Log) error {
	time.Sleep(time.Duration(c.pause.Load()))
	return c.InmemStore.StoreLogs(logs)
}

type member struct {
	*raft.Raft
	card *card
}

// three starts three members that know one another.
func three(t *testing.T) []*member {
	t.Helper()
	var all []*member
	var servers []raft.Server
	var ways []*raft.InmemTransport
	for _, name := range []string{"a", "b", "c"} {
		_, way := raft.NewInmemTransport(raft.ServerAddress(name))
		ways = append(ways, way)
		servers = append(servers, raft.Server{ID: raft.ServerID(name), Address: way.LocalAddr()})
	}
	for i, way := range ways {
		for _, to := range ways {
			way.Connect(to.LocalAddr(), to)
		}
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = servers[i].ID, hclog.NewNullLogger()
		card := &card{InmemStore: raft.NewInmemStore()}
		watched := raftlog.Watch(card, time.Minute, func(what string) { t.Error(what, "took a minute") })
		yielder := raftlead.NewYielder(config.HeartbeatTimeout/2, func(time.Duration, error) {})
		watched.Tell(yielder.Wrote)
		snapshots := raft.NewInmemSnapshotStore()
		if err := raft.BootstrapCluster(config, watched, watched, snapshots, way, raft.Configuration{Servers: servers}); err != nil {
			t.Fatal(err)
		}
		r, err := raft.NewRaft(config, &raft.MockFSM{}, watched, watched, snapshots, way)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Shutdown().Error(); way.Close() })
		go yielder.Run(t.Context(), r)
		all = append(all, &member{r, card})
	}
	return all
}

// leads waits until one of the members leads.
func leads(all []*member) *member {
	for {
		for _, m := range all {
			if m.State() == raft.Leader && m.VerifyLeader().Error() == nil {
				return m
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestALeaderWhoseCardPausesYields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := three(t)
		first := leads(all)
		first.card.pause.Store(int64(2 * time.Second))
		if err := first.Apply([]byte("one"), 0).Error(); err != nil {
			t.Fatalf("the write that paused: %v", err)
		}
		time.Sleep(time.Second)
		second := leads(all)
		if second == first {
			t.Fatal("the card paused for two seconds, and its node still leads")
		}
		began := time.Now()
		if err := second.Apply([]byte("two"), 0).Error(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("with a good card in the lead a write took %s", took)
		}
	})
}

func TestALeaderWhoseCardIsNotWorseThanTheOthersLeadsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := three(t)
		first := leads(all)
		for _, m := range all {
			m.card.pause.Store(int64(700 * time.Millisecond))
		}
		changes := 0
		for began, leader := time.Now(), first; time.Since(began) < 9*time.Second; {
			now := leads(all)
			if now != leader {
				leader, changes = now, changes+1
			}
			now.Apply([]byte("more"), time.Second).Error()
		}
		if changes > 3 {
			t.Errorf("%d times somebody else led within nine seconds", changes)
		}
	})
}

func TestALeaderWhoseCardIsQuickLeadsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := three(t)
		first := leads(all)
		for _, m := range all {
			m.card.pause.Store(int64(100 * time.Millisecond))
		}
		for range 20 {
			if err := first.Apply([]byte("more"), 0).Error(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
