package host

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultyFile is an open file or folder of a faultyDisk.
type faultyFile struct {
	vfs.File
	name   string
	faults *diskFaults

	mu    sync.Mutex
	place int64 // where the next Read or Write begins
}

// do does an operation that counts bytes.
func (f *faultyFile) do(verb string, t touch, run func() (int, error)) (n int, err error) {
	err = f.faults.do(t, func() (err error) {
		n, err = run()
		return err
	})
	return n, named(verb, f.name, err)
}

// read reads bytes, perhaps with one that is not what is stored.
func (f *faultyFile) read(b []byte, run func() (int, error)) (int, error) {
	n, err := f.do("read", reads, run)
	if c := f.faults.of(diskCorruptRead); c != nil && n > 0 && c.take() {
		spoil(b[:n])
	}
	return n, err
}

// writing is what a write of bytes up to a place does.
func (f *faultyFile) writing(end int64) touch {
	if info, err := f.File.Stat(); err == nil && end <= info.Size() {
		return writes
	}
	return grows
}

func (f *faultyFile) Read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.read(b, func() (int, error) { return f.File.Read(b) })
	f.place += int64(n)
	return n, err
}

func (f *faultyFile) ReadAt(b []byte, at int64) (int, error) {
	return f.read(b, func() (int, error) { return f.File.ReadAt(b, at) })
}

func (f *faultyFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.do("write", f.writing(f.place+int64(len(b))), func() (int, error) { return f.File.Write(b) })
	f.place += int64(n)
	return n, err
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	return f.do("write", f.writing(at+int64(len(b))), func() (int, error) { return f.File.WriteAt(b, at) })
}

func (f *faultyFile) Preallocate(offset, length int64) error {
	return named("fallocate", f.name, f.faults.do(f.writing(offset+length), func() error { return f.File.Preallocate(offset, length) }))
}

func (f *faultyFile) Stat() (info vfs.FileInfo, err error) {
	err = f.faults.do(looks, func() error {
		info, err = f.File.Stat()
		return err
	})
	if err != nil {
		return nil, named("stat", f.name, err)
	}
	return info, nil
}

func (f *faultyFile) Sync() error {
	return named("sync", f.name, f.faults.do(syncs, f.File.Sync))
}

func (f *faultyFile) SyncData() error {
	return named("sync", f.name, f.faults.do(syncs, f.File.SyncData))
}

func (f *faultyFile) SyncTo(length int64) (full bool, err error) {
	err = f.faults.do(syncs, func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, named("sync", f.name, err)
}

// Fd says that there is no descriptor: what went by it would not be broken.
func (f *faultyFile) Fd() uintptr { return vfs.InvalidFd }
