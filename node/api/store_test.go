package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func put(key, value string) Op { return Op{Kind: Put, Key: key, Value: []byte(value)} }

func TestTransactionsAreRefusedWithTheirReason(t *testing.T) {
	long := strings.Repeat("v", MaxValueBytes)
	for _, test := range []struct {
		name string
		txn  Txn
		kind Kind
		says string
	}{
		{"nothing to do", Txn{}, BadRequest, "it has 0 comparisons and operations, not 1 to 128"},
		{"too much to do", Txn{Then: make([]Op, 129)}, BadRequest, "it has 129 comparisons and operations, not 1 to 128"},
		{"an empty key", Txn{Then: []Op{put("", "")}}, BadRequest, "a key is not empty"},
		{"no partition", Txn{Then: []Op{put("/a", "")}}, BadRequest, "a key's first component is not empty"},
		{"a long key", Txn{Then: []Op{put(strings.Repeat("k", 1025), "")}}, BadRequest, "a key has at most 1024 bytes, not 1025"},
		{"a zero byte", Txn{Then: []Op{put("a\x00b", "")}}, BadRequest, "a key has no zero byte"},
		{"two partitions", Txn{Then: []Op{put("a/1", ""), put("b/1", "")}}, CrossPartition, `its other keys are in the partition "a"`},
		{"a comparison elsewhere", Txn{If: []Compare{{Key: "b", What: Version, Is: "="}}, Then: []Op{put("a/1", "")}}, CrossPartition, `its other keys are in the partition "a"`},
		{"a large value", Txn{Then: []Op{put("a", long+"v")}}, TooLarge, "a value has 1048577 bytes, the limit is 1048576"},
		{"large values", Txn{Then: []Op{put("a", long), put("a", long), put("a", long)}}, TooLarge, "the limit is 2097152"},
		{"an unknown operation", Txn{Then: []Op{{Kind: "swap", Key: "a"}}}, BadRequest, `there is no operation "swap"`},
		{"an unknown relation", Txn{If: []Compare{{Key: "a", What: Value, Is: "~"}}}, BadRequest, `a comparison is one of = != < >, not "~"`},
		{"an unknown property", Txn{If: []Compare{{Key: "a", What: "size", Is: "="}}}, BadRequest, "a comparison looks at value, created, modified or version"},
		{"a number for a value", Txn{If: []Compare{{Key: "a", What: Value, Is: "=", Number: 1}}}, BadRequest, "the other sort of operand"},
		{"a value that is read", Txn{Then: []Op{{Kind: Get, Key: "a", Value: []byte("v")}}}, BadRequest, "get has no value and no time to live"},
		{"a negative life", Txn{Then: []Op{{Kind: Put, Key: "a", TTL: -2}}}, BadRequest, "a time to live is 0 to 315360000000 ms, not -2"},
		{"an end of one key", Txn{Then: []Op{{Kind: Get, Key: "a", End: "b"}}}, BadRequest, "get has no end"},
		{"a limit of a write", Txn{Then: []Op{{Kind: Put, Key: "a", Limit: 1}}}, BadRequest, "put has no limit and no direction"},
		{"a large limit", Txn{Then: []Op{{Kind: Scan, Key: "a", Limit: MaxRange + 1}}}, BadRequest, "a limit is 0 to 10000 records, not 10001"},
		{"a range backwards", Txn{Then: []Op{{Kind: Scan, Key: "a/2", End: "a/1"}}}, BadRequest, "where it has not begun"},
		{"a range over partitions", Txn{Then: []Op{{Kind: Scan, Key: "a/2", End: "b/1"}}}, BadRequest, "the range ends in another partition"},
		{"what was before a scan", Txn{Then: []Op{{Kind: Scan, Key: "a", Previous: true}}}, BadRequest, "scan has no record as it was before"},
	} {
		err := test.txn.Validate()
		if KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	fine := Txn{If: []Compare{{Key: "a/1", What: Version, Is: "="}}, Then: []Op{put("a/1", long)}, Else: []Op{{Kind: Scan, Key: "a", End: "a/z", Limit: 3}}}
	if err := fine.Validate(); err != nil || fine.Partition() != "a" || fine.ReadOnly() {
		t.Errorf("%v, partition %q", err, fine.Partition())
	}
}

func TestErrorsCrossTheWire(t *testing.T) {
	sent := fmt.Errorf("while serving: %w", Errorf(NotLeader, "write", "a/1", "ask %s", "pi-2"))
	var inside *Error
	if !errors.As(sent, &inside) || KindOf(sent) != NotLeader {
		t.Fatalf("%v is of kind %s", sent, KindOf(sent))
	}
	line, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	var got Error
	if err := json.Unmarshal(line, &got); err != nil || got != *inside || got.Error() != "write a/1: ask pi-2 (not-leader)" {
		t.Errorf("%s came back as %v: %v", line, got, err)
	}
	if KindOf(errors.New("x")) != Internal || KindOf(nil) != "" {
		t.Error("errors without a kind")
	}
}

func TestAPrefixEndsBehindItsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab/0\xff")), 0, 4, -1)
		prefix, rest := "p/"+text.Draw(t, "prefix"), text.Draw(t, "rest")
		key, end := "p/"+rest, PrefixEnd(prefix)
		inside := key >= prefix && (end == "" || key < end)
		if inside != strings.HasPrefix(key, prefix) {
			t.Fatalf("%q up to %q and %q", prefix, end, key)
		}
	})
}

func TestAWatchHoldsWhatAScanReturns(t *testing.T) {
	for _, test := range []struct {
		watch Watch
		key   string
		holds bool
	}{
		{Watch{Key: "a"}, "a", true},
		{Watch{Key: "a"}, "a/x", true},
		{Watch{Key: "a"}, "ab", false},
		{Watch{Key: "a/x", End: "a/y"}, "a/x1", true},
		{Watch{Key: "a/x", End: "a/y"}, "a/y", false},
		{Watch{Key: "a/x"}, "a/", false},
	} {
		if got := test.watch.Holds(test.key); got != test.holds {
			t.Errorf("%+v holds %q: %t", test.watch, test.key, got)
		}
	}
	if err := (&Watch{Key: "a/x", End: "b"}).Validate(); KindOf(err) != BadRequest {
		t.Errorf("%v", err)
	}
}
