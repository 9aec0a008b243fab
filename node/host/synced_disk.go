package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// syncedDisk is a file system of which only what was synced is there when its folder is opened again.
//
// The folder has two parts. In `present` lie the files as the process sees them; it is thrown away and made
// anew at each start. In `synced` lies what was synced: the content of inode 7 as the file `7`, the names in
// directory 3 as the file `3.names`. Synced bytes are copied from one to the other, and a directory's names
// are replaced in one step.
//
// Invariants: the tree of inodes has the names of `present`, as both change under one lock; a file in `synced`
// differs from the one in `present` at most where the inode says that it was written to since.
type syncedDisk struct {
	*realDisk // of `present`
	synced    string

	mu   sync.Mutex
	root *inode
	last uint64 // the highest number of an inode
}

// inode is a file or a directory.
type inode struct {
	number  uint64
	entries map[string]*inode // of a directory, under the disk's lock; nil for a file

	mu       sync.Mutex // held while it is synced
	from, to int64      // what was written since the last sync lies between, in bytes; equal if nothing was
}

// entry is one name in a file of names.
type entry struct {
	Inode     uint64 `json:"inode"`
	Directory bool   `json:"directory,omitempty"`
}

// NewSyncedDisk returns a file system that forgets what was not synced when its process ends, however it
// ends: to its data, kill -9 is what a power cut is. It is for tests on real machines. The folder, which is
// made where it does not exist, belongs to one process at a time.
//
// It is as strict as POSIX allows: bytes need a Sync or SyncData of their file, SyncTo promises nothing, and a
// name that was made, moved or removed needs a Sync of its directory. What a kill interrupts is there in part.
// Symbolic links are not known to it.
func NewSyncedDisk(folder string) (vfs.FS, error) {
	present := filepath.Join(folder, "present")
	d := &syncedDisk{synced: filepath.Join(folder, "synced")}
	err := os.RemoveAll(present)
	err = errors.Join(err, os.MkdirAll(present, 0o755), os.MkdirAll(d.synced, 0o755))
	if err != nil {
		return nil, fmt.Errorf("host: prepare the synced disk: %w", err)
	}
	view, err := NewRealDisk(present)
	if err != nil {
		return nil, err
	}
	d.realDisk = view.(*realDisk)
	l := loader{disk: d, loaded: map[uint64]loaded{}}
	if d.root, err = l.directory(0, present); err == nil {
		err = l.clean()
	}
	if err != nil {
		return nil, fmt.Errorf("host: load the synced disk: %w", err)
	}
	return d, nil
}

// content is where the synced bytes of an inode lie.
func (d *syncedDisk) content(number uint64) string {
	return filepath.Join(d.synced, strconv.FormatUint(number, 10))
}

// names is where the synced names of a directory lie.
func (d *syncedDisk) names(number uint64) string { return d.content(number) + ".names" }

// at returns what a name stands for, or nil.
func (d *syncedDisk) at(name string) *inode {
	in := d.root
	for part := range strings.SplitSeq(clean(name), "/") {
		if part != "" && in != nil {
			in = in.entries[part]
		}
	}
	return in
}

// clean returns the name from the root on.
func clean(name string) string { return path.Clean("/" + filepath.ToSlash(name)) }

// put gives an inode a name, and takes the name from what had it. A nil inode takes the name away.
func (d *syncedDisk) put(name string, in *inode) {
	dir, last := path.Split(clean(name))
	switch parent := d.at(dir); {
	case parent == nil: // what is not there needs no removing
	case in == nil:
		delete(parent.entries, last)
	default:
		parent.entries[last] = in
	}
}

// fresh returns a new file.
func (d *syncedDisk) fresh() *inode {
	d.last++
	return &inode{number: d.last}
}

func (d *syncedDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.realDisk.Create(name, c)
	if err != nil {
		return nil, err
	}
	in := d.fresh()
	d.put(name, in)
	return &syncedFile{File: f, disk: d, inode: in}, nil
}

func (d *syncedDisk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.realDisk.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &syncedFile{File: f, disk: d, inode: d.at(name)}, nil
}

