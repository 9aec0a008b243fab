package queue

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"picloud/node/api"
	"picloud/node/store/storetest"
)

// TestJobsAgainstAModel does at random what users and the world do, with servers that come and go and a store that fails, and
// asks after each step what must hold: no job is lost, none has two reservations that count, none writes its effect twice.
// In the end, when all is well again, every job comes to its end.
func TestJobsAgainstAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(&storetest.Scope{TB: t}, func(r *rapid.T) {
			s := &storetest.Scope{TB: t}
			defer s.End()
			m := newModel(r, s)
			r.Repeat(map[string]func(*rapid.T){
				"enqueue":   m.enqueue,
				"put":       m.put,
				"reserve":   m.reserve,
				"heartbeat": m.heartbeat,
				"done":      m.done,
				"fail":      m.fail,
				"release":   m.release,
				"pass":      m.pass,
				"server":    m.serverChange,
				"store":     m.storeChange,
				"redrive":   m.redrive,
				"":          m.check,
			})
			m.finish()
		})
	})
}

// model knows of each job what it was told.
type model struct {
	t       *rapid.T
	lab     *lab
	servers []*labServer
	now     time.Duration // on the store's clock
	jobs    map[string]*modelJob
	given   []*modelGiven // reservations, in their order
	faults  bool
}

// modelJob is a job that was enqueued for certain.
type modelJob struct {
	id     string
	unique bool
	lapses time.Duration // when it is gone if it was not begun, 0 for never
	ended  bool          // somebody was told that it is done
	doubt  bool          // somebody may have ended it
}

// modelGiven is a reservation.
type modelGiven struct {
	reserved
	until time.Duration // before this nobody else can have the job
	over  bool          // it was ended, or found to be over
	doubt bool          // it may have been
}

func newModel(t *rapid.T, s *storetest.Scope) *model {
	m := &model{t: t, lab: newLab(s), jobs: map[string]*modelJob{}}
	luck := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "luck"), 0))
	m.lab.store.Fail(func(x *api.Txn) *storetest.Fault {
		if !m.faults || strings.HasPrefix(x.Partition(), "@") || luck.IntN(3) > 0 {
			return nil
		}
		if x.ReadOnly() || luck.IntN(2) == 0 {
			return &storetest.Fault{Err: api.Errorf(api.Unavailable, "try", "", "a fault")}
		}
		return &storetest.Fault{Err: api.Errorf(api.Unknown, "try", "", "a fault"), After: luck.IntN(2) == 0}
	})
	m.servers = []*labServer{m.lab.serve(m.config()), m.lab.greedy(m.config())}
	return m
}

// config has a window that is smaller than the queue.
func (m *model) config() Config {
	c := labConfig()
	c.Window = 2
	c.Queues[0].Attempts = 2
	return c
}

// any returns one of the servers.
func (m *model) any() *labServer { return rapid.SampledFrom(m.servers).Draw(m.t, "server") }

// ask sends a request, and returns the kind of its error.
func (m *model) ask(path string, in, out any) api.Kind {
	body, err := json.Marshal(in)
	if err != nil {
		m.t.Fatal(err)
	}
	status, answer := m.any().ask("POST", path, string(body))
	synctest.Wait()
	if status != http.StatusOK {
		e := &api.Error{}
		if err := json.Unmarshal([]byte(answer), e); err != nil {
			m.t.Fatal(answer, err)
		}
		return e.Kind
	}
	if err := json.Unmarshal([]byte(answer), out); err != nil {
		m.t.Fatal(answer, err)
	}
	return ""
}

// draw draws a job.
func (m *model) draw(t *rapid.T) PlacedJob {
	j := PlacedJob{Job: Job{Queue: "mail", Kind: "x", Tenant: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "tenant"),
		Priority: rapid.IntRange(0, 1).Draw(t, "priority"), Unique: rapid.SampledFrom([]string{"", "", "", "u", "v"}).Draw(t, "unique"),
		Delay: rapid.SampledFrom([]int64{0, 0, 5000}).Draw(t, "delay")}}
	if j.Unique == "" {
		j.Expires = rapid.SampledFrom([]int64{0, 0, 0, 7000}).Draw(t, "expires")
	}
	return j
}

func (m *model) note(id string, j *PlacedJob) {
	was := m.jobs[id]
	now := &modelJob{id: id, unique: j.Unique != ""}
	if j.Expires > 0 {
		now.lapses = m.now + ms(j.Expires)
	}
	if was != nil && was.doubt {
		now.doubt = true // what ends the old one may end this one
	}
	m.jobs[id] = now
}

func (m *model) enqueue(t *rapid.T) {
	j := m.draw(t)
	var out enqueueAnswer
	if kind := m.ask("/v1/enqueue", enqueueCall{[]PlacedJob{j}}, &out); kind == "" {
		m.note(out.Jobs[0].ID, &j)
	} else if j.Unique != "" {
		m.forget(&j)
	}
}

