package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/raftnet"
	"picloud/node/wire"
)

// serving returns a node that is a whole cloud and serves, and a network on which it can be called.
func serving(t *testing.T) (*Store, Config, host.Network) {
	t.Helper()
	c := lone(t, "home", "pi-1")
	s, err := openLone(t.Context(), vfs.NewMem(), c)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, s)
	return s, c, caller()
}

// caller returns a network on which a lone node can be called.
func caller() host.Network {
	return wire.Network{Network: &host.RealNetwork{Address: "127.0.4.2", Names: map[string]string{"pi-1": "127.0.4.1"}}}
}

// runs has a node serve until the test ends.
func runs(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	})
	begins(t, s)
}

// begins waits until a node that is a whole cloud has begun.
func begins(t *testing.T, s *Store) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m, err := s.groups[0].storedShards(); err == nil && m != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the cloud does not begin")
		}
	}
}

// rows returns all that a node keeps, but for the logs and how far the state is in them: a request that is refused
// when it is applied stands in the log.
func rows(t *testing.T, db *pebble.DB) files {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	all := files{}
	for ok := it.First(); ok; ok = it.Next() {
		if key := it.Key(); key[0] >= 'd' && (key[0] > 'd' || key[5] != 'm') {
			all[fmt.Sprintf("%q", key)] = string(it.Value())
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// request returns an encoded request, with a checksum that fits it or one that does not.
func request(t *testing.T, q api.Request, fits bool) []byte {
	t.Helper()
	body, err := q.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !fits {
		body[len(body)-1] ^= 1
	}
	return body
}

// TestAMethodRefusesWhatItIsNotFor calls each method with what its clients do not send. Nothing is stored.
func TestAMethodRefusesWhatItIsNotFor(t *testing.T) {
	s, c, network := serving(t)
	peers := raftnet.Peers(network, c.Port)
	defer peers.Close()
	before := rows(t, s.db.Pebble())
	put := func(key string, value int) api.Request {
		return api.Request{Session: 1, Sequence: 1, Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: make([]byte, value)}}}}
	}
	txn := func(group uint32, q api.Request, fits bool) []byte {
		return (&api.TxnCall{Group: group, Request: request(t, q, fits)}).Encode()
	}
	reading := func(group uint32, txn api.Txn) []byte {
		body, err := (&api.ReadCall{Group: group, Txn: txn}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	watch := func(group uint32, w api.Watch) []byte { return (&api.EventsCall{Group: group, Watch: w}).Encode() }
	follow := func(group uint32, f api.Follow) []byte { return (&api.FollowCall{Group: group, Follow: f}).Encode() }
	const huge = uint64(1) << 32 // is no group, and would be group 0 if its upper half were lost
	twice := api.Request{Session: 1, Sequence: 1, Txn: api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a"}, {Kind: api.Put, Key: "b"}}}}
	many := api.Txn{Then: make([]api.Op, 129)}
	for i := range many.Then {
		many.Then[i] = api.Op{Kind: api.Get, Key: "a"}
	}
	for _, c := range []struct {
		name, method string
		body         []byte
		kind         api.Kind
	}{
		{"no such method", "drop", nil, api.NotFound},
		{"no method", "", nil, api.NotFound},
		{"a long name", strings.Repeat("x", 255), nil, api.NotFound},
		{"nothing", api.MethodSession, nil, api.BadRequest},
		{"two groups", api.MethodSession, api.Numbers{0, 0}.Encode(), api.BadRequest},
		{"an unknown group", api.MethodSession, api.Numbers{7}.Encode(), api.NotFound},
		{"no group at all", api.MethodSession, api.Numbers{huge}.Encode(), api.BadRequest},
		{"something behind it", api.MethodSession, append(api.Numbers{0}.Encode(), 0), api.BadRequest},
		{"nothing", api.MethodTxn, nil, api.BadRequest},
		{"no request", api.MethodTxn, []byte{0}, api.BadRequest},
		{"a request that was changed", api.MethodTxn, txn(0, put("a", 1), false), api.BadRequest},
		{"an unknown group", api.MethodTxn, txn(7, put("a", 1), true), api.NotFound},
		{"a large value", api.MethodTxn, txn(0, put("a", api.MaxValueBytes+1), true), api.TooLarge},
		{"a long key", api.MethodTxn, txn(0, put(strings.Repeat("k", 2000), 1), true), api.BadRequest},
		{"two partitions", api.MethodTxn, txn(0, twice, true), api.CrossPartition},
		{"an unknown session", api.MethodTxn, txn(0, api.Request{Session: 99, Sequence: 1, Txn: put("a", 1).Txn}, true), api.SessionExpired},
		{"nothing", api.MethodRead, nil, api.BadRequest},
		{"what writes", api.MethodRead, reading(0, put("a", 1).Txn), api.BadRequest},
		{"too much", api.MethodRead, reading(0, many), api.BadRequest},
		{"an unknown group", api.MethodRead, reading(7, api.Txn{Then: []api.Op{{Kind: api.Get, Key: "a"}}}), api.NotFound},
		{"nothing", api.MethodEvents, nil, api.BadRequest},
		{"no range", api.MethodEvents, watch(0, api.Watch{}), api.BadRequest},
		{"an unknown group", api.MethodEvents, watch(7, api.Watch{Key: "a"}), api.NotFound},
		{"nothing", api.MethodFollow, nil, api.BadRequest},
		{"no partition", api.MethodFollow, follow(0, api.Follow{}), api.BadRequest},
		{"a key", api.MethodFollow, follow(0, api.Follow{Partitions: []string{"a/1"}}), api.BadRequest},
		{"a long wait", api.MethodFollow, follow(0, api.Follow{Partitions: []string{"a"}, Wait: time.Hour}), api.BadRequest},
		{"an unknown group", api.MethodFollow, follow(7, api.Follow{Partitions: []string{"a"}}), api.NotFound},
		{"what has not been reached", api.MethodFollow, follow(0, api.Follow{Partitions: []string{"a"}, From: 1 << 40}), api.Future},
		{"nothing", api.MethodTerms, nil, api.BadRequest},
		{"a false length", api.MethodTerms, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, api.BadRequest},
		{"no group at all", api.MethodTerms, api.Numbers{huge}.Encode(), api.BadRequest},
		{"nothing", api.MethodApplied, nil, api.BadRequest},
		{"no group at all", api.MethodApplied, api.Numbers{huge}.Encode(), api.BadRequest},
		{"nothing", api.MethodMembers, nil, api.BadRequest},
		{"no JSON", api.MethodMembers, []byte(`{"group":`), api.BadRequest},
		{"no group at all", api.MethodMembers, []byte(`{"group":4294967296}`), api.BadRequest},
		{"an unknown group", api.MethodMembers, []byte(`{"group":7}`), api.NotFound},
		{"two changes", api.MethodMembers, []byte(`{"group":0,"add":"pi-2","remove":"pi-1"}`), api.BadRequest},
		{"the last member", api.MethodMembers, []byte(`{"group":0,"remove":"pi-1"}`), api.BadRequest},
		{"nobody's name", api.MethodMembers, []byte(`{"group":0,"add":"pi-9"}`), api.Unavailable},
		{"nothing", api.MethodHost, nil, api.BadRequest},
		{"no group that can be", api.MethodHost, []byte(`{"group":4096}`), api.BadRequest},
		{"the end of a member", api.MethodHost, []byte(`{"group":0,"end":true}`), api.BadRequest},
	} {
		t.Run(c.method+" "+c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			answer, err := peers.Call(ctx, "pi-1", c.method, c.body)
			var e *api.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Doing == "" {
				t.Errorf("%d bytes, %v, want the kind %s", len(answer), err, c.kind)
			}
		})
	}
	before.compare(t, rows(t, s.db.Pebble()))
}

// TestAPortHangsUpOnNonsense writes what no node says: frames, heads and messages that are no such things.
func TestAPortHangsUpOnNonsense(t *testing.T) {
	s, c, _ := serving(t)
	before := rows(t, s.db.Pebble())
	frame := func(payload string) string {
		head := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
		sum := crc32.Update(crc32.Checksum(head, crc32.MakeTable(crc32.Castagnoli)), crc32.MakeTable(crc32.Castagnoli), []byte(payload))
		return string(binary.BigEndian.AppendUint32(head, sum)) + payload
	}
	const toRequests = "q\x00\x00\x00\x00"
	for name, sent := range map[string]string{
		"a frame that is too long":       "\xff\xff\xff\xff\x00\x00\x00\x00",
		"a frame that was changed":       strings.Replace(frame(toRequests), "q", "r", 1),
		"a browser":                      "GET / HTTP/1.1\r\nHost: pi-1\r\n\r\n",
		"no purpose that there is":       frame("x\x00\x00\x00\x00"),
		"a group that is not here":       frame("r\x00\x00\x00\x07"),
		"requests of a group":            frame("q\x00\x00\x00\x01"),
		"a message that is too long":     frame(toRequests + "\xff\xff\xff\xff"),
		"a message that is too short":    frame(toRequests + "\x00\x00\x00\x01x"),
		"a name longer than a message":   frame(toRequests + "\x00\x00\x00\x0d1234567812347"),
		"a request of raft that is none": frame("r\x00\x00\x00\x00" + "\xff\xff\xff\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := net.Dial("tcp", net.JoinHostPort("127.0.4.1", c.Port))
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			if _, err := io.WriteString(stream, sent); err != nil {
				t.Fatal(err)
			}
			stream.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, stream); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("it is not hung up")
			}
		})
	}
	before.compare(t, rows(t, s.db.Pebble()))
}

