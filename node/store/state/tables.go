package state

import (
	"encoding/binary"
	"strings"

	"picloud/node/api"
)

// Everything of a group lies below its prefix: the group's number and the table's letter. The tables:
const (
	tableRecords  = 'k' // partition, 0, rest of the key -> record
	tableExpiry   = 'x' // deadline, key as in tableRecords -> nothing
	tableHistory  = 'h' // revision, number in it -> event
	tableSessions = 's' // session -> when it was used last, up to which request it was answered
	tableReplies  = 'r' // session, sequence -> reply
	tableMarker   = 'm' // -> marker
	tableOwned    = 'o' // -> the slots whose partitions the group holds
	tableEnd      = 'z' // behind all tables
)

// tablesOf returns the prefix that a group's tables have before their letter.
func tablesOf(group uint32) []byte { return binary.BigEndian.AppendUint32([]byte{'d'}, group) }

// key appends the parts of a row's key to a table's.
func (s *State) key(table byte, parts ...[]byte) []byte {
	k := append(make([]byte, 0, 64), s.prefix...)
	k = append(k, table)
	for _, p := range parts {
		k = append(k, p...)
	}
	return k
}

// big writes a number so that numbers sort as their bytes do.
func big(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// place of a key in tableRecords: keys of a partition stand together, and in their order.
func recordPlace(key string) []byte {
	p := len(api.Partition(key))
	b := make([]byte, 0, len(key)+1)
	return append(append(append(b, key[:p]...), 0), key[p:]...)
}

// keyAt returns the key that has a place in tableRecords.
func keyAt(place []byte) string {
	partition, rest, _ := strings.Cut(string(place), "\x00")
	return partition + rest
}

// recordRange returns the rows of the records from key up to end, or up to the end of key's partition.
func (s *State) recordRange(key, end string) (from, to []byte) {
	from = s.key(tableRecords, recordPlace(key))
	if end != "" {
		return from, s.key(tableRecords, recordPlace(end))
	}
	return from, s.key(tableRecords, []byte(api.Partition(key)), []byte{1})
}
