package blob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/lambda"
	"picloud/node/metricstest"
	"picloud/node/queue"
	"picloud/node/store/storetest"
)

const home = "home:00"

// lab is a store of blobs on a store in memory.
type lab struct {
	t        testing.TB
	store    *storetest.Store
	registry *prometheus.Registry
	blobs    *Store
}

func newLab(t testing.TB, read func(api.Store) cache.Reader) *lab {
	t.Helper()
	l := &lab{t: t, store: storetest.New(t), registry: prometheus.NewRegistry()}
	var err error
	if l.blobs, err = New(l.store, read(l.store), "sweeps", nil, l.registry); err != nil {
		t.Fatal(err)
	}
	return l
}

// bytesOf returns data of a size that is the same each time, and another one for each size.
func bytesOf(size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)}).Read(data)
	return data
}

func (l *lab) put(size int) *Draft {
	l.t.Helper()
	d, err := l.blobs.Put(context.Background(), home, bytesOf(size), "image/png")
	if err != nil {
		l.t.Fatal(err)
	}
	return d
}

// commit runs a draft's transaction, which also writes a document, and tells whether it was done.
func (l *lab) commit(d *Draft) bool {
	l.t.Helper()
	return l.run(&api.Txn{If: d.If, Then: append([]api.Op{{Kind: api.Put, Key: home + "/doc", Value: []byte(d.Handle.String())}}, d.Then...)}).Succeeded
}

func (l *lab) run(t *api.Txn) *api.Reply {
	l.t.Helper()
	reply, err := l.store.Txn(context.Background(), t)
	if err != nil {
		l.t.Fatal(err)
	}
	return reply
}

func (l *lab) get(h Handle) (*Blob, error) { return l.blobs.Get(context.Background(), h) }

// rows returns which rows of blobs are there, without their partition.
func (l *lab) rows() (keys []string) {
	l.t.Helper()
	for _, r := range l.run(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: home + behindDocuments, End: api.PrefixEnd(home + behindDocuments)}}}).Results[0].Records {
		keys = append(keys, strings.TrimPrefix(r.Key, home+behindDocuments))
	}
	return keys
}

// swept is what a sweep of a draft wants to be written.
func (l *lab) swept(h Handle) *lambda.Effect {
	l.t.Helper()
	e, err := l.blobs.Sweep().Do(context.Background(), &lambda.Run{Job: sweepJob("sweeps", h.ID), Partition: h.Partition})
	if err != nil {
		l.t.Fatal(err)
	}
	if e == nil {
		e = &lambda.Effect{}
	}
	return e
}

func (l *lab) write(e *lambda.Effect) bool {
	return l.run(&api.Txn{If: e.If, Then: append([]api.Op{{Kind: api.Get, Key: home}}, e.Then...)}).Succeeded
}

// TestABlobIsThereWithItsTransaction, whole, whatever its size.
func TestABlobIsThereWithItsTransaction(t *testing.T) {
	for _, c := range []struct{ size, ahead int }{{0, 0}, {1, 0}, {partSize, 0}, {partSize + 1, 1}, {2 * partSize, 1}, {3*partSize + 1, 3}, {MaxBytes, 3}} {
		t.Run(fmt.Sprint(c.size), func(t *testing.T) {
			l := newLab(t, cache.Direct)
			d := l.put(c.size)
			if n := l.store.Writes(); n != c.ahead {
				t.Errorf("%d transactions went ahead, want %d", n, c.ahead)
			}
			if _, err := l.get(d.Handle); api.KindOf(err) != api.NotFound {
				t.Errorf("before its transaction: %v", err)
			}
			if !l.commit(d) {
				t.Fatal("its transaction failed")
			}
			b, err := l.get(d.Handle)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Data, bytesOf(c.size)) || b.Type != "image/png" {
				t.Errorf("%d bytes of %s, want %d", len(b.Data), b.Type, c.size)
			}
			if e := l.swept(d.Handle); len(e.Then) > 0 {
				t.Errorf("a sweep of a blob writes %v", e.Then)
			}
			l.run(&api.Txn{Then: []api.Op{d.Handle.Delete()}})
			if _, err := l.get(d.Handle); api.KindOf(err) != api.NotFound || len(l.rows()) > 0 {
				t.Errorf("after its end: %v, %q", err, l.rows())
			}
		})
	}
}

