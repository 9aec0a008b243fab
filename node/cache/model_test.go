package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// TestAnswersAreNeverOlderThanTheBound reads and writes at random through servers that come and go, are cut off, hear late
// and have little room, with clients whose calls get lost and take long. Each answer is held against what the store held.
func TestAnswersAreNeverOlderThanTheBound(t *testing.T) {
	fromCache := 0
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(&storetest.Scope{TB: t}, func(r *rapid.T) {
			s := &storetest.Scope{TB: t}
			defer s.End()
			m := newGame(r, s)
			r.Repeat(map[string]func(*rapid.T){
				"write":   m.write,
				"read":    m.read,
				"herd":    m.herd,
				"race":    m.race,
				"pass":    m.pass,
				"trouble": m.change,
				"trim":    m.trim,
				"server":  m.restart,
				"":        m.check,
			})
			m.finish()
			fromCache += m.kept
		})
	})
	if fromCache == 0 {
		t.Error("no answer came from a server")
	}
}

type game struct {
	t       *rapid.T
	lab     *lab
	clients []*Client
	writes  int
	all     sync.WaitGroup

	mu    sync.Mutex
	wrong error
	kept  int
}

const modelBound = 2 * time.Second

func newGame(t *rapid.T, s *storetest.Scope) *game {
	m := &game{t: t, lab: newLab(s)}
	m.lab.luck = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "luck"), 0))
	m.lab.serve("pi-1:1", m.config())
	m.lab.serve("pi-2:1", m.config())
	s.Cleanup(m.lab.close)
	s.Cleanup(func() { m.all.Wait(); time.Sleep(time.Minute) }) // what was offered has come, or is lost
	m.clients = []*Client{m.lab.client(), m.lab.client()}
	return m
}

// config has room for a few of the values.
func (m *game) config() Config {
	return Config{Port: "1", MemoryBytes: leastMemory, Bound: modelBound, HotReads: 5}
}

func (m *game) key() string { return rapid.SampledFrom(modelKeys).Draw(m.t, "key") }

var modelKeys = []string{"a", "a/1", "a/1/x", "a/2", "b/1", "b/2"}

func (m *game) write(t *rapid.T) {
	m.writes++
	o := put(m.key(), fmt.Sprint(m.writes, " ", strings.Repeat("x", rapid.SampledFrom([]int{0, 100, 40_000, 70_000}).Draw(t, "size"))))
	if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
		o = api.Op{Kind: api.Delete, Key: o.Key}
	}
	m.lab.change(o)
}

func (m *game) op(t *rapid.T) api.Op {
	o := get(m.key())
	if rapid.Bool().Draw(t, "scan") {
		o = scan(o.Key, rapid.SampledFrom([]string{"", api.PrefixEnd(api.Partition(o.Key) + "/1")}).Draw(t, "end"))
		if o.End <= o.Key {
			o.End = ""
		}
		o.Limit, o.Reverse = rapid.IntRange(0, 2).Draw(t, "limit"), rapid.Bool().Draw(t, "reverse")
	}
	return o
}

func (m *game) start(c *Client, o api.Op) {
	m.all.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		invoked := time.Now()
		a, err := c.Read(ctx, o)
		if err == nil {
			err = m.lab.judge(o, &a[0], invoked, modelBound)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if err != nil && m.wrong == nil {
			m.wrong = err
		}
		if err == nil && a[0].From != "" {
			m.kept++
		}
	})
}

func (m *game) read(t *rapid.T) {
	m.start(m.clients[rapid.IntRange(0, 1).Draw(t, "client")], m.op(t))
}

func (m *game) herd(t *rapid.T) {
	o := m.op(t)
	for range 5 {
		for _, c := range m.clients {
			m.start(c, o)
		}
	}
}

// race changes what is just being read, and asks for it again when the bound is over.
func (m *game) race(t *rapid.T) {
	o := m.op(t)
	m.start(m.clients[0], o)
	time.Sleep(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
	m.writes++
	m.lab.change(put(o.Key, fmt.Sprint(m.writes)))
	time.Sleep(modelBound + time.Duration(rapid.IntRange(0, 1000).Draw(t, "ms"))*time.Millisecond)
	m.start(m.clients[1], o)
}

func (m *game) pass(t *rapid.T) {
	time.Sleep(time.Duration(rapid.SampledFrom([]int{1, 20, 100, 400, 1000, 3000}).Draw(t, "ms")) * time.Millisecond)
}

func (m *game) change(t *rapid.T) {
	now := trouble{slow: time.Duration(rapid.SampledFrom([]int{0, 0, 5, 100, 600}).Draw(t, "slow")) * time.Millisecond,
		lossy: rapid.IntRange(0, 3).Draw(t, "lossy") == 0, cut: rapid.IntRange(0, 3).Draw(t, "cut") == 0, hanging: rapid.IntRange(0, 3).Draw(t, "hanging") == 0}
	m.lab.mu.Lock()
	defer m.lab.mu.Unlock()
	m.lab.trouble = now
}

func (m *game) trim(*rapid.T) { m.lab.store.Trim(m.lab.store.Revision() + 1) }

func (m *game) restart(t *rapid.T) {
	m.lab.serve(rapid.SampledFrom([]string{"pi-1:1", "pi-2:1"}).Draw(t, "server"), m.config())
}

func (m *game) check(t *rapid.T) {
	synctest.Wait()
	m.mu.Lock()
	wrong := m.wrong
	m.mu.Unlock()
	if wrong != nil {
		t.Fatal(wrong)
	}
	for address, s := range m.lab.servers {
		s.mu.Lock()
		bytes, entries := int64(0), 0
		for _, at := range s.memory.slots {
			if at.entry != nil {
				bytes, entries = bytes+at.entry.cost, entries+1
			}
			if at.entry == nil && at.lease == nil {
				t.Errorf("%s: the slot of %s has nothing", address, at.op.Key)
			}
		}
		if bytes != s.memory.bytes || entries != s.memory.entries || bytes > s.memory.most {
			t.Errorf("%s: %d entries of %d bytes, counted as %d of %d; there is room for %d", address, entries, bytes, s.memory.entries, s.memory.bytes, s.memory.most)
		}
		s.mu.Unlock()
	}
}

func (m *game) finish() {
	m.lab.mu.Lock()
	m.lab.trouble = trouble{}
	m.lab.mu.Unlock()
	m.all.Wait()
	time.Sleep(5 * time.Second) // what was offered has come
	m.check(m.t)
}
