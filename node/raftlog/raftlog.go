// Package raftlog keeps hashicorp/raft's log, term and vote in a Pebble database.
//
// Invariants: what a call that returned nil has written is on the disk, synced; entries carry a
// checksum over index, term and data that is verified on every read; a store that cannot read
// back what it wrote says so and never makes up an entry. A failed sync ends the process, as
// Pebble's logger does by default: it is not known what reached the disk, so nothing may go on
// from there.
package raftlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/mutant"
)

// Store is a raft.LogStore and a raft.StableStore.
type Store struct {
	db     *pebble.DB
	mark   *mark
	mu     sync.Mutex
	number uint64 // of the last batch
	first  uint64 // index of the first entry, 0 for an empty log
	last   uint64
}

var (
	_ raft.LogStore    = (*Store)(nil)
	_ raft.StableStore = (*Store)(nil)
)

// ErrDamaged says that the disk gave back something else than what was written.
var ErrDamaged = errors.New("damaged entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// cacheBytes is small, because raft reads what it has just written and keeps that itself.
const cacheBytes = 256 << 10

// Open opens the store in a folder of the disk and creates it where it does not exist. The logger
// gets Pebble's messages; its Fatalf, which must not return, ends the process also where Pebble
// would try a failed flush again and again.
func Open(disk vfs.FS, dir string, logger pebble.Logger) (_ *Store, err error) {
	if logger == nil {
		logger = pebble.DefaultLogger
	}
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	options := &pebble.Options{
		FS:     disk,
		Logger: logger,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Fatalf("background error: %v", err) },
		},
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                256 << 10,
		MemTableStopWritesThreshold: 4,
		Cache:                       cache,
	}
	s := &Store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.mark, err = openMark(disk, dir); err != nil {
		return nil, err
	}
	if err := look(disk, dir, options, s.mark); err != nil {
		return nil, err
	}
	if s.db, err = pebble.Open(dir, options); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", dir, err)
	}
	if s.number, err = whole(s.db, s.mark); err != nil {
		return nil, err
	}
	return s, s.bounds()
}

// Close closes the store.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.mark != nil {
		err = errors.Join(err, s.mark.file.Close())
	}
	return err
}

// commit commits a batch under the next number, durably, and then notes that number.
func (s *Store) commit(b *pebble.Batch, durably *pebble.WriteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer b.Close()
	if err := b.Set(numberKey(), binary.BigEndian.AppendUint64(nil, s.number+1), nil); err != nil {
		return err
	}
	if err := b.Commit(durably); err != nil {
		return err
	}
	s.number++
	return s.mark.write(s.number)
}

// bounds finds the first and the last entry.
func (s *Store) bounds() error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: logKey(0), UpperBound: logKey(^uint64(0))})
	if err != nil {
		return fmt.Errorf("raftlog: look for the log's ends: %w", err)
	}
	if it.First() {
		s.first = binary.BigEndian.Uint64(it.Key()[1:])
	}
	if it.Last() {
		s.last = binary.BigEndian.Uint64(it.Key()[1:])
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("raftlog: look for the log's ends: %w", err)
	}
	return nil
}

// FirstIndex returns the index of the first entry, 0 for an empty log.
func (s *Store) FirstIndex() (uint64, error) { return s.first, nil }

// LastIndex returns the index of the last entry, 0 for an empty log.
func (s *Store) LastIndex() (uint64, error) { return s.last, nil }

// GetLog reads one entry. It returns raft.ErrLogNotFound for an index outside the log and
// ErrDamaged for an entry that does not match its checksum.
func (s *Store) GetLog(index uint64, log *raft.Log) error {
	value, closer, err := s.db.Get(logKey(index))
	if errors.Is(err, pebble.ErrNotFound) {
		return raft.ErrLogNotFound
	}
	if err != nil {
		return fmt.Errorf("raftlog: read entry %d: %w", index, err)
	}
	defer closer.Close()
	if err := decode(value, log); err != nil || log.Index != index {
		return fmt.Errorf("raftlog: read entry %d: %w", index, ErrDamaged)
	}
	return nil
}

