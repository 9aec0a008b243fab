package cache

import (
	"bytes"
	"testing"
	"time"

	"picloud/node/api"
)

// FuzzProtocol: each reader takes only what its writer would write.
func FuzzProtocol(f *testing.F) {
	readers := []func([]byte) ([]byte, error){
		func(b []byte) ([]byte, error) { c, err := decodeReadCall(b); return c.encode(), err },
		func(b []byte) ([]byte, error) { a, err := decodeAnswer(b); return a.encode(), err },
		func(b []byte) ([]byte, error) { c, err := decodeFillCall(b); return c.encode(), err },
		func(b []byte) ([]byte, error) {
			i, err := decodeItem(b)
			if err != nil {
				return nil, err
			}
			return []byte(i.id), nil
		},
	}
	i, err := newItem(api.Op{Kind: api.Scan, Key: "a/", End: "a/z", Limit: 3, Reverse: true})
	if err != nil {
		f.Fatal(err)
	}
	for n, data := range [][]byte{
		(&readCall{id: []byte(i.id), spread: true}).encode(),
		(&answer{outcome: kept, age: time.Second, limit: 2 * time.Second, hot: true, reply: []byte("reply")}).encode(),
		(&fillCall{id: []byte(i.id), token: 1, reply: []byte("reply")}).encode(),
		[]byte(i.id),
	} {
		f.Add(byte(n), data)
	}
	f.Add(byte(1), (&answer{outcome: leased, token: 7}).encode())
	f.Add(byte(1), (&answer{outcome: refused}).encode())
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		again, err := readers[int(which)%len(readers)](data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%x was read as what is %x", data, again)
		}
	})
}

// FuzzItems: a change that an item depends on finds it by its prefix.
func FuzzItems(f *testing.F) {
	f.Add("a/1", "a/2", "a/15", true)
	f.Add("a", "", "a/\xff", true)
	f.Add("a/1", "", "a/1", false)
	f.Fuzz(func(t *testing.T, key, end, changed string, isScan bool) {
		o := get(key)
		if isScan {
			o = scan(key, end)
		}
		i, err := newItem(o)
		if err != nil || !i.asksFor(changed) {
			return
		}
		if p := i.prefix(); len(p) > len(changed) || changed[:len(p)] != p || len(p) < len(api.Partition(changed)) {
			t.Errorf("%q changes what %+v asks for, and does not find it under %q", changed, o, p)
		}
	})
}

func TestOnlyReadsAreKept(t *testing.T) {
	for _, o := range []api.Op{put("a", "x"), {Kind: api.Delete, Key: "a"}, {Kind: api.Get}, scan("b", "a"), scan("a/1", "b")} {
		if i, err := newItem(o); api.KindOf(err) != api.BadRequest && api.KindOf(err) != api.CrossPartition {
			t.Errorf("%+v: %v, %v", o, i, err)
		}
	}
	plain, _ := newItem(get("a"))
	if dressed, _ := newItem(api.Op{Kind: api.Get, Key: "a", Limit: 3, TTL: 5, Previous: true}); dressed.id != plain.id {
		t.Error("what a get does not look at makes another item")
	}
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for _, c := range []Config{{MemoryBytes: 1}, {MemoryBytes: -1}, {Bound: time.Millisecond}, {Bound: 2 * time.Hour}, {HotReads: -1}, {Drain: -1}, {Drain: time.Hour}} {
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if err := (&Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestASlowClockDoesNotBreakThePromise: what a clock shows when it loses a tenth.
func TestASlowClockDoesNotBreakThePromise(t *testing.T) {
	c := Config{Bound: 2 * time.Second}
	if most := c.limit() * 10 / 9; most > c.Bound {
		t.Errorf("an answer may be %s old", most)
	}
	if shareFor >= leastBound-leastBound/8 {
		t.Error("what is shared may be older than the least bound")
	}
}
