package machine

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/sim/channel"
)

// file is an open file or directory, or a lock.
type file struct {
	disk   *Disk
	name   string // as it was opened
	id     uint64 // the card's number
	dir    bool
	write  bool
	closed atomic.Bool

	mu   sync.Mutex
	pos  int64 // of Read and Write
	room int64 // bytes from the start that surely have room on the card
}

var _ vfs.File = (*file)(nil)

var errOffset = errors.New("negative offset")

func newFile(d *Disk, name string, opened channel.Frame, flags int64) *file {
	f := &file{disk: d, name: name, id: uint64(opened.A), write: flags&channel.OpenWrite != 0}
	f.dir = opened.B < 0
	f.room = blocks(max(0, opened.B))
	return f
}

// blocks rounds up to what the card gives out, in bytes.
func blocks(n int64) int64 { return (n + 4095) &^ 4095 }

func (f *file) fail(op string, err error) error {
	return &os.PathError{Op: op, Path: f.name, Err: err}
}

// usable tells whether the file is open.
func (f *file) usable(op string) error {
	if f.closed.Load() {
		return f.fail(op, os.ErrClosed)
	}
	return nil
}

func (f *file) send(op uint8, a, b int64, data []byte) {
	f.disk.port.Send(channel.Frame{
		Class: channel.ClassDisk, Op: op, ID: f.id, A: a, B: b, Data: data,
	})
}

// Close closes the file; what it had locked is free again.
func (f *file) Close() error {
	if f.closed.Swap(true) {
		return f.fail("close", os.ErrClosed)
	}
	f.send(channel.DiskClose, 0, 0, nil)
	return nil
}

// readOnce reads once up to MaxData bytes and tells whether the file ends with them.
func (f *file) readOnce(p []byte, off int64) (n int, end bool, err error) {
	if off >= channel.MaxOffset {
		return 0, true, nil
	}
	n = min(len(p), channel.MaxData)
	r := f.disk.call(channel.DiskRead, int64(f.id), channel.DiskRange(off, n), "")
	if r.Err != 0 {
		return 0, false, f.fail("read", r.Err)
	}
	return copy(p, r.Data), r.B == 1, nil
}

// Read reads up to len(p) bytes, at most channel.MaxData of them.
func (f *file) Read(p []byte) (int, error) {
	if err := f.usable("read"); err != nil || len(p) == 0 {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, _, err := f.readOnce(p, f.pos)
	f.pos += int64(n)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// ReadAt reads len(p) bytes, or fewer with io.EOF or another error. Where the device falls short
// it asks again, as package os does.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.usable("read"); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.fail("readat", errOffset)
	}
	done := 0
	for done < len(p) {
		n, end, err := f.readOnce(p[done:], off+int64(done))
		done += n
		switch {
		case err != nil:
			return done, err
		case n == 0 || end && done < len(p):
			return done, io.EOF
		}
	}
	return done, nil
}

// Write writes at the file's position. It waits for nothing: what only the card knows to have
// failed is reported by Sync.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.writeAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

// WriteAt is Write at an offset in bytes.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("writeat", errOffset)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeAt(p, off)
}

func (f *file) writeAt(p []byte, off int64) (int, error) {
	if err := f.usable("write"); err != nil {
		return 0, err
	}
	if !f.write {
		return 0, f.fail("write", syscall.EBADF)
	}
	done := 0
	for done < len(p) {
		n := min(len(p)-done, channel.MaxData)
		if err := f.claim(off + int64(done+n)); err != 0 {
			f.send(channel.DiskRefused, int64(err), 0, nil)
			return done, f.fail("write", err)
		}
		f.send(channel.DiskWrite, off+int64(done), 0, p[done:done+n])
		done += n
	}
	return done, nil
}

// claim says whether the card lets the file reach to end, as far as can be seen from here.
func (f *file) claim(end int64) syscall.Errno {
	s := f.disk.state()
	need := blocks(end)
	switch {
	case s.Flags&channel.DiskGone != 0:
		return syscall.EIO
	case s.Flags&channel.DiskReadOnly != 0:
		return syscall.EROFS
	case need > f.room && need-f.room > s.Free:
		return syscall.ENOSPC
	}
	f.room = max(f.room, need)
	return 0
}

// Preallocate says whether there is room, and keeps none.
func (f *file) Preallocate(offset, length int64) error {
	if err := f.usable("fallocate"); err != nil {
		return err
	}
	s := f.disk.state()
	if s.Flags&channel.DiskReadOnly != 0 {
		return f.fail("fallocate", syscall.EROFS)
	}
	if end := blocks(offset + length); end-f.room > s.Free {
		return f.fail("fallocate", syscall.ENOSPC)
	}
	return nil
}

// Stat describes the file as it is now, also when its name is gone.
func (f *file) Stat() (vfs.FileInfo, error) {
	if err := f.usable("stat"); err != nil {
		return nil, err
	}
	r := f.disk.call(channel.DiskStat, int64(f.id), 0, "")
	if r.Err != 0 {
		return nil, f.fail("stat", r.Err)
	}
	return newInfo(f.name, r), nil
}

// Sync makes durable what was written to the file, or which names the directory held, before.
func (f *file) Sync() error {
	if err := f.usable("sync"); err != nil {
		return err
	}
	if r := f.disk.call(channel.DiskSync, int64(f.id), 0, ""); r.Err != 0 {
		return f.fail("sync", r.Err)
	}
	return nil
}

// SyncData is Sync: the card does not tell data from the little metadata there is.
func (f *file) SyncData() error { return f.Sync() }

// SyncTo starts to write the file back and promises nothing.
func (f *file) SyncTo(int64) (fullSync bool, err error) {
	if err := f.usable("sync"); err != nil {
		return false, err
	}
	if !f.dir {
		f.send(channel.DiskFlush, 0, 0, nil)
	}
	return false, nil
}

// Prefetch asks for a range to be brought into the cache.
func (f *file) Prefetch(offset, length int64) error {
	if err := f.usable("readahead"); err != nil {
		return err
	}
	f.send(channel.DiskPrefetch, offset, length, nil)
	return nil
}

// Fd returns vfs.InvalidFd: there is no descriptor.
func (f *file) Fd() uintptr { return vfs.InvalidFd }