// TestAStoreWhosePortHasClosedEnds: its member would go on over the streams that it has, lead perhaps, and answer nobody.
func TestAStoreWhosePortHasClosedEnds(t *testing.T) {
	s, err := openLone(t.Context(), vfs.NewMem(), lone(t, "home", "pi-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	if err := s.port.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("all is well")
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}

// TestDamageThatAReadMeetsIsTheEnd lets tables rot while clients read: no reader is answered as if only its call had failed, and word of the
// damage is left once.
func TestDamageThatAReadMeetsIsTheEnd(t *testing.T) {
	disk, c := vfs.NewMem(), lone(t, "home", "pi-1")
	s, err := openLone(t.Context(), disk, c)
	if err != nil {
		t.Fatal(err)
	}
	ends := endOf(s)
	go s.Run(t.Context()) // and it is not waited for: what met the damage hangs
	begins(t, s)
	if err := s.db.Pebble().Flush(); err != nil {
		t.Fatal(err)
	}
	hosttest.Rot(t, disk, folder)
	peers := raftnet.Peers(caller(), c.Port)
	defer peers.Close()
	body, err := (&api.ReadCall{Txn: api.Txn{Then: []api.Op{{Kind: api.Get, Key: api.ShardsKey}}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if _, err := peers.Call(ctx, "pi-1", api.MethodRead, body); err == nil || api.KindOf(err) == api.Internal {
				t.Errorf("a reader is told: %v", err)
			}
		})
	}
	all.Wait()
	if len(ends) != 1 {
		t.Errorf("it ends %d times", len(ends))
	}
	if w, err := s.readWound(); err != nil || w == nil {
		t.Errorf("word is left: %v, %v", w, err)
	}
}

// endOf returns what the store says when it ends the process, which does not end here: whoever wanted that hangs.
func endOf(s *Store) <-chan string {
	ends := make(chan string, 100)
	s.end = func(why string) {
		ends <- why
		select {}
	}
	return ends
}
