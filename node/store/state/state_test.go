package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"picloud/node/api"
	"picloud/node/sealed"
)

func openPebble(t rapid.TB, fs vfs.FS) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: fs, Logger: quiet{}, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

// drawKey draws one of a few keys, whose order and partitions are easily mistaken.
func drawKey(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "a/", "a/x", "a/x/1", "a/y", "a!", "a!/x", "b/x"}).Draw(t, "key")
}

func drawTxn(t *rapid.T) api.Txn {
	for {
		var txn api.Txn
		for range rapid.IntRange(0, 2).Draw(t, "comparisons") {
			c := api.Compare{Key: drawKey(t), What: rapid.SampledFrom([]api.What{api.Value, api.Created, api.Modified, api.Version}).Draw(t, "what"), Is: rapid.SampledFrom([]string{"=", "!=", "<", ">"}).Draw(t, "is")}
			if c.What == api.Value {
				c.Value = rapid.SampledFrom([][]byte{nil, []byte("1"), []byte("2")}).Draw(t, "operand")
			} else {
				c.Number = rapid.Uint64Range(0, 6).Draw(t, "number")
			}
			txn.If = append(txn.If, c)
		}
		for range rapid.IntRange(0, 3).Draw(t, "then") {
			txn.Then = append(txn.Then, drawOp(t))
		}
		for range rapid.IntRange(0, 1).Draw(t, "else") {
			txn.Else = append(txn.Else, drawOp(t))
		}
		if txn.Validate() == nil {
			return txn
		}
	}
}

func drawOp(t *rapid.T) api.Op {
	o := api.Op{Kind: rapid.SampledFrom([]api.OpKind{api.Get, api.Scan, api.Put, api.Delete, api.DeleteRange}).Draw(t, "op"), Key: drawKey(t)}
	switch o.Kind {
	case api.Put:
		o.Value = rapid.SampledFrom([][]byte{nil, []byte("1"), []byte("2"), []byte("333")}).Draw(t, "value")
		o.TTL = rapid.SampledFrom([]int64{0, 0, 1000, 5000, api.KeepTTL}).Draw(t, "ttl")
		o.Previous = rapid.Bool().Draw(t, "previous")
	case api.Delete:
		o.Previous = rapid.Bool().Draw(t, "previous")
	case api.Scan, api.DeleteRange:
		o.End = rapid.SampledFrom([]string{"", "", "a/x0", "a/z", "b/z"}).Draw(t, "end")
		if o.Kind == api.Scan {
			o.Limit, o.Reverse = rapid.IntRange(0, 3).Draw(t, "limit"), rapid.Bool().Draw(t, "reverse")
		}
	}
	return o
}

// drawCommands draws a log. Sessions are opened, used, used again for the same request, and expire.
func drawCommands(t *rapid.T) []Command {
	commands := []Command{{Kind: OpenSession}}
	for range rapid.IntRange(1, 40).Draw(t, "commands") {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			commands = append(commands, Command{Kind: OpenSession})
		case 1:
			commands = append(commands, Command{Kind: Tick, Elapsed: rapid.SampledFrom([]uint64{1, 1000, 2500, SessionIdle, SessionIdle + 1}).Draw(t, "elapsed")})
		case 2:
			if rapid.IntRange(0, 2).Draw(t, "own") == 0 { // what some partitions are not in
				commands = append(commands, Command{Kind: Own, Slots: []api.SlotRange{{From: 0, End: rapid.Uint32Range(1, api.Slots).Draw(t, "slots")}}})
			}
		case 3:
			commands = append(commands, Command{Kind: Trim, Before: rapid.Uint64Range(0, 20).Draw(t, "before")})
		default:
			commands = append(commands, Command{Kind: RunTxn, Request: api.Request{Session: rapid.Uint64Range(1, 3).Draw(t, "session"),
				Sequence: rapid.Uint64Range(1, 8).Draw(t, "sequence"), Answered: rapid.Uint64Range(0, 4).Draw(t, "answered"), Txn: drawTxn(t)}})
		}
	}
	return commands
}