func (d *syncedDisk) OpenReadWrite(
	name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.realDisk.OpenReadWrite(name, c, opts...)
	if err != nil {
		return nil, err
	}
	if d.at(name) == nil {
		d.put(name, d.fresh())
	}
	return &syncedFile{File: f, disk: d, inode: d.at(name)}, nil
}

func (d *syncedDisk) OpenDir(name string) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.realDisk.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &syncedFile{File: f, disk: d, inode: d.at(name)}, nil
}

func (d *syncedDisk) ReuseForWrite(
	oldname, newname string, c vfs.DiskWriteCategory,
) (vfs.File, error) {
	return reuse(d, oldname, newname, c)
}

func (d *syncedDisk) Link(oldname, newname string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.realDisk.Link(oldname, newname)
	if err == nil {
		d.put(newname, d.at(oldname))
	}
	return err
}

func (d *syncedDisk) Rename(oldname, newname string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.realDisk.Rename(oldname, newname); err != nil {
		return err
	}
	if in := d.at(oldname); in != d.at(newname) { // two names of one file both stay
		d.put(oldname, nil)
		d.put(newname, in)
	}
	return nil
}

func (d *syncedDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.realDisk.Remove(name)
	if err == nil {
		d.put(name, nil)
	}
	return err
}

func (d *syncedDisk) RemoveAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.realDisk.RemoveAll(name)
	if err == nil {
		d.put(name, nil)
	}
	return err
}

func (d *syncedDisk) MkdirAll(dir string, perm os.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.realDisk.MkdirAll(dir, perm); err != nil {
		return err
	}
	in := d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(clean(dir), "/"), "/") {
		if part == "" {
			break // the root
		}
		if in.entries[part] == nil {
			made := d.fresh()
			made.entries = map[string]*inode{}
			in.entries[part] = made
		}
		in = in.entries[part]
	}
	return nil
}

func (d *syncedDisk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lock, err := d.realDisk.Lock(name)
	if err == nil && d.at(name) == nil {
		d.put(name, d.fresh())
	}
	return lock, err
}

// syncNames makes a directory's names outlive the process.
func (d *syncedDisk) syncNames(dir *inode) error {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	d.mu.Lock()
	table := map[string]entry{}
	for name, in := range dir.entries {
		table[name] = entry{Inode: in.number, Directory: in.entries != nil}
	}
	d.mu.Unlock()
	text, err := json.Marshal(table)
	if err != nil {
		return err
	}
	file := d.names(dir.number)
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// wrote notes that bytes were written.
func (in *inode) wrote(at int64, bytes int) {
	if bytes <= 0 {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.from == in.to {
		in.from, in.to = at, at
	}
	in.from, in.to = min(in.from, at), max(in.to, at+int64(bytes))
}

// syncBytes makes a file's bytes outlive the process. It copies all between the first and the last that were
// written: the others among them were synced before.
func (d *syncedDisk) syncBytes(in *inode, present io.ReaderAt) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.from == in.to {
		return nil
	}
	f, err := os.OpenFile(d.content(in.number), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(f, in.from), io.NewSectionReader(present, in.from, in.to-in.from))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		in.from, in.to = 0, 0
	}
	return err
}

// syncedFile is an open file or directory of a syncedDisk.
type syncedFile struct {
	vfs.File
	disk  *syncedDisk
	inode *inode
	place int64 // where the next Read or Write begins
}

func (f *syncedFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.place += int64(n)
	return n, err
}

func (f *syncedFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.inode.wrote(f.place, n)
	f.place += int64(n)
	return n, err
}

func (f *syncedFile) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(b, at)
	f.inode.wrote(at, n)
	return n, err
}

func (f *syncedFile) Sync() error {
	if f.inode.entries != nil {
		return f.disk.syncNames(f.inode)
	}
	return f.disk.syncBytes(f.inode, f.File)
}

func (f *syncedFile) SyncData() error { return f.Sync() }

// SyncTo does nothing, which is all that it promises.
func (f *syncedFile) SyncTo(int64) (bool, error) { return false, nil }

// Fd says that there is no descriptor: what went by it would not be seen here.
func (f *syncedFile) Fd() uintptr { return vfs.InvalidFd }