// forget takes note that a job of a name may have been enqueued: nothing is known of it then.
func (m *model) forget(j *PlacedJob) {
	delete(m.jobs, j.newID())
}

// put enqueues as an application does, in a transaction of its own.
func (m *model) put(t *rapid.T) {
	j := m.draw(t)
	partition := "app:00"
	if j.Unique != "" {
		partition = labConfig().Queues[0].Partitions.Of(j.Unique)
	}
	ops, err := j.Put(partition)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.lab.store.Txn(t.Context(), &api.Txn{Then: ops})
	synctest.Wait()
	if err == nil {
		m.note(parseRow(partition, ops[0].Key).id, &j)
	} else if j.Unique != "" {
		m.forget(&j)
	}
}

// reserve asks one server for jobs, or both at the same time.
func (m *model) reserve(t *rapid.T) {
	in := reserveCall{Queues: []string{"mail"}, Most: rapid.IntRange(1, 3).Draw(t, "most"), Hold: rapid.SampledFrom([]int64{0, 3000}).Draw(t, "hold")}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	asked := m.servers
	if rapid.Bool().Draw(t, "one") {
		asked = []*labServer{m.any()}
	}
	answers := make([]reserveAnswer, len(asked))
	var all sync.WaitGroup
	for i, s := range asked {
		all.Go(func() {
			if status, text := s.ask("POST", "/v1/reserve", string(body)); status == http.StatusOK {
				_ = json.Unmarshal([]byte(text), &answers[i])
			}
		})
	}
	all.Wait()
	synctest.Wait()
	for _, a := range answers {
		for _, r := range a.Jobs {
			m.reserved(t, r)
		}
	}
}

func (m *model) reserved(t *rapid.T, r reserved) {
	for _, g := range m.given {
		if g.ID == r.ID && !g.over && !g.doubt && g.until > m.now {
			t.Fatalf("%s is reserved with %d, and with %d until %s, now is %s", r.ID, r.Token, g.Token, g.until, m.now)
		}
		if g.ID == r.ID && g.Token >= r.Token {
			t.Fatalf("%s is reserved with %d after %d", r.ID, r.Token, g.Token)
		}
	}
	if r.Attempt > r.Of {
		t.Fatalf("%s has attempt %d of %d", r.ID, r.Attempt, r.Of)
	}
	m.given = append(m.given, &modelGiven{reserved: r, until: m.now + ms(r.Hold)})
	if j := m.jobs[r.ID]; j != nil {
		j.lapses = 0
	}
}

// some returns a reservation of those that were made, nil if there is none.
func (m *model) some(t *rapid.T) *modelGiven {
	if len(m.given) == 0 {
		t.Skip("nothing is reserved")
	}
	return rapid.SampledFrom(m.given).Draw(t, "given")
}

func (m *model) heartbeat(t *rapid.T) {
	g := m.some(t)
	in := g.settling()
	in.Hold = 4000
	switch m.ask("/v1/heartbeat", in, new(struct{})) {
	case "":
		if g.over {
			t.Fatalf("a reservation of %s that is over beats", g.ID)
		}
		g.until = m.now + ms(in.Hold)
	case api.Unknown:
		g.until = min(g.until, m.now+ms(in.Hold))
	}
}

// effectOf is where the effect of a reservation lies, once for each time that it was written.
func effectOf(g *modelGiven, n int) string {
	return fmt.Sprintf("%s/effect/%s/%d/%d", g.Partition, strings.ReplaceAll(g.ID, "/", "."), g.Token, n)
}

func (m *model) done(t *rapid.T) {
	g := m.some(t)
	in := g.settling()
	in.Effect = &Effect{Then: []api.Op{{Kind: api.Put, Key: effectOf(g, len(m.given)*1000+rapid.IntRange(0, 999).Draw(t, "n"))}}}
	kind := m.ask("/v1/done", in, new(struct{}))
	m.settled(g, kind, true)
}

func (m *model) fail(t *rapid.T) {
	g := m.some(t)
	in := g.settling()
	in.Why = "x"
	m.settled(g, m.ask("/v1/fail", in, new(struct{})), false)
}

func (m *model) release(t *rapid.T) {
	g := m.some(t)
	m.settled(g, m.ask("/v1/release", g.settling(), new(struct{})), false)
}

// settled takes note that a reservation was ended, or may have been.
func (m *model) settled(g *modelGiven, kind api.Kind, done bool) {
	j := m.jobs[g.ID]
	switch kind {
	case "":
		if done && j != nil && !j.unique {
			if j.ended {
				m.t.Fatalf("%s was done twice", g.ID)
			}
			j.ended = true
		}
		if done && j != nil && j.unique {
			j.doubt = true
		}
		g.over = true
	case api.Unknown:
		g.doubt = true
		if done && j != nil {
			j.doubt = true
		}
	case api.NotFound:
		g.over = true
	case api.Unavailable:
	default:
		m.t.Fatalf("%s: %s", g.ID, kind)
	}
}

