package api

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// FuzzCalls: each reader takes only what its writer would write.
func FuzzCalls(f *testing.F) {
	record := Record{Key: "a/1", Value: []byte("v"), Created: 1, Modified: 2, Version: 2, TTL: 9, Left: 3}
	reply := Reply{Succeeded: true, Revision: 2, Results: []Result{{Records: []Record{record}, More: true}, {Deleted: 4}}}
	events, err := (&Events{Next: 3, Events: []Event{{Kind: Changed, Revision: 2, Record: record}}}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	read, err := (&ReadCall{Group: 1, Stale: true, Txn: exampleRequest().Txn}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	readers := []func([]byte) ([]byte, error){
		func(b []byte) ([]byte, error) { n, err := DecodeNumbers(b); return n.Encode(), err },
		func(b []byte) ([]byte, error) { c, err := DecodeTxnCall(b); return c.Encode(), err },
		func(b []byte) ([]byte, error) {
			c, err := DecodeReadCall(b)
			if err != nil {
				return nil, err
			}
			again, err := c.Encode()
			if err != nil {
				return []byte(err.Error()), nil
			}
			return again, nil
		},
		func(b []byte) ([]byte, error) { p, err := DecodeReply(b); return p.Encode(), err },
		func(b []byte) ([]byte, error) { p, err := DecodeStaleReply(b); return p.Encode(), err },
		func(b []byte) ([]byte, error) { c, err := DecodeEventsCall(b); return c.Encode(), err },
		func(b []byte) ([]byte, error) {
			e, err := DecodeEvents(b)
			if err != nil {
				return nil, err
			}
			again, err := e.Encode()
			if err != nil {
				return []byte(err.Error()), nil
			}
			return again, nil
		},
		func(b []byte) ([]byte, error) { c, err := DecodeFollowCall(b); return c.Encode(), err },
		func(b []byte) ([]byte, error) { c, err := DecodeChanges(b); return c.Encode(), err },
	}
	follow := &FollowCall{Group: 2, Follow: Follow{Partitions: []string{"a", "b"}, From: 3, Wait: time.Second}}
	changes := &Changes{Changes: []Change{{Revision: 3, Key: "a/1"}}, Next: 4, Current: true}
	for i, data := range [][]byte{Numbers{0, 1, 300}.Encode(), (&TxnCall{Group: 7, Request: []byte("request")}).Encode(), read, reply.Encode(),
		(&StaleReply{Reply: reply, Age: 5}).Encode(), (&EventsCall{Group: 2, Watch: Watch{Key: "a", End: "b", From: 3}}).Encode(), events,
		follow.Encode(), changes.Encode()} {
		f.Add(byte(i), data)
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		again, err := readers[int(which)%len(readers)](data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%x was read as what is %x", data, again)
		}
	})
}

// FuzzShardMap: a map that is taken is whole, has a place for each partition, and is read again as it was.
func FuzzShardMap(f *testing.F) {
	data, err := Spread([][]string{{"pi-1"}, {"pi-2", "pi-3"}}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, "a")
	f.Add([]byte(`{"shards":null}`), "")
	f.Fuzz(func(t *testing.T, data []byte, partition string) {
		m, err := DecodeShardMap(data)
		if err != nil {
			return
		}
		if _, err := m.Of(partition); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeShardMap(text)
		if err != nil {
			t.Fatalf("%s became %s: %v", data, text, err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, text) {
			t.Errorf("%s became %s, and then %s: %v", data, text, twice, err)
		}
	})
}

// FuzzError: an error that crossed the wire is the error that was sent.
func FuzzError(f *testing.F) {
	f.Add([]byte(`{"kind":"not-leader","doing":"write","leader":"pi-2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e, again Error
		if json.Unmarshal(data, &e) != nil {
			return
		}
		text, err := json.Marshal(&e)
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again != e || (e.Kind != "" && KindOf(&e) != e.Kind) {
			t.Errorf("%s became %+v, and then %+v: %v", data, e, again, err)
		}
	})
}
