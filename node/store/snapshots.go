package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/node/store/state"
)

// snapshots is a raft.SnapshotStore that holds no data. A snapshot of this node refers to the state,
// which lies on the disk anyway; what is sent to another node is the state as it is then, which may be
// ahead of the snapshot: the other node leaves out the entries that are in it. A snapshot that comes
// in waits in a file until raft has it restored, which puts it and what raft knows of it in place in
// one step.
type snapshots struct {
	state *state.State
	log   raft.LogStore
	fs    vfs.FS
	dir   string                    // for what comes in
	sends func() (done func(error)) // logs that one is being sent

	damaged func(error) // is told of damage that is met in what is to be sent

	// placing is held while a snapshot is put in place of the state, and by one of this node from before it is noted until raft counts from it.
	placing sync.Mutex
	forks   atomic.Bool // the log has another entry where the state's snapshot ends: the member is to start anew

	// coming counts those that come in or are being put in place: raft answers nothing meanwhile.
	coming atomic.Int32

	mu     sync.Mutex
	staged *sink // came in whole, and was not restored yet
}

const stagedFile = "snapshot"

// openSnapshots forgets what came in and was not restored.
func openSnapshots(s *state.State, log raft.LogStore, fs vfs.FS, dir string, sends func() func(error), damaged func(error)) (*snapshots, error) {
	if err := errors.Join(fs.RemoveAll(dir), fs.MkdirAll(dir, 0o755)); err != nil {
		return nil, fmt.Errorf("store: prepare %s: %w", dir, err)
	}
	return &snapshots{state: s, log: log, fs: fs, dir: dir, sends: sends, damaged: damaged}, nil
}

// look tells of damage, which raft would meet again and again.
func (s *snapshots) look(err error) error { return tellDamage(err, s.damaged) }

// Create begins a snapshot: one of this node if that is persisted, else one that comes in.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	s.coming.Add(1)
	return &sink{store: s, arrived: sync.OnceFunc(func() { s.coming.Add(-1) }), meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex,
	}}, nil
}

// List returns the last snapshot of this node, if there is one.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	meta, err := s.last()
	if err != nil || meta == nil {
		return nil, err
	}
	return []*raft.SnapshotMeta{meta}, nil
}

func (s *snapshots) last() (*raft.SnapshotMeta, error) {
	b, err := s.state.Snapshot()
	if err != nil || b == nil {
		return nil, s.look(err)
	}
	meta := &raft.SnapshotMeta{}
	if err := json.Unmarshal(b, meta); err != nil {
		return nil, fmt.Errorf("store: read the last snapshot: %w", err)
	}
	return meta, nil
}

// Open returns the snapshot that came in, to be restored, or the state as it is now, to be sent.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	staged := s.staged
	s.mu.Unlock()
	if staged != nil && staged.meta.ID == id {
		f, err := s.fs.Open(s.fs.PathJoin(s.dir, stagedFile))
		if err != nil {
			staged.arrived() // raft gives it up
		}
		return &staged.meta, f, err
	}
	meta, err := s.last()
	if err != nil {
		return nil, nil, err
	}
	if meta == nil || meta.ID != id {
		return nil, nil, fmt.Errorf("store: there is no snapshot %s", id)
	}
	c, err := s.state.Copy()
	if err != nil {
		return nil, nil, s.look(err)
	}
	meta.Size = c.Size
	return meta, &sent{s.stream(c), s.sends()}, nil
}

// restore puts what came in in place of the state, and returns up to which entry that goes. One that ends before the last entry that was applied
// is refused: it was on its way for too long, and the log may begin behind it.
func (s *snapshots) restore(from io.Reader, applied uint64) (index uint64, err error) {
	s.mu.Lock()
	staged := s.staged
	s.staged = nil
	s.mu.Unlock()
	if staged == nil {
		return 0, errors.New("store: no snapshot came in")
	}
	defer staged.arrived()
	meta := &staged.meta
	s.placing.Lock()
	defer s.placing.Unlock()
	if meta.Index >= applied {
		err = s.place(from, meta)
	} else {
		err = fmt.Errorf("store: a snapshot up to entry %d came in, and entry %d was applied", meta.Index, applied)
	}
	return meta.Index, errors.Join(err, s.fs.Remove(s.fs.PathJoin(s.dir, stagedFile)))
}