func (m *model) pass(t *rapid.T) {
	d := ms(rapid.Int64Range(1, 5).Draw(t, "seconds") * 1000)
	m.now += d
	m.lab.pass(d)
}

// serverChange replaces a server, now and then by one that thinks that all partitions are its own.
func (m *model) serverChange(t *rapid.T) {
	i, serve := rapid.IntRange(0, 1).Draw(t, "which"), m.lab.serve
	m.servers[i].end()
	if rapid.Bool().Draw(t, "greedy") {
		serve = m.lab.greedy
	}
	m.servers[i] = serve(m.config())
}

func (m *model) storeChange(*rapid.T) { m.faults = !m.faults }

func (m *model) redrive(*rapid.T) {
	m.ask("/v1/redrive", deadCall{Queue: "mail", All: true}, new(movedAnswer))
}

// rows returns what lies in the store: jobs and dead by ID, and effects by the job's ID.
func (m *model) rows() (jobs, dead map[string]*record, effects map[string]int, tokens map[string]uint64) {
	jobs, dead, effects, tokens = map[string]*record{}, map[string]*record{}, map[string]int{}, map[string]uint64{}
	faults := m.faults
	m.faults = false
	defer func() { m.faults = faults }()
	for _, p := range labConfig().Queues[0].Partitions.All() {
		reply, err := m.lab.store.Txn(m.t.Context(), &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: p}}})
		if err != nil {
			m.t.Fatal(err)
		}
		for _, rec := range reply.Results[0].Records {
			if rest, is := strings.CutPrefix(rec.Key, p+"/effect/"); is {
				effects[rest[:strings.LastIndexByte(rest, '/')]]++
				continue
			}
			r := parseRow(p, rec.Key)
			switch r.kind {
			case jobRow:
				tokens[r.id] = rec.Modified
				if jobs[r.id], err = decodeRecord(rec.Value); err != nil {
					m.t.Fatal(err)
				}
			case deadRow:
				id, _, ok := splitDead(r.id)
				if dead[id], err = decodeRecord(rec.Value); err != nil || !ok {
					m.t.Fatal(r.id, err)
				}
			}
		}
	}
	return jobs, dead, effects, tokens
}

// check says what must hold after each step.
func (m *model) check(t *rapid.T) {
	jobs, dead, effects, tokens := m.rows()
	ofJob := map[string]int{}
	for key, n := range effects { // each reservation writes its effect once, if at all
		if n > 1 {
			t.Fatalf("the effect of %s was written %d times", key, n)
		}
		ofJob[key[:strings.LastIndexByte(key, '/')]] += n
	}
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		j, effects := m.jobs[id], ofJob[strings.ReplaceAll(id, "/", ".")]
		there := jobs[id] != nil || dead[id] != nil
		switch {
		case j.unique:
			if !there && !j.doubt {
				t.Fatalf("%s is lost", id)
			}
		case effects > 1:
			t.Fatalf("%s has had %d effects", id, effects)
		case j.ended && (effects != 1 || there):
			t.Fatalf("%s was done, has had %d effects, and is there: %t", id, effects, there)
		case effects == 1 && there:
			t.Fatalf("%s is there, and has had its effect", id)
		case !there && effects == 0 && (j.lapses == 0 || j.lapses > m.now):
			t.Fatalf("%s is lost", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(jobs)) {
		valid := 0
		for _, g := range m.given {
			if g.ID == id && g.Token == tokens[id] {
				valid++
			}
		}
		if valid > 1 {
			t.Fatalf("%s has %d reservations", id, valid)
		}
	}
}

// finish lets all be well, and every job come to its end.
func (m *model) finish() {
	m.faults = false
	m.lab.pass(20 * time.Second) // what has failed is tried again
	for range 200 {
		var out reserveAnswer
		for _, s := range m.servers {
			var some reserveAnswer
			s.must("POST", "/v1/reserve", reserveCall{Queues: []string{"mail"}, Most: 10}, &some)
			synctest.Wait()
			out.Jobs = append(out.Jobs, some.Jobs...)
		}
		for _, r := range out.Jobs {
			m.servers[0].must("POST", "/v1/done", r.settling(), nil)
		}
		jobs, _, _, _ := m.rows()
		if len(jobs) == 0 {
			m.counted()
			return
		}
		if len(out.Jobs) == 0 {
			m.lab.pass(10 * time.Second)
		}
	}
	jobs, _, _, _ := m.rows()
	m.t.Fatalf("%v do not come to their end", slices.Sorted(maps.Keys(jobs)))
}

// counted compares what servers have counted with what is there.
func (m *model) counted() {
	synctest.Wait()
	_, dead, _, _ := m.rows()
	for _, s := range m.servers {
		st := s.stats()[0]
		if !st.Counted || st.Ready+st.Reserved+st.Asleep != 0 || st.Partitions == 2 && st.Dead < len(dead) {
			m.t.Fatalf("where there are %d dead and no jobs, %s counts %+v", len(dead), s.id, st)
		}
	}
}
