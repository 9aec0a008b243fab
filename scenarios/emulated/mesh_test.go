package emulated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"picloud/node"
	"picloud/node/wait"
	"picloud/scenarios/shelf"
)

// goesOnWithin is for how long a cloud of emulated Pis may acknowledge nothing after it has lost one. Their patience is ten seconds, and they
// share the cores of a machine with one another and with whatever else it does.
const goesOnWithin = 5 * time.Minute

// TestMesh has three Pis on a switch form a cloud. The leader's cable is cut and mended, then the leader is switched off for good. The others go
// on, and what was acknowledged stays.
func TestMesh(t *testing.T) {
	s, err := NewSwitch()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := parts(t)
	c.Switch = s.Address()
	m := &mesh{T: t, pis: allOn(t, c, 3)}
	machines := map[string]string{}
	for _, p := range m.pis {
		machines[p.Name] = p.Address.String()
	}
	for _, p := range m.pis {
		startNode(t, p, machines, func(m *shelf.Machine) {
			m.Node.Store.Patience = node.Duration{Duration: 10 * time.Second}
			m.Node.Store.DiskLimit = node.Duration{Duration: 5 * time.Minute}
		})
	}
	eventually(t, "a write is acknowledged", func(ctx context.Context) error { return m.write(ctx, m.pis[0]) })
	for _, p := range m.pis {
		eventually(t, p.Name+" has a store of three members", func(ctx context.Context) error {
			voters, err := metric(ctx, p, "picloud_store_group_voters")
			if err == nil && voters != 3 {
				err = fmt.Errorf("it knows %v", voters)
			}
			return err
		})
	}
	defer m.load()()
	m.goesOn("all are there", m.pis...)

	cut := m.leader(m.pis)
	s.Cut(cut.Card, true)
	m.goesOn("the cable of the leader, "+cut.Name+", is cut", without(m.pis, cut)...)
	if err := m.write(t.Context(), cut); err == nil {
		t.Fatalf("%s has acknowledged a write although its cable is cut", cut.Name)
	}
	if s.Lost() == 0 {
		t.Fatal("no frame was lost on the cable that was cut")
	}
	s.Cut(cut.Card, false)
	m.goesOn("the cable of "+cut.Name+" is mended", m.pis...)

	lost := m.leader(m.pis)
	if err := lost.Kill(); err != nil {
		t.Fatal(err)
	}
	m.goesOn("the leader, "+lost.Name+", is switched off", without(m.pis, lost)...)
	t.Logf("%d of %d writes were acknowledged, and are there", len(m.kept), m.tried)
}

// allOn switches several Pis on at once.
func allOn(t *testing.T, c Config, n int) []*Pi {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	pis, errs := make([]*Pi, n), make([]error, n)
	t.Cleanup(func() {
		for _, p := range pis {
			if p != nil && t.Failed() {
				t.Logf("the end of the console of %s:\n%s", p.Name, p.Console())
			}
		}
		cancel()
		for _, p := range pis {
			if p != nil {
				<-p.ended
			}
		}
	})
	began := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { pis[i], errs[i] = Boot(ctx, numbered(c, byte(i+1))) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d Pis serve %s after they were switched on", n, time.Since(began).Round(time.Second))
	return pis
}

func without(all []*Pi, one *Pi) (others []*Pi) {
	for _, p := range all {
		if p != one {
			others = append(others, p)
		}
	}
	return others
}

// mesh is a cloud with the writes that it has acknowledged.
type mesh struct {
	*testing.T
	pis []*Pi

	mu    sync.Mutex
	tried int
	kept  []string // keys; each has a content that it alone has
}

// folder is where the documents lie: in one partition, so that they are read at once.
const folder = "writes/"

func content(key string) string { return fmt.Sprintf("%q", "content of "+key) }

// write writes a new document by a Pi, and notes whether it was acknowledged.
func (m *mesh) write(ctx context.Context, p *Pi) error {
	m.mu.Lock()
	m.tried++
	key := fmt.Sprint(folder, m.tried)
	m.mu.Unlock()
	if _, err := document(ctx, p, "PUT", key, content(key)); err != nil {
		return fmt.Errorf("write %s by %s: %w", key, p.Name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = append(m.kept, key)
	return nil
}

// load has each Pi asked to write again and again, whatever befalls it, until the function that it returns is called.
func (m *mesh) load() (stop func()) {
	ctx, cancel := context.WithCancel(m.Context())
	var all sync.WaitGroup
	for _, p := range m.pis {
		all.Go(func() {
			for wait.For(ctx, time.Second) {
				m.write(ctx, p) // that one fails now and then is what the test is about
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// goesOn checks that each of some Pis acknowledges writes again within a time, and then has all that was ever acknowledged.
func (m *mesh) goesOn(when string, pis ...*Pi) {
	m.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(m.Context(), goesOnWithin)
	defer cancel()
	for _, p := range pis {
		for err := m.write(ctx, p); err != nil; err = m.write(ctx, p) {
			if !wait.For(ctx, time.Second) {
				m.Fatalf("when %s, %s acknowledges no write within %s: %v", when, p.Name, goesOnWithin, err)
			}
		}
	}
	m.Logf("when %s, %d nodes acknowledge writes after %s", when, len(pis), time.Since(began).Round(100*time.Millisecond))
	for _, p := range pis {
		m.mu.Lock()
		kept := slices.Clone(m.kept)
		m.mu.Unlock()
		eventually(m.T, fmt.Sprintf("%s reads what was acknowledged, when %s", p.Name, when), func(ctx context.Context) error {
			found, err := documents(ctx, p, folder)
			for _, key := range kept {
				if got := found[key]; err == nil && got != content(key) {
					m.Fatalf("when %s, %s reads %q as %s, which was acknowledged as %s", when, p.Name, got, key, content(key))
				}
			}
			return err
		})
	}
}

// leader waits until one of some Pis leads, and returns it.
func (m *mesh) leader(pis []*Pi) (leader *Pi) {
	m.Helper()
	eventually(m.T, "a node leads the store", func(ctx context.Context) error {
		for _, p := range pis {
			if leads, err := metric(ctx, p, "picloud_store_group_leader"); err == nil && leads > 0 {
				leader = p
				return nil
			}
		}
		return errors.New("none does")
	})
	return leader
}