func entries(t rapid.TB, commands []Command) []Entry {
	var list []Entry
	for i := range commands {
		data, err := commands[i].Encode()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Entry{Index: uint64(i + 1), Term: 1, Data: data})
	}
	return list
}

// asText makes outcomes comparable: of an error its kind counts.
func asText(o Outcome) string {
	if o.Err != nil {
		return string(o.Err.Kind)
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestStateDoesWhatTheModelDoes applies a log in batches of any size, some of them twice, to a state
// that is closed and opened again now and then, and to the model command by command.
func TestStateDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands := drawCommands(t)
		list, m, fs := entries(t, commands), newModel(), vfs.NewMem()
		db := openPebble(t, fs)
		s, err := Open(db, 7)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(list); {
			again := rapid.IntRange(0, min(at, 3)).Draw(t, "again") // these were applied before
			n := rapid.IntRange(1, len(list)-at).Draw(t, "batch")
			outcomes, err := s.Apply(list[at-again : at+n])
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				got, want := asText(outcomes[again+i]), asText(m.apply(list[at+i].Index, &commands[at+i]))
				if got != want {
					t.Fatalf("entry %d, %+v:\n got %s\nwant %s", at+i+1, commands[at+i], got, want)
				}
			}
			at += n
			compare(t, s, m)
			if rapid.IntRange(0, 4).Draw(t, "reopen") == 0 {
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db = openPebble(t, fs)
				if s, err = Open(db, 7); err != nil {
					t.Fatal(err)
				}
				compare(t, s, m)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// compare looks at the whole state through its readers.
func compare(t *rapid.T, s *State, m *model) {
	t.Helper()
	last, oldest := s.Revision()
	if last != m.revision || oldest != m.oldest || s.marker.Records != uint64(len(m.records)) {
		t.Fatalf("revision %d, oldest %d, %d records; want %d, %d, %d", last, oldest, s.marker.Records, m.revision, m.oldest, len(m.records))
	}
	for _, partition := range []string{"a", "a!", "b"} {
		reply, err := s.Read(&api.Txn{Then: []api.Op{{Kind: api.Scan, Key: partition}}})
		if m.holds != nil && !api.Holds(7, m.holds, partition) {
			if api.KindOf(err) != api.WrongGroup {
				t.Fatalf("partition %s is not here: %v", partition, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(reply.Results[0].Records), fmt.Sprint(m.between(partition, "")); got != want {
			t.Fatalf("partition %s\n got %s\nwant %s", partition, got, want)
		}
	}
	want := slices.Clone(m.events)
	want = slices.DeleteFunc(want, func(e api.Event) bool { return e.Revision < m.oldest })
	var got []api.Event
	for next := oldest; next <= last; {
		events, then, err := s.Events(next, 2)
		if err != nil || then <= next {
			t.Fatalf("events from %d: up to %d, %v", next, then, err)
		}
		got, next = append(got, events...), then
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("events\n got %v\nwant %v", got, want)
	}
	if err := s.Scrub(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestReplicasHaveEqualDigests applies one log in different batches, and another log that differs in a
// command.
func TestReplicasHaveEqualDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := entries(t, drawCommands(t))
		digest := func(group uint32, sizes func() int) (uint64, marker) {
			db := openPebble(t, vfs.NewMem())
			defer db.Close()
			s, err := Open(db, group)
			if err != nil {
				t.Fatal(err)
			}
			for rest := list; len(rest) > 0; {
				n := min(len(rest), sizes())
				if _, err := s.Apply(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			return s.recount(t), s.marker
		}
		one, a := digest(1, func() int { return 1 })
		all, b := digest(2, func() int { return rapid.IntRange(1, 9).Draw(t, "size") })
		if a != b || one != a.Digest || all != b.Digest {
			t.Fatalf("one by one %+v, counted again %x; in batches %+v, counted again %x", a, one, b, all)
		}
	})
}

// recount sums up the digest from the rows.
func (s *State) recount(t rapid.TB) (sum uint64) {
	v := &view{state: s, from: s.db}
	for _, table := range []byte{tableRecords, tableSessions, tableReplies, tableOwned} {
		err := v.rows(s.key(table), s.key(table+1), false, func(key, value []byte) (bool, error) {
			sum += rowHash(key, value)
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

func TestCommandsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, c := range drawCommands(t) {
			data, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := DecodeCommand(data)
			if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", c) {
				t.Fatalf("%+v came back as %+v: %v", c, again, err)
			}
		}
	})
}

func FuzzDecodeCommand(f *testing.F) {
	for _, c := range []Command{{Kind: OpenSession}, {Kind: OpenSession, Unbounded: true}, {Kind: Tick, Elapsed: 300}, {Kind: Own, Slots: []api.SlotRange{{From: 3, End: 9}}}, {Kind: RunTxn, Request: api.Request{Session: 1, Sequence: 2,
		Txn: api.Txn{If: []api.Compare{{Key: "a", What: api.Version, Is: "=", Number: 1}}, Then: []api.Op{{Kind: api.Put, Key: "a", Value: []byte("v"), TTL: 9}}}}}} {
		data, err := c.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCommand(data)
		if err != nil {
			return
		}
		if again, err := c.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("%x was read as %+v, which is %x: %v", data, c, again, err)
		}
	})
}

// TestDamageIsFound flips each bit of each row's value, one at a time.
func TestDamageIsFound(t *testing.T) {
	db := openPebble(t, vfs.NewMem())
	defer db.Close()
	s, err := Open(db, 1)
	if err != nil {
		t.Fatal(err)
	}
	list := entries(t, []Command{{Kind: OpenSession}, {Kind: RunTxn, Request: api.Request{Session: 1, Sequence: 1, Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/b", Value: []byte("value"), TTL: 3}}}}}})
	if _, err := s.Apply(list); err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	rows := 0
	for ok := it.First(); ok; ok = it.Next() {
		stored := slices.Clone(it.Value())
		for bit := range 8 * len(stored) {
			stored[bit/8] ^= 1 << (bit % 8)
			if _, good := sealed.Open(it.Key(), stored); good {
				t.Errorf("bit %d of %q is not missed", bit, it.Key())
			}
			stored[bit/8] ^= 1 << (bit % 8)
		}
		rows++
		scrubFinds(t, s, bytes.Clone(it.Key()), stored)
	}
	if rows != 6 {
		t.Errorf("%d rows, want a record, its expiry, an event, a session, a reply and the marker", rows)
	}
}

// scrubFinds spoils a row, and takes it away, and puts it back.
func scrubFinds(t *testing.T, s *State, key, stored []byte) {
	t.Helper()
	spoilt := bytes.Clone(stored)
	spoilt[len(spoilt)-1] ^= 4
	if err := errors.Join(s.db.Set(key, spoilt, nil), s.Scrub(t.Context())); !errors.Is(err, ErrDamaged) {
		t.Errorf("%q was spoilt: %v", key, err)
	}
	if table := key[prefixBytes]; counted(table) || table == tableMarker {
		if err := errors.Join(s.db.Delete(key, nil), s.Scrub(t.Context())); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q is gone: %v", key, err)
		}
	}
	if err := errors.Join(s.db.Set(key, stored, nil), s.Scrub(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestARequestThatWasSpoiltHasNoEffect lets one that does not match its checksum come through the log.
func TestARequestThatWasSpoiltHasNoEffect(t *testing.T) {
	db := openPebble(t, vfs.NewMem())
	defer db.Close()
	s, err := Open(db, 1)
	if err != nil {
		t.Fatal(err)
	}
	list := entries(t, []Command{{Kind: OpenSession}, {Kind: RunTxn, Request: api.Request{Session: 1, Sequence: 1,
		Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/b", Value: []byte("value")}}}}}})
	list[1].Data[len(list[1].Data)-10] ^= 1
	outcomes, err := s.Apply(list)
	if err != nil || outcomes[1].Err == nil || outcomes[1].Err.Kind != api.Damaged {
		t.Fatalf("%+v, %v", outcomes, err)
	}
	if last, _ := s.Revision(); last != 0 {
		t.Errorf("it made revision %d", last)
	}
}