func TestWhatIsNoBlobIsRefused(t *testing.T) {
	l := newLab(t, cache.Direct)
	for _, c := range []struct {
		partition, kind string
		size            int
		want            api.Kind
	}{
		{home, "image/png", MaxBytes + 1, api.TooLarge},
		{home, "", 1, api.BadRequest},
		{home, "image/\npng", 1, api.BadRequest},
		{home, strings.Repeat("x", maxType+1), 1, api.BadRequest},
		{"", "image/png", 1, api.BadRequest},
		{"home/00", "image/png", 1, api.BadRequest},
	} {
		if _, err := l.blobs.Put(t.Context(), c.partition, make([]byte, c.size), c.kind); api.KindOf(err) != c.want {
			t.Errorf("%q, %.20q, %d bytes: %v", c.partition, c.kind, c.size, err)
		}
	}
	if n := l.store.Writes(); n != 0 {
		t.Errorf("%d transactions", n)
	}
	if _, err := New(l.store, cache.Direct(l.store), "No Queue", nil, l.registry); err == nil {
		t.Error("a queue of that name")
	}
	if _, err := New(l.store, cache.Direct(l.store), "sweeps", nil, l.registry); err != nil {
		t.Errorf("a second store: %v", err)
	}
}

// TestWhoStopsBetweenTwoParts leaves rows, and a job that takes them away.
func TestWhoStopsBetweenTwoParts(t *testing.T) {
	for _, c := range []struct {
		after bool
		left  int
	}{{false, 1}, {true, 2}} {
		l := newLab(t, cache.Direct)
		n := 0
		l.store.Fail(func(*api.Txn) *storetest.Fault {
			if n++; n == 2 {
				return &storetest.Fault{Err: api.Errorf(api.Unavailable, "crash", "", ""), After: c.after}
			}
			return nil
		})
		if _, err := l.blobs.Put(t.Context(), home, bytesOf(MaxBytes), "image/png"); err == nil {
			t.Fatal("it went well")
		}
		l.store.Fail(nil)
		rows := l.rows()
		if len(rows) != c.left {
			t.Fatalf("%q are left", rows)
		}
		id, _, _ := strings.Cut(rows[0], "/")
		if !l.enqueued(id) {
			t.Error("no job sweeps it")
		}
		if !l.write(l.swept(Handle{home, id})) || len(l.rows()) > 0 {
			t.Errorf("after the sweep: %q", l.rows())
		}
	}
}

// enqueued tells whether a job is there that sweeps a blob, by a payload that is its ID.
func (l *lab) enqueued(id string) bool {
	l.t.Helper()
	for _, r := range l.run(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: home + "/\xffqueue/sweeps/"}}}).Results[0].Records {
		if bytes.Contains(r.Value, []byte(id)) && bytes.Contains(r.Value, []byte(SweepKind)) {
			return true
		}
	}
	return false
}

// TestASweepAndALateTransaction: one of the two fails, whichever comes second.
func TestASweepAndALateTransaction(t *testing.T) {
	l := newLab(t, cache.Direct)
	d := l.put(2 * partSize)
	sweep := l.swept(d.Handle)
	if !l.commit(d) {
		t.Fatal("the transaction is first, and failed")
	}
	if l.write(sweep) {
		t.Error("the sweep did not see that it is a blob by now")
	}
	if b, err := l.get(d.Handle); err != nil || len(b.Data) != 2*partSize {
		t.Error(err)
	}
	d = l.put(2 * partSize)
	if !l.write(l.swept(d.Handle)) {
		t.Fatal("the sweep is first, and failed")
	}
	if l.commit(d) {
		t.Error("the transaction did not see that it was swept")
	}
	if _, err := l.get(d.Handle); api.KindOf(err) != api.NotFound {
		t.Error(err)
	}
	if n := metricstest.Sum(t, l.registry, "picloud_blob_swept_total"); n != 2 {
		t.Errorf("%v sweeps are counted", n)
	}
}