func (s *snapshots) place(from io.Reader, meta *raft.SnapshotMeta) error {
	b, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	if err := s.state.Replace(from, s.fs, s.fs.PathJoin(s.dir, "tables"), b); err != nil {
		return err
	}
	host.Reached(s.fs, points.SnapshotPlaced)
	forks, err := s.beginLog(meta)
	if forks {
		s.forks.Store(true)
		err = fmt.Errorf("store: the log has another entry than the snapshot at %d: the member starts anew", meta.Index)
	}
	return err
}

// reference is a snapshot of this node: it has no data of its own.
type reference struct {
	store *snapshots
	holds bool // store.placing
}

// Persist writes nothing; raft closes the sink. Raft (1.8.0) has waited for its main loop since the state was asked, and another snapshot may have
// come in meanwhile. The log begins behind that one then, and the node could not start from a note of the earlier one.
func (r *reference) Persist(to raft.SnapshotSink) error {
	k, is := to.(*sink)
	if !is {
		return errors.New("store: a snapshot of the state goes to its own store only")
	}
	k.arrived()
	r.store.placing.Lock()
	r.holds = true
	last, err := r.store.last()
	if err == nil && last != nil && k.meta.Index < last.Index {
		err = fmt.Errorf("store: a snapshot up to entry %d has come in meanwhile, this one ends at %d", last.Index, k.meta.Index)
	}
	return err
}

// Release ends it. Raft counts from it by now, or does not have it.
func (r *reference) Release() {
	if r.holds {
		r.store.placing.Unlock()
	}
}

// sent is a snapshot that is being sent.
type sent struct {
	io.ReadCloser
	done func(error)
}

// Close ends the sending.
func (s *sent) Close() error {
	err := s.ReadCloser.Close()
	s.done(err)
	return err
}

// stream returns a copy as something to read.
func (s *snapshots) stream(c *state.Copy) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := c.WriteTo(w)
		_ = s.look(err)
		w.CloseWithError(errors.Join(err, c.Close()))
	}()
	return r
}

// sink takes a snapshot.
type sink struct {
	store *snapshots
	meta  raft.SnapshotMeta
	file  vfs.File // of what comes in

	arrived func() // it comes in no more
}

// ID names the snapshot.
func (k *sink) ID() string { return k.meta.ID }

// Write takes a part of a snapshot that comes in.
func (k *sink) Write(b []byte) (n int, err error) {
	if k.file == nil {
		if k.file, err = k.store.fs.Create(k.store.fs.PathJoin(k.store.dir, stagedFile), vfs.WriteCategoryUnspecified); err != nil {
			return 0, err
		}
	}
	n, err = k.file.Write(b)
	k.meta.Size += int64(n)
	return n, err
}

// Close ends a snapshot.
func (k *sink) Close() error {
	if k.file == nil {
		k.arrived()
		b, err := json.Marshal(&k.meta)
		if err != nil {
			return err
		}
		if err := k.store.state.NoteSnapshot(b); err != nil {
			return err
		}
		host.Reached(k.store.fs, points.SnapshotNoted)
		return nil
	}
	err := k.file.Close() // not synced: a crash forgets it
	k.file = nil
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	if err != nil {
		k.arrived()
		return err
	}
	k.store.staged = k
	host.Reached(k.store.fs, points.SnapshotStaged)
	return nil
}

// Cancel forgets a snapshot.
func (k *sink) Cancel() error {
	k.arrived()
	if k.file == nil {
		return nil
	}
	f := k.file
	k.file = nil
	return errors.Join(f.Close(), k.store.fs.Remove(k.store.fs.PathJoin(k.store.dir, stagedFile)))
}
