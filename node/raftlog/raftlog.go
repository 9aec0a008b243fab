// Package raftlog keeps the logs, terms and votes of hashicorp/raft's groups in one Pebble database,
// which the groups' states share.
//
// Invariants: what a call that returned nil has written is on the disk, synced; groups that write at the
// same time share syncs; entries and values carry checksums that are verified on every read; a log that
// cannot read back what it wrote says so and never makes up an entry. A failed sync ends the process,
// as Pebble's logger does by default: it is not known what reached the disk, so nothing may go on from
// there.
package raftlog

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/node/mutant"
	"picloud/node/sealed"
)

// DB is the database of a node.
type DB struct {
	disk   vfs.FS
	dir    string
	pebble *pebble.DB
	mark   *mark
	fatal  func(format string, args ...any)
}

// Store is the log of one group: a raft.LogStore and a raft.StableStore.
type Store struct {
	db     *DB
	group  uint32
	mu     sync.Mutex
	number uint64        // of the last batch
	first  atomic.Uint64 // index of the first entry, 0 for an empty log
	last   atomic.Uint64
}

var (
	_ raft.LogStore    = (*Store)(nil)
	_ raft.StableStore = (*Store)(nil)
)

// ErrDamaged says that the disk gave back something else than what was written.
var ErrDamaged = errors.New("damaged entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Config says how the database uses memory and where it reports.
type Config struct {
	// Logger gets Pebble's messages; its Fatalf, which must not return, ends the process also where Pebble
	// would try a failed flush again and again. Pebble's default logger, if nil.
	Logger        pebble.Logger
	MemTableBytes uint64 // of each of at most four; 256 KiB if 0
	CacheBytes    int64  // of blocks that were read, 1 MiB if 0
}

// blockBytes is how much is read from the disk at one time. Logs are read from end to end, in scrubs and
// at a start, and what an SD card takes for a read hardly depends on its length up to this size.
const blockBytes = 16 << 10

const memTables = 4 // at most

// Open opens the database in a folder of the disk and creates it where it does not exist.
func Open(disk vfs.FS, dir string, c Config) (_ *DB, err error) {
	options := c.options(disk)
	defer options.Cache.Unref()
	d := &DB{disk: disk, dir: dir, fatal: options.Logger.Fatalf}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.mark, err = openMark(disk, dir); err != nil {
		return nil, err
	}
	is, err := exists(disk, dir)
	switch {
	case err != nil:
	case is:
		err = look(disk, dir, options, d.mark)
	default:
		err = create(dir, options)
	}
	if err != nil {
		return nil, err
	}
	if d.pebble, err = pebble.Open(dir, options); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", dir, err)
	}
	return d, whole(d.pebble, d.mark)
}

// options returns how Pebble opens the database. The cache is the caller's to let go.
func (c *Config) options(disk vfs.FS) *pebble.Options {
	logger := cmp.Or[pebble.Logger](c.Logger, pebble.DefaultLogger)
	memTable := cmp.Or(c.MemTableBytes, 256<<10)
	options := &pebble.Options{
		FS:     disk,
		Logger: logger,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Fatalf("background error: %v", err) },
		},
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: memTables,
		// Pebble counts the tables in memory as part of the cache: one that is no larger holds no block.
		Cache: pebble.NewCache(memTables*int64(memTable) + cmp.Or(c.CacheBytes, 1<<20)),
	}
	level := &options.Levels[0] // and all below, which take after it
	level.BlockSize = blockBytes
	// Most look-ups are for what is not there: a record before its first put, a reply that was not yet given.
	level.FilterPolicy = bloom.FilterPolicy(10)
	return options
}

// openToLookAt opens a database that exists without changing it. Damage is returned by what meets it, and ends
// no process. A database that names files which are not there is damaged: they are removed only after it has
// ceased to name them. So is one with a table that was cut short, for which Pebble has no error of its own, and one
// that does not say in which format it is, which Pebble takes for one that somebody should have left alone.
func openToLookAt(dir string, options *pebble.Options) (*pebble.DB, error) {
	readOnly := *options
	readOnly.ReadOnly = true
	readOnly.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	db, err := pebble.Open(dir, &readOnly)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, pebble.ErrDBDoesNotExist), errors.Is(err, pebble.ErrDBNotPristine),
		err != nil && strings.Contains(err.Error(), "object size mismatch"):
		return nil, fmt.Errorf("raftlog: look into %s: %w: %w", dir, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("raftlog: look into %s: %w", dir, err)
	}
	return db, nil
}

