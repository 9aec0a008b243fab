package museum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// raftLog keeps raft's entries, term and vote in a journal. Entries are read from the disk; memory
// knows where they are.
//
// A log that could not write ends its process: raft would go on with entries of which nobody knows
// whether they are on the disk.
type raftLog struct {
	mu      sync.Mutex
	journal *journal
	first   uint64 // index of the first entry
	places  []place
	values  map[string][]byte
}

// place is where an entry's record is.
type place struct {
	at   int64
	size int // of the payload
}

// The payloads: a kind, and then
const (
	entryNote = 'e' // index and term (8 bytes each), type (1), data
	cutNote   = 'c' // first and last index of the entries that are removed (8 each)
	valueNote = 'v' // length of the key (1), key, value
)

const entryHead = 1 + 8 + 8 + 1

func entryPayload(l *raft.Log) []byte {
	b := make([]byte, 0, entryHead+len(l.Data))
	b = append(b, entryNote)
	b = binary.BigEndian.AppendUint64(b, l.Index)
	b = binary.BigEndian.AppendUint64(b, l.Term)
	return append(append(b, byte(l.Type)), l.Data...)
}

func readEntry(b []byte, l *raft.Log) error {
	if len(b) < entryHead || b[0] != entryNote {
		return errDamaged
	}
	*l = raft.Log{
		Index: binary.BigEndian.Uint64(b[1:]),
		Term:  binary.BigEndian.Uint64(b[9:]),
		Type:  raft.LogType(b[17]),
		Data:  slices.Clone(b[entryHead:]),
	}
	return nil
}

func cutPayload(first, last uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{cutNote}, first)
	return binary.BigEndian.AppendUint64(b, last)
}

func valuePayload(key string, value []byte) []byte {
	return slices.Concat([]byte{valueNote, byte(len(key))}, []byte(key), value)
}

// openLog reads what the last process left and puts it on the disk. It returns errDamaged if that
// is not what was written.
func openLog(p *parts, fs vfs.FS) (*raftLog, error) {
	j, payloads, err := recoverJournal(p, fs)
	if err != nil {
		return nil, err
	}
	old := &raftLog{values: map[string][]byte{}}
	entries := map[uint64][]byte{}
	for _, b := range payloads {
		if err := old.take(b, 0); err != nil {
			return nil, err
		}
		if b[0] == entryNote {
			entries[binary.BigEndian.Uint64(b[1:])] = b
		}
	}
	var live [][]byte
	for _, key := range slices.Sorted(maps.Keys(old.values)) {
		live = append(live, valuePayload(key, old.values[key]))
	}
	for i := range old.places {
		live = append(live, entries[old.first+uint64(i)])
	}
	l := &raftLog{journal: j, values: map[string][]byte{}}
	if err := j.rewrite(live); err != nil {
		return nil, err
	}
	at := int64(0)
	for _, b := range live {
		if err := l.take(b, at); err != nil {
			return nil, err
		}
		at += int64(headBytes + len(b))
	}
	return l, nil
}

// take does in memory what a payload at a place says.
func (l *raftLog) take(b []byte, at int64) error {
	switch {
	case b[0] == entryNote && len(b) >= entryHead:
		index := binary.BigEndian.Uint64(b[1:])
		if len(l.places) == 0 {
			l.first = index
		}
		if index != l.first+uint64(len(l.places)) {
			return errDamaged
		}
		l.places = append(l.places, place{at, len(b)})
	case b[0] == cutNote && len(b) == 17:
		l.cut(binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:]))
	case b[0] == valueNote && len(b) >= 2+int(b[1]):
		l.values[string(b[2:2+b[1]])] = slices.Clone(b[2+b[1]:])
	default:
		return errDamaged
	}
	return nil
}

// cut removes entries: a prefix or a suffix.
func (l *raftLog) cut(first, last uint64) {
	if first > l.first {
		l.places = l.places[:min(uint64(len(l.places)), first-l.first)]
		return
	}
	n := min(uint64(len(l.places)), last+1-min(l.first, last+1))
	l.places, l.first = l.places[n:], l.first+n
}

// write puts payloads on the disk and into memory.
func (l *raftLog) write(payloads ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.journal.size
	if err := l.journal.add(payloads...); err != nil {
		panic(err)
	}
	for _, b := range payloads {
		if err := l.take(b, at); err != nil {
			return fmt.Errorf("museum: raft's log has a gap: %w", err)
		}
		at += int64(headBytes + len(b))
	}
	return nil
}

// FirstIndex returns the index of the first entry, 0 for an empty log.
func (l *raftLog) FirstIndex() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) == 0 {
		return 0, nil
	}
	return l.first, nil
}

// LastIndex returns the index of the last entry, 0 for an empty log.
func (l *raftLog) LastIndex() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) == 0 {
		return 0, nil
	}
	return l.first + uint64(len(l.places)) - 1, nil
}

// GetLog reads one entry. A log that finds damage ends its process, which does not come back to
// vote or to serve.
func (l *raftLog) GetLog(index uint64, log *raft.Log) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if index < l.first || index-l.first >= uint64(len(l.places)) {
		return raft.ErrLogNotFound
	}
	p := l.places[index-l.first]
	b, err := l.journal.read(p.at, p.size)
	if err == nil {
		err = readEntry(b, log)
	}
	if err != nil {
		panic(fmt.Errorf("museum: entry %d: %w", index, err))
	}
	return nil
}

// StoreLog writes one entry.
func (l *raftLog) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

// StoreLogs writes entries with one sync.
func (l *raftLog) StoreLogs(logs []*raft.Log) error {
	payloads := make([][]byte, len(logs))
	for i, log := range logs {
		payloads[i] = entryPayload(log)
	}
	return l.write(payloads...)
}

// DeleteRange removes the entries from first to last.
func (l *raftLog) DeleteRange(first, last uint64) error { return l.write(cutPayload(first, last)) }

// Set writes a value of raft's own.
func (l *raftLog) Set(key, value []byte) error { return l.write(valuePayload(string(key), value)) }

// Get reads a value of raft's own. Raft recognises a missing one by the error's text.
func (l *raftLog) Get(key []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if value, ok := l.values[string(key)]; ok {
		return value, nil
	}
	return nil, errors.New("not found")
}

// SetUint64 writes a number of raft's own.
func (l *raftLog) SetUint64(key []byte, value uint64) error {
	return l.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 reads a number of raft's own.
func (l *raftLog) GetUint64(key []byte) (uint64, error) {
	b, err := l.Get(key)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, errDamaged
	}
	return binary.BigEndian.Uint64(b), nil
}