// TestASlowWriterIsSwept in the middle of its parts, and writes no more.
func TestASlowWriterIsSwept(t *testing.T) {
	l := newLab(t, cache.Direct)
	n := 0
	l.store.Fail(func(x *api.Txn) *storetest.Fault {
		if n++; n == 2 {
			key := x.Then[0].Key
			h := Handle{home, strings.Split(strings.TrimPrefix(key, home+behindDocuments), "/")[0]}
			return &storetest.Fault{Err: swept{h}}
		}
		return nil
	})
	_, err := l.blobs.Put(t.Context(), home, bytesOf(MaxBytes), "image/png")
	var at swept
	if !errors.As(err, &at) {
		t.Fatal(err)
	}
	l.store.Fail(nil)
	l.write(l.swept(at.h))
	if err := l.blobs.writePart(t.Context(), at.h, 1, []byte("late")); api.KindOf(err) != api.ConditionFailed {
		t.Error(err)
	}
	if rows := l.rows(); len(rows) > 0 {
		t.Errorf("%q", rows)
	}
}

// swept is an error by which a test learns of a handle.
type swept struct{ h Handle }

func (swept) Error() string { return "stop here" }

func TestWhatIsNotKnownIsWrittenAgain(t *testing.T) {
	for _, after := range []bool{false, true} {
		l := newLab(t, cache.Direct)
		n := 0
		l.store.Fail(func(*api.Txn) *storetest.Fault {
			if n++; n%2 == 1 && n < 6 {
				return &storetest.Fault{Err: api.Errorf(api.Unknown, "try", "", ""), After: after}
			}
			return nil
		})
		d := l.put(MaxBytes)
		if !l.commit(d) {
			t.Fatal("its transaction failed")
		}
		if b, err := l.get(d.Handle); err != nil || !bytes.Equal(b.Data, bytesOf(MaxBytes)) {
			t.Error(err)
		}
	}
}

// memory is a reader that has what a test gave it, and the store has not been asked.
type memory map[string][]byte

func (m memory) Read(_ context.Context, ops ...api.Op) ([]cache.Answer, error) {
	answers := make([]cache.Answer, len(ops))
	for i, o := range ops {
		answers[i].From = "pi-9"
		if v, is := m[o.Key]; is {
			answers[i].Records = []api.Record{{Key: o.Key, Value: v}}
		}
	}
	return answers, nil
}

// TestReadsGoByTheReader, and to the store where what the reader has is too old, or broken.
func TestReadsGoByTheReader(t *testing.T) {
	kept := memory{}
	l := newLab(t, func(api.Store) cache.Reader { return kept })
	d := l.put(partSize + 5)
	l.commit(d)
	whole := memory{}
	for _, r := range l.run(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: d.Handle.rows(), End: api.PrefixEnd(d.Handle.rows())}}}).Results[0].Records {
		whole[r.Key] = r.Value
	}
	reads := 0
	l.store.Fail(func(*api.Txn) *storetest.Fault { reads++; return nil })
	for _, c := range []struct {
		name  string
		bend  func()
		reads int
	}{
		{"it has all", func() {}, 0},
		{"it does not know the blob yet", func() { delete(kept, d.Handle.about()) }, 1},
		{"it has lost a part", func() { delete(kept, d.Handle.part(1)) }, 1},
		{"a part is broken", func() { kept[d.Handle.part(0)] = bytes.Repeat([]byte{1}, partSize) }, 1},
		{"a part is short", func() { kept[d.Handle.part(0)] = nil }, 1},
		{"what it is, is broken", func() { kept[d.Handle.about()] = []byte("{") }, 1},
		{"it is said to be of many parts", func() { kept[d.Handle.about()] = []byte(`{"size":1,"parts":99999999999,"type":"x","sha256":""}`) }, 1},
		{"it is said to be huge", func() { kept[d.Handle.about()] = []byte(`{"size":99999999999,"parts":1,"type":"x","sha256":""}`) }, 1},
	} {
		clear(kept)
		maps.Copy(kept, whole)
		c.bend()
		reads = 0
		if b, err := l.get(d.Handle); err != nil || !bytes.Equal(b.Data, bytesOf(partSize+5)) || reads != c.reads {
			t.Errorf("%s: %v, and the store was asked %d times, want %d", c.name, err, reads, c.reads)
		}
	}
}