// Inspect reads an existing database as a whole, without changing it, and then lets look read what else lies in
// it.
func Inspect(ctx context.Context, disk vfs.FS, dir string, c Config, look func(*pebble.DB) error) error {
	options := c.options(disk)
	defer options.Cache.Unref()
	db, err := openToLookAt(dir, options)
	if err != nil {
		return err
	}
	return errors.Join((&DB{disk: disk, dir: dir, pebble: db}).Scrub(ctx), look(db), db.Close())
}

// Logger passes on to a log what Pebble has to say. What Pebble calls fatal ends the process: after a failed
// write to its log nobody knows what is on the disk.
type Logger struct{ Log *slog.Logger }

// Infof says nothing.
func (l Logger) Infof(string, ...any) {}

// Errorf logs an error.
func (l Logger) Errorf(format string, args ...any) {
	l.Log.Error("pebble", "error", fmt.Sprintf(format, args...))
}

// Fatalf ends the process, whoever reads or writes.
func (l Logger) Fatalf(format string, args ...any) {
	host.End("pebble: " + fmt.Sprintf(format, args...))
}

// Remove takes a database away. It must not be open.
func Remove(disk vfs.FS, dir string) error {
	if err := errors.Join(disk.RemoveAll(dir), disk.RemoveAll(markPath(dir))); err != nil {
		return fmt.Errorf("raftlog: remove %s: %w", dir, err)
	}
	return nil
}

// exists tells whether there is a database in a folder.
func exists(disk vfs.FS, dir string) (bool, error) {
	if _, err := disk.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	desc, err := pebble.Peek(dir, disk)
	if err != nil {
		return false, fmt.Errorf("raftlog: look for %s: %w", dir, err)
	}
	if desc.Exists {
		return true, nil
	}
	return false, headless(disk, dir)
}

// headless says whether a folder holds tables or logs of a database that is not there. Pebble names its database
// durably before it makes the first of them, and would make a new one in its place.
func headless(disk vfs.FS, dir string) error {
	names, err := disk.List(dir)
	if err != nil {
		return fmt.Errorf("raftlog: look for %s: %w", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".sst") {
			return fmt.Errorf("raftlog: look for %s: it holds %s, and nothing names its database: %w", dir, name, ErrDamaged)
		}
	}
	return nil
}

// create makes the database. Its first write-ahead log has the oldest format, which does not say up to where
// it was synced; the next has the newest.
func create(dir string, options *pebble.Options) error {
	db, err := pebble.Open(dir, options)
	if err != nil {
		return fmt.Errorf("raftlog: create %s: %w", dir, err)
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("raftlog: create %s: %w", dir, err)
	}
	return nil
}

// Pebble returns the database for what else lies in it: keys from 'd' on.
func (d *DB) Pebble() *pebble.DB { return d.pebble }

// Close closes the database.
func (d *DB) Close() error {
	var err error
	if d.pebble != nil {
		err = d.pebble.Close()
	}
	if d.mark != nil {
		err = errors.Join(err, d.mark.file.Close())
	}
	return err
}

// Log returns the log of a group, of which there may be one at a time.
func (d *DB) Log(group uint32) (*Store, error) {
	if group >= maxGroups {
		return nil, fmt.Errorf("raftlog: group %d: there are at most %d", group, maxGroups)
	}
	s := &Store{db: d, group: group}
	var err error
	if s.number, err = number(d.pebble, group); err != nil {
		return nil, err
	}
	return s, s.bounds()
}

// commit commits a batch under the group's next number, durably, and then notes that number.
func (s *Store) commit(b *pebble.Batch, durably *pebble.WriteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer b.Close()
	if err := b.Set(numberKey(s.group), binary.BigEndian.AppendUint64(nil, s.number+1), nil); err != nil {
		return err
	}
	if err := b.Commit(durably); err != nil {
		return err
	}
	host.Reached(s.db.disk, points.LogSynced)
	s.number++
	if err := s.db.mark.write(s.group, s.number); err != nil {
		s.db.fatal("%v", err) // the batch is in the log: refused, it would be there all the same
		return err
	}
	host.Reached(s.db.disk, points.LogNoted)
	return nil
}

// entries returns the range of a group's entries.
func entries(group uint32) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: logKey(group, 0), UpperBound: logKey(group, ^uint64(0))}
}

