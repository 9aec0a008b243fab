package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"picloud/node/api"
	"picloud/node/store/state"
)

// stuck is a log that keeps whoever tells it the digest of a state, which is who applies entries.
type stuck struct {
	slog.Handler
	since, goOn chan struct{}
	once        *sync.Once
}

func (s stuck) Enabled(context.Context, slog.Level) bool { return true }

func (s stuck) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "state" {
		s.once.Do(func() { close(s.since) })
		<-s.goOn
	}
	return nil
}

// TestAFencedNodeEndsUnderLoad: what raft has agreed to and not yet applied when it is shut down, it never answers.
func TestAFencedNodeEndsUnderLoad(t *testing.T) {
	shelf := newShelf(t, "pi-1")
	hold := stuck{slog.DiscardHandler, make(chan struct{}), make(chan struct{}), &sync.Once{}}
	goOn := sync.OnceFunc(func() { close(hold.goOn) })
	defer goOn()
	shelf.log = slog.New(hold)
	shelf.start("pi-1", "pi-1")
	g := shelf.nodes["pi-1"]
	s := &Store{groups: map[uint32]*Group{1: g.Group}}
	const calls = 200
	answers := make(chan error, calls)
	for range calls {
		go func() {
			for {
				_, err := g.Run(t.Context(), &state.Command{Kind: state.OpenSession})
				if api.KindOf(err) == api.NotLeader && t.Context().Err() == nil && g.raft.State() != raft.Shutdown {
					time.Sleep(time.Millisecond)
					continue
				}
				answers <- err
				return
			}
		}()
	}
	<-hold.since
	eventually(t, "it takes the commands", func() bool { return g.raft.LastIndex() >= calls })
	s.Fence()
	late := time.After(20 * time.Second)
	for i := range calls {
		select {
		case err := <-answers:
			if kind := api.KindOf(err); err != nil && kind != api.Unknown && kind != api.NotLeader {
				t.Errorf("a call: %v", err)
			}
		case <-late:
			t.Fatalf("%d of %d calls are never answered", calls-i, calls)
		}
	}
	if err := s.Alive(); !errors.Is(err, raft.ErrRaftShutdown) {
		t.Errorf("it lives: %v", err)
	}
	closed := make(chan struct{})
	go func() { shelf.stop("pi-1"); close(closed) }()
	select {
	case <-closed:
		t.Fatal("its database is closed while it writes to it")
	case <-time.After(100 * time.Millisecond):
	}
	goOn()
	select {
	case <-closed:
	case <-late:
		t.Fatal("it does not end")
	}
}

// TestACommandIsWaitedForNoLongerThanItsCallerDoes: what is agreed to and not applied, as a disk hangs, may take effect yet. The time that the
// group was told so is not told again.
func TestACommandIsWaitedForNoLongerThanItsCallerDoes(t *testing.T) {
	shelf := newShelf(t, "pi-1")
	hold := stuck{slog.DiscardHandler, make(chan struct{}), make(chan struct{}), &sync.Once{}}
	goOn := sync.OnceFunc(func() { close(hold.goOn) })
	t.Cleanup(goOn)
	shelf.log = slog.New(hold)
	shelf.start("pi-1", "pi-1")
	g := shelf.nodes["pi-1"]
	eventually(t, "it applies commands no more", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _ = g.Run(ctx, &state.Command{Kind: state.OpenSession}) // which is not answered in the end
		select {
		case <-hold.since:
			return true
		default:
			return false
		}
	})
	answered := make(chan error, 2)
	told := time.Now().Add(-time.Hour)
	g.clock.term, g.clock.told = g.Term(), told
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := g.Run(ctx, &state.Command{Kind: state.OpenSession})
		answered <- err
		again, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		answered <- g.tick(again, freshClock)
	}()
	for range 2 {
		select {
		case err := <-answered:
			if api.KindOf(err) != api.Unknown {
				t.Errorf("it is told: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it waits for a command that is not applied")
		}
	}
	if g.clock.told.Equal(told) {
		t.Error("the same hour is told twice")
	}
}
