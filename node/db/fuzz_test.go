package db

import (
	"bufio"
	"bytes"
	"net/url"
	"strings"
	"testing"

	"picloud/node/api"
)

// FuzzRESPKey: two keys are two, the store takes them, and a hash tag is their partition.
func FuzzRESPKey(f *testing.F) {
	for _, k := range []string{"", "a", "{a}", "{a}b", "a/b", "a%2Fb", "a\x00", "{}x", "{a/}b", "}{a}", "\xff"} {
		f.Add([]byte(k), []byte("a"))
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		a, b := respKey("redis", one), respKey("redis", other)
		if (a == b) != bytes.Equal(one, other) {
			t.Errorf("%q is %q, and %q is %q", one, a, other, b)
		}
		if err := api.ValidKey(a); err != nil && len(one) < 100 {
			t.Errorf("%q is %q: %v", one, a, err)
		}
		partition, _ := strings.CutPrefix(api.Partition(a), "@redis:")
		want, tagged := hashTag(string(one))
		if !tagged {
			want = string(one)
		}
		if got, err := url.PathUnescape(partition); err != nil || got != want {
			t.Errorf("%q is in the partition %q, want %q: %v", one, got, want, err)
		}
	})
}

// FuzzDocumentKey: a key that is taken is one that the store takes, before the rows that are no documents.
func FuzzDocumentKey(f *testing.F) {
	for _, k := range []string{"a", "a/b", "a/", "/", "a//b", "a/..", "a/\xffidem/k", "a/ü", "a\x01"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		stored, err := documentKey("app", key)
		if err != nil {
			return
		}
		if api.ValidKey(stored) != nil || stored >= api.Partition(stored)+behindDocuments || stored[len("app:"):] != key {
			t.Errorf("%q became %q", key, stored)
		}
		from, end, err := (&span{Prefix: key}).bounds("app")
		if w := (&api.Watch{Key: from, End: end}); err != nil || w.Validate() != nil || !w.Holds(stored) || w.Holds(api.Partition(stored)+idempotencyRows+"k") {
			t.Errorf("%q begins a range from %q to %q: %v", key, from, end, err)
		}
		if from, end, err = (&span{From: key, After: key}).bounds("app"); err != nil || stored >= from || from >= end {
			t.Errorf("behind %q is from %q to %q: %v", key, from, end, err)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	for _, h := range []string{`"1"`, `*`, ` "7" `, `"0"`, `"01"`, `W/"1"`, `"1", "2"`, `""`, `"18446744073709551615"`} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := ifMatch(text)
		if ok && c.What == api.Modified && strings.TrimSpace(text) != etag(c.Number) {
			t.Errorf("%q is revision %d", text, c.Number)
		}
		if ok && c.What != api.Modified && strings.TrimSpace(text) != "*" {
			t.Errorf("%q is %+v", text, c)
		}
	})
}

// FuzzTransaction: what is taken is valid, of the namespace only, and its Else changes nothing.
func FuzzTransaction(f *testing.F) {
	f.Add([]byte(`{"if":[{"key":"a/1","is":">","revision":1}],"then":[{"put":"a/1","value":{"n": 0},"ttl_ms":5},{"delete":"a/2"}],"else":[{"scan":"a","after":"a/1","limit":2,"reverse":true}]}`))
	f.Add([]byte(`{"if":[{"key":"a","exists":true},{"key":"a","value":null}],"then":[{"get":"a"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		txn, err := decodeTransaction("app", body)
		if err != nil {
			if k := api.KindOf(err); k != api.BadRequest && k != api.CrossPartition && k != api.TooLarge {
				t.Errorf("%s: %v", body, err)
			}
			return
		}
		if err := txn.Validate(); err != nil || !strings.HasPrefix(txn.Partition(), "app:") || !(&api.Txn{Then: txn.Else}).ReadOnly() {
			t.Errorf("%s became %+v: %v", body, txn, err)
		}
	})
}

// FuzzEntry: what is read back is written again as it was, and only what encode writes is read.
func FuzzEntry(f *testing.F) {
	f.Add([]byte("stext"))
	f.Add((&entry{fields: map[string][]byte{"": nil, "b": []byte("2"), "a": []byte("1")}}).encode())
	f.Add([]byte{isHash, 2, 1, 'b', 0, 1, 'a', 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEntry(data)
		if err != nil {
			return
		}
		if again := e.encode(); !bytes.Equal(again, data) {
			t.Errorf("%x was read as %+v, which is %x", data, e, again)
		}
	})
}

// FuzzCommands: whatever comes, what is read keeps the limits, and says the same when it is sent again.
func FuzzCommands(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\nping x\r\n*0\r\n"))
	f.Add([]byte("*1\r\n$9223372036854775807\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &commandReader{in: bufio.NewReaderSize(bytes.NewReader(data), 64), maxArgs: 4, maxBytes: 100}
		for {
			args, err := r.next()
			if err != nil {
				return
			}
			var list []any
			for _, a := range args {
				list = append(list, a)
			}
			if len(bytes.Join(args, nil)) > 100 || len(args) == 0 {
				t.Fatalf("%q", args)
			}
			again := &commandReader{in: bufio.NewReader(bytes.NewReader(appendReply(nil, list))), maxArgs: len(args), maxBytes: 100}
			if got, err := again.next(); err != nil || len(got) != len(args) || !bytes.Equal(bytes.Join(got, []byte{0}), bytes.Join(args, []byte{0})) {
				t.Fatalf("%q came back as %q: %v", args, got, err)
			}
		}
	})
}