// bounds finds the first and the last entry.
func (s *Store) bounds() error {
	it, err := s.db.pebble.NewIter(entries(s.group))
	if err != nil {
		return fmt.Errorf("raftlog: look for the log's ends: %w", err)
	}
	if it.First() {
		s.first.Store(indexOf(it.Key()))
	}
	if it.Last() {
		s.last.Store(indexOf(it.Key()))
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("raftlog: look for the log's ends: %w", err)
	}
	return nil
}

// FirstIndex returns the index of the first entry, 0 for an empty log.
func (s *Store) FirstIndex() (uint64, error) { return s.first.Load(), nil }

// LastIndex returns the index of the last entry, 0 for an empty log.
func (s *Store) LastIndex() (uint64, error) { return s.last.Load(), nil }

// GetLog reads one entry. It returns raft.ErrLogNotFound for an index outside the log and
// ErrDamaged for an entry that does not match its checksum.
func (s *Store) GetLog(index uint64, log *raft.Log) error {
	value, closer, err := s.db.pebble.Get(logKey(s.group, index))
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

// StoreLog writes one entry and syncs it.
func (s *Store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

// StoreLogs writes entries with one sync.
func (s *Store) StoreLogs(logs []*raft.Log) error {
	b := s.db.pebble.NewBatch()
	for _, log := range logs {
		if err := b.Set(logKey(s.group, log.Index), encode(log), nil); err != nil {
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
		if first := s.first.Load(); first == 0 || log.Index < first {
			s.first.Store(log.Index)
		}
		s.last.Store(max(s.last.Load(), log.Index))
	}
	return nil
}

// DeleteRange removes the entries from first to last, both included: a prefix that a snapshot
// covers or a suffix that another leader overwrote.
func (s *Store) DeleteRange(first, last uint64) error {
	b := s.db.pebble.NewBatch()
	if err := b.DeleteRange(logKey(s.group, first), logKey(s.group, last+1), nil); err != nil {
		return fmt.Errorf("raftlog: delete entries %d to %d: %w", first, last, err)
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("raftlog: delete entries %d to %d: %w", first, last, err)
	}
	host.Reached(s.db.disk, points.LogCut)
	s.first.Store(0)
	s.last.Store(0)
	return s.bounds()
}

// Clear removes all entries and values, durably. The group is then as if it had never been here.
func (s *Store) Clear() error {
	b := s.db.pebble.NewBatch()
	if err := errors.Join(
		b.DeleteRange(logKey(s.group, 0), logKey(s.group+1, 0), nil),
		b.DeleteRange(groupKey(letterStable, s.group), groupKey(letterStable, s.group+1), nil),
	); err != nil {
		return fmt.Errorf("raftlog: clear group %d: %w", s.group, err)
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("raftlog: clear group %d: %w", s.group, err)
	}
	s.first.Store(0)
	s.last.Store(0)
	return nil
}

// Set writes a value of raft's own, such as its vote, and syncs it.
func (s *Store) Set(key, value []byte) error {
	b := s.db.pebble.NewBatch()
	place := stableKey(s.group, key)
	if err := b.Set(place, sealed.Seal(place, value), nil); err != nil {
		return fmt.Errorf("raftlog: write %s: %w", key, err)
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("raftlog: write %s: %w", key, err)
	}
	return nil
}

// Get reads a value of raft's own. Raft recognises a missing one by the error's text.
func (s *Store) Get(key []byte) ([]byte, error) {
	place := stableKey(s.group, key)
	stored, closer, err := s.db.pebble.Get(place)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errors.New("not found")
	}
	if err != nil {
		return nil, fmt.Errorf("raftlog: read %s: %w", key, err)
	}
	defer closer.Close()
	value, good := sealed.Open(place, stored)
	if !good {
		return nil, fmt.Errorf("raftlog: read %s: %w", key, ErrDamaged)
	}
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

// maxGroups bounds the numbers of groups, and with them the mark's file.
const maxGroups = 4096

// Keys are a letter, the group's number (4 bytes), and an index (8) or the name of a value.
func groupKey(letter byte, group uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{letter}, group)
}

func logKey(group uint32, index uint64) []byte {
	return binary.BigEndian.AppendUint64(groupKey(letterLog, group), index)
}

func indexOf(logKey []byte) uint64 { return binary.BigEndian.Uint64(logKey[5:]) }

func stableKey(group uint32, key []byte) []byte { return append(groupKey(letterStable, group), key...) }

// The letters. Those from 'd' on belong to others.
const (
	letterLog    = 'a'
	letterNumber = 'b'
	letterStable = 'c'
)

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