func TestDamageIsSaid(t *testing.T) {
	l := newLab(t, cache.Direct)
	for _, bend := range []func(h Handle) api.Op{
		func(h Handle) api.Op { return api.Op{Kind: api.Put, Key: h.part(0), Value: []byte("another")} },
		func(h Handle) api.Op { return api.Op{Kind: api.Delete, Key: h.part(1)} },
		func(h Handle) api.Op { return api.Op{Kind: api.Put, Key: h.about(), Value: []byte("{}x")} },
		func(h Handle) api.Op {
			return api.Op{Kind: api.Put, Key: h.about(), Value: []byte(`{"size":1,"colour":"red"}`)}
		},
	} {
		d := l.put(partSize + 5)
		l.commit(d)
		o := bend(d.Handle)
		l.run(&api.Txn{Then: []api.Op{o}})
		if _, err := l.get(d.Handle); api.KindOf(err) != api.Damaged {
			t.Errorf("%s of %s: %v", o.Kind, o.Key, err)
		}
	}
	if n := metricstest.Sum(t, l.registry, "picloud_blob_gets_total", "damaged"); n != 4 {
		t.Errorf("%v reads are counted as damaged", n)
	}
}

func TestHandlesAreText(t *testing.T) {
	l := newLab(t, cache.Direct)
	h := l.put(1).Handle
	text, err := json.Marshal(map[string]Handle{"picture": h})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]Handle
	if err := json.Unmarshal(text, &back); err != nil || back["picture"] != h {
		t.Errorf("%s: %v", text, err)
	}
	for _, bad := range []string{"", "home", "home/", "/A", "home:00/a", "home:00/A/about", "home:00/" + strings.Repeat("A", maxID+1), "home:00/A\x00"} {
		if h, err := ParseHandle(bad); err == nil {
			t.Errorf("%q is the handle %+v", bad, h)
		}
	}
	if _, err := l.blobs.sweep(t.Context(), &lambda.Run{Job: queue.Job{Payload: []byte("../x")}, Partition: home}); err == nil {
		t.Error("a sweep of anything")
	}
}

// TestABlobIsWholeOrNotThere, in whatever order writers, sweeps and deletions come, each with what it saw earlier.
func TestABlobIsWholeOrNotThere(t *testing.T) {
	l := newLab(t, cache.Direct)
	l.blobs.part = 10
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.SampledFrom([]int{10, 11, 31}).Draw(r, "size")
		d := l.put(size)
		var sweeps []*lambda.Effect
		was, deleted := false, false
		r.Repeat(map[string]func(*rapid.T){
			"commit": func(*rapid.T) { was = l.commit(d) || was },
			"look":   func(*rapid.T) { sweeps = append(sweeps, l.swept(d.Handle)) },
			"sweep": func(r *rapid.T) {
				if len(sweeps) > 0 {
					l.write(rapid.SampledFrom(sweeps).Draw(r, "sweep"))
				}
			},
			"delete": func(*rapid.T) {
				if was {
					l.run(&api.Txn{Then: []api.Op{d.Handle.Delete()}})
					deleted = true
				}
			},
			"": func(r *rapid.T) {
				b, err := l.get(d.Handle)
				switch {
				case err == nil && (!was || len(b.Data) != size):
					r.Fatalf("it is there")
				case err != nil && (api.KindOf(err) != api.NotFound || was && !deleted):
					r.Fatalf("it is not there: %v", err)
				}
			},
		})
		if _, err := l.get(d.Handle); err != nil {
			l.write(l.swept(d.Handle))
			if rows := l.rows(); slices.ContainsFunc(rows, func(k string) bool { return strings.HasPrefix(k, d.Handle.ID) }) {
				r.Fatalf("left after the last sweep: %q", rows)
			}
		}
	})
}