// Scrub reads every entry and verifies its checksum. It returns the first damage or failed read.
func (s *Store) Scrub(ctx context.Context) error {
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: logKey(0), UpperBound: logKey(^uint64(0))})
	if err != nil {
		return fmt.Errorf("raftlog: scrub: %w", err)
	}
	var log raft.Log
	for it.First(); it.Valid() && ctx.Err() == nil; it.Next() {
		if err = decode(it.Value(), &log); err != nil {
			err = fmt.Errorf("raftlog: scrub: entry %d: %w", binary.BigEndian.Uint64(it.Key()[1:]), err)
			break
		}
	}
	return errors.Join(err, it.Close(), ctx.Err())
}

// StoreLog writes one entry and syncs it.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs writes entries with one sync.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	b := s.db.NewBatch()
	for _, log := range logs {
		if err := b.Set(logKey(log.Index), encode(log), nil); err != nil {
			return fmt.Errorf("raftlog: write entry %d: %w", log.Index, err)
		}
	}
	durably := pebble.Sync
	if mutant.Planted == mutant.UnsyncedLog {
		durably = pebble.NoSync
	}
	if err := s.commit(b, durably); err != nil {
		return fmt.Errorf("raftlog: sync %d entries: %w", len(logs), err)
	}
	for _, log := range logs {
		if s.first == 0 || log.Index < s.first {
			s.first = log.Index
		}
		s.last = max(s.last, log.Index)
	}
	return nil
}

// DeleteRange removes the entries from first to last, both included: a prefix that a snapshot
// covers or a suffix that another leader overwrote.
func (s *Store) DeleteRange(first, last uint64) error {
	b := s.db.NewBatch()
	if err := b.DeleteRange(logKey(first), logKey(last+1), nil); err != nil {
		return fmt.Errorf("raftlog: delete entries %d to %d: %w", first, last, err)
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("raftlog: delete entries %d to %d: %w", first, last, err)
	}
	s.first, s.last = 0, 0
	return s.bounds()
}

// Set writes a value of raft's own, such as its vote, and syncs it.
func (s *Store) Set(key, value []byte) error {
	b := s.db.NewBatch()
	if err := b.Set(stableKey(key), value, nil); err != nil {
		return fmt.Errorf("raftlog: write %s: %w", key, err)
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("raftlog: write %s: %w", key, err)
	}
	return nil
}

// Get reads a value of raft's own. Raft recognises a missing one by the error's text.
func (s *Store) Get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(stableKey(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errors.New("not found")
	}
	if err != nil {
		return nil, fmt.Errorf("raftlog: read %s: %w", key, err)
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// SetUint64 is Set for a number, such as raft's term.
func (s *Store) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 is Get for a number.
func (s *Store) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("raftlog: read %s: %w", key, ErrDamaged)
	}
	return binary.BigEndian.Uint64(value), nil
}

func logKey(index uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'l'}, index) }

func stableKey(key []byte) []byte { return append([]byte{'s'}, key...) }

// An entry is: checksum of the rest (4 bytes), type (1), index, term, time appended in ns (8 each),
// length of the data (4), data, extensions.
const headBytes = 4 + 1 + 8 + 8 + 8 + 4

func encode(log *raft.Log) []byte {
	b := make([]byte, headBytes, headBytes+len(log.Data)+len(log.Extensions))
	b[4] = byte(log.Type)
	binary.BigEndian.PutUint64(b[5:], log.Index)
	binary.BigEndian.PutUint64(b[13:], log.Term)
	if !log.AppendedAt.IsZero() {
		binary.BigEndian.PutUint64(b[21:], uint64(log.AppendedAt.UnixNano()))
	}
	binary.BigEndian.PutUint32(b[29:], uint32(len(log.Data)))
	b = append(b, log.Data...)
	b = append(b, log.Extensions...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func decode(b []byte, log *raft.Log) error {
	if len(b) < headBytes || crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return ErrDamaged
	}
	n := int(binary.BigEndian.Uint32(b[29:]))
	if n > len(b)-headBytes {
		return ErrDamaged
	}
	*log = raft.Log{
		Type:  raft.LogType(b[4]),
		Index: binary.BigEndian.Uint64(b[5:]),
		Term:  binary.BigEndian.Uint64(b[13:]),
		Data:  append([]byte(nil), b[headBytes:headBytes+n]...),
	}
	if t := int64(binary.BigEndian.Uint64(b[21:])); t != 0 {
		log.AppendedAt = time.Unix(0, t)
	}
	if rest := b[headBytes+n:]; len(rest) > 0 {
		log.Extensions = append([]byte(nil), rest...)
	}
	return nil
}
