package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/rpc"
)

func get(key string) api.Op { return api.Op{Kind: api.Get, Key: key} }

func scan(key string) api.Op { return api.Op{Kind: api.Scan, Key: key} }

func deleteAll(key string) api.Op { return api.Op{Kind: api.DeleteRange, Key: key} }

// times repeats an operation.
func times(n int, o api.Op) []api.Op { return slices.Repeat([]api.Op{o}, n) }

// filled returns a state with the records large/0 to large/4 of 1 MiB, and small/0 to small/2.
func filled(t testing.TB) *lab {
	l := newLab(t)
	for i := range 5 {
		l.do(put(fmt.Sprint("large/", i), api.MaxValueBytes))
	}
	l.do(put("small/0", 1), put("small/1", 2), put("small/2", 3))
	return l
}

// ofLarge returns an operation for each of some records of 1 MiB.
func ofLarge(n int, o api.Op) (ops []api.Op) {
	for i := range n {
		o.Key = fmt.Sprint("large/", i)
		ops = append(ops, o)
	}
	return ops
}

// TestAReplyFitsIntoAMessage: what would not is refused before anything is written, so that all is there for what comes next.
func TestAReplyFitsIntoAMessage(t *testing.T) {
	l, change := filled(t), put("large/new", 10)
	for _, c := range []struct {
		name string
		ops  []api.Op
		kind api.Kind
	}{
		{"four large records", ofLarge(4, get("")), api.TooLarge},
		{"a change and four", append([]api.Op{change}, ofLarge(4, get(""))...), api.TooLarge},
		{"a change and one of them often", append([]api.Op{change}, times(100, get("large/0"))...), api.TooLarge},
		{"what it has written itself, often", append([]api.Op{put("large/new", api.MaxValueBytes)}, times(100, get("large/new"))...), api.TooLarge},
		{"many scans", times(120, scan("large")), api.TooLarge},
		{"a change and many scans", append([]api.Op{change}, times(120, scan("large"))...), api.TooLarge},
		{"four as they were before", ofLarge(4, api.Op{Kind: api.Put, Value: []byte("v"), Previous: true}), api.TooLarge},
		{"four that were removed", ofLarge(4, api.Op{Kind: api.Delete, Previous: true}), api.TooLarge},
		{"three", ofLarge(3, get("")), ""},
		{"a scan", times(1, scan("large")), ""},
		{"two scans", times(2, scan("large")), ""},
		{"many scans of little", times(100, scan("small")), ""},
		{"a change and three", append([]api.Op{change}, ofLarge(3, get(""))...), ""},
		{"three as they were before", ofLarge(3, api.Op{Kind: api.Put, Value: []byte("v"), Previous: true}), ""},
		{"four that are removed", ofLarge(4, api.Op{Kind: api.Delete}), ""},
	} {
		_, before := l.Digest()
		revision, _ := l.Revision()
		outcome := l.apply(l.command(api.Txn{Then: c.ops}), l.command(api.Txn{Then: []api.Op{get("large/new")}}))[0]
		kind := api.Kind("")
		if outcome.Err != nil {
			kind = outcome.Err.Kind
		}
		if kind != c.kind {
			t.Errorf("%s: %v", c.name, outcome.Err)
			continue
		}
		if c.kind == "" {
			if n := len(outcome.Reply.Encode()); n > rpc.MaxBytes-1024 {
				t.Errorf("%s: a reply of %d bytes", c.name, n)
			}
			for i, r := range outcome.Reply.Results {
				if c.ops[i].Kind == api.Scan && len(r.Records) == 0 {
					t.Errorf("%s: scan %d found nothing", c.name, i)
				}
			}
			continue
		}
		after, _ := l.Revision()
		if _, is := l.found("large/new"); is || after != revision || l.recount(t) != l.marker.Digest {
			t.Errorf("%s: it is refused, and revision %d was %d", c.name, after, revision)
		}
		if _, now := l.Digest(); now == before { // the second request has left its reply
			t.Errorf("%s: what came with it has not been done", c.name)
		}
	}
}

// found returns a record's value.
func (l *lab) found(key string) (value []byte, is bool) {
	l.t.Helper()
	reply, err := l.Read(&api.Txn{Then: []api.Op{get(key)}})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range reply.Results[0].Records {
		return r.Value, true
	}
	return nil, false
}

// TestAReadThatIsTooLargeIsRefused: it goes through no log.
func TestAReadThatIsTooLargeIsRefused(t *testing.T) {
	l := filled(t)
	if _, err := l.Read(&api.Txn{Then: ofLarge(4, get(""))}); api.KindOf(err) != api.TooLarge {
		t.Error(err)
	}
	for i := range 4 {
		l.do(put(fmt.Sprint("middle/", i), 600<<10))
	}
	reply, err := l.Read(&api.Txn{Then: times(2, scan("middle"))})
	if err != nil {
		t.Fatal(err)
	}
	if one, two := reply.Results[0], reply.Results[1]; len(one.Records) != 3 || !one.More || len(two.Records) != 2 || !two.More {
		t.Errorf("the first scan ends at its limit, with %d records, the second where the reply is full, with %d", len(one.Records), len(two.Records))
	}
}

// crowd fills a partition with records whose keys are long.
func (l *lab) crowd(partition string, n int) {
	l.t.Helper()
	for i := 0; i < n; i += 64 {
		var ops []api.Op
		for k := i; k < min(i+64, n); k++ {
			ops = append(ops, put(fmt.Sprintf("%s/%06d/%s", partition, k, strings.Repeat("k", 950)), 1))
		}
		l.do(ops...)
	}
}

// TestOneRevisionFitsIntoAnAnswer: who removes more at once is refused, and nothing is removed.
func TestOneRevisionFitsIntoAnAnswer(t *testing.T) {
	l := newLab(t)
	l.crowd("few", 3500)
	l.crowd("many", 3700)
	for partition, kind := range map[string]api.Kind{"few": "", "many": api.TooLarge} {
		before, _ := l.Revision()
		records := l.marker.Records
		outcome := l.do(put("few", 1), put("few", 2))
		outcome = l.do(append(ofKey(partition), deleteAll(partition))...)
		if kind != "" {
			if outcome.Err == nil || outcome.Err.Kind != kind || l.marker.Records < records || l.recount(t) != l.marker.Digest {
				t.Errorf("%s: %+v", partition, outcome.Err)
			}
			continue
		}
		if outcome.Err != nil || outcome.Reply.Results[1].Deleted != 3501 {
			t.Fatalf("%s: %+v", partition, outcome.Err)
		}
		if all, _ := l.watched(api.Watch{Key: partition, From: before + 1}, 1000); len(all) != 3+3501 {
			t.Errorf("%d events", len(all))
		}
	}
}

func ofKey(partition string) []api.Op { return []api.Op{put(partition, 1)} }

// TestWhatIsRefusedIsRefusedHoweverEntriesAreBatched applies a log with refusals in it in batches of each size.
func TestWhatIsRefusedIsRefusedHoweverEntriesAreBatched(t *testing.T) {
	draft := newLab(t)
	commands := []Command{{Kind: OpenSession}}
	for i := range 4 {
		commands = append(commands, draft.command(api.Txn{Then: []api.Op{put(fmt.Sprint("large/", i), api.MaxValueBytes)}}))
	}
	for i := range 2 {
		commands = append(commands,
			draft.command(api.Txn{Then: append([]api.Op{put("large/x", i), {Kind: api.Put, Key: "large/y", TTL: 5}, {Kind: api.Delete, Key: "large/0"}}, times(9, get("large/1"))...)}),
			draft.command(api.Txn{Then: []api.Op{put("large/z", i), scan("large/x")}}),
			Command{Kind: Tick, Elapsed: 3},
			draft.command(api.Txn{Then: append([]api.Op{deleteAll("large/z")}, times(9, scan("large"))...)}),
			draft.command(api.Txn{Then: []api.Op{put("large/z", i), deleteAll("large/z")}}))
	}
	list := entries(t, commands)
	var want string
	for size := 1; size <= len(list); size++ {
		s := applied(t, vfs.NewMem(), 1, nil)
		told := ""
		for part := range slices.Chunk(list, size) {
			outcomes, err := s.Apply(part)
			if err != nil {
				t.Fatal(err)
			}
			for i := range outcomes {
				kind := api.Kind("")
				if outcomes[i].Err != nil {
					kind = outcomes[i].Err.Kind
				}
				told += fmt.Sprint(kind, " ")
			}
		}
		told += fmt.Sprintf("%+v", s.marker)
		if again, err := Open(s.db, 1); err != nil || again.marker != s.marker || s.recount(t) != s.marker.Digest {
			t.Fatalf("batches of %d: %+v, on disk %+v, %v", size, s.marker, again.marker, err)
		}
		if want == "" {
			want = told
		}
		if told != want || strings.Count(told, string(api.TooLarge)) != 4 {
			t.Fatalf("batches of %d: %s\none by one: %s", size, told, want)
		}
		s.db.Close()
	}
}

// old applies operations as a command of the version that had no limits.
func (l *lab) old(ops ...api.Op) Outcome {
	l.t.Helper()
	c := l.command(api.Txn{Then: ops})
	c.Unbounded = true
	return l.apply(c)[0]
}

// TestOldCommandsDoWhatTheyDid: some members may have applied them before what they do had limits.
func TestOldCommandsDoWhatTheyDid(t *testing.T) {
	if c, err := DecodeCommand([]byte{1, 1}); err != nil || c.Kind != OpenSession || !c.Unbounded {
		t.Fatalf("%+v, %v", c, err)
	}
	l := filled(t)
	outcome := l.old(append([]api.Op{put("large/new", 1)}, times(100, scan("large"))...)...)
	if _, is := l.found("large/new"); !is || outcome.Err == nil || outcome.Err.Kind != api.Replayed {
		t.Errorf("it took effect: %t, %+v", is, outcome)
	}
	again := l.command(api.Txn{})
	again.Request.Sequence = l.sequence - 1
	if outcome := l.apply(again)[0]; outcome.Err == nil || outcome.Err.Kind != api.Replayed {
		t.Errorf("and once more: %+v", outcome)
	}
}

// TestAnOldRevisionThatNoAnswerHoldsIsLeftOut: who watches is told to begin anew behind it.
func TestAnOldRevisionThatNoAnswerHoldsIsLeftOut(t *testing.T) {
	l := newLab(t)
	l.crowd("many", 3700)
	if outcome := l.old(deleteAll("many")); outcome.Err != nil || outcome.Reply.Results[0].Deleted != 3700 {
		t.Fatalf("%+v", outcome.Err)
	}
	last, _ := l.Revision()
	_, err := l.Watch(t.Context(), &api.Watch{Key: "many", From: last}, 1000)
	var e *api.Error
	if !errors.As(err, &e) || e.Kind != api.Compacted || e.Revision != last+1 {
		t.Errorf("%v", err)
	}
	if l.recount(t) != l.marker.Digest {
		t.Error("the digest is another")
	}
}
