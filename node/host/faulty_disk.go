package host

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host/orders"
)

// The faults of disks.
const (
	diskFull        = "disk-full"
	diskInodes      = "disk-inodes"
	diskReadOnly    = "disk-readonly"
	diskGone        = "disk-gone"
	diskStall       = "disk-stall"
	diskSlow        = "disk-slow"
	diskFsyncFail   = "disk-fsync-fail"
	diskReadError   = "disk-read-error"
	diskCorruptRead = "disk-corrupt-read"
)

// diskFaults is what is wrong with a disk.
type diskFaults struct {
	mu       sync.RWMutex
	standing []*diskFault
}

// diskFault is one thing that is wrong.
type diskFault struct {
	tally
	kind         string
	factor, rate int64
	over         chan struct{} // closed when it is healed
}

func (d *diskFaults) apply(o *orders.Order) (orders.Effect, error) {
	kinds := []string{diskFull, diskInodes, diskReadOnly, diskGone, diskStall, diskSlow, diskFsyncFail, diskReadError, diskCorruptRead}
	if !slices.Contains(kinds, o.Kind) {
		return orders.Effect{}, orders.Unknown(o.Kind)
	}
	f := &diskFault{kind: o.Kind, factor: o.Params["factor"], rate: o.Params["rate"], over: make(chan struct{})}
	f.left.Store(o.Params["count"])
	f.first = o.First
	d.mu.Lock()
	defer d.mu.Unlock()
	d.standing = append(d.standing, f)
	return orders.Effect{
		Heal: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.standing = slices.DeleteFunc(slices.Clone(d.standing), func(g *diskFault) bool { return g == f })
			close(f.over)
		},
		Felt: f.felt.Load,
	}, nil
}

// of returns the first fault of a kind, nil if none stands.
func (d *diskFaults) of(kind string) *diskFault {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, f := range d.standing {
		if f.kind == kind {
			return f
		}
	}
	return nil
}

// touch is what an operation does to the disk.
type touch int

const (
	looks   touch = iota // at names
	reads                // bytes
	writes               // over bytes that are there
	grows                // a file
	creates              // a file or folder
	renames              // or removes: names change, nothing new is stored
	syncs
)

// refuse returns the error of an operation that cannot be done now.
func (d *diskFaults) refuse(t touch) error {
	changes := t == writes || t == grows || t == creates || t == renames
	for _, r := range []struct {
		kind string
		hits bool
		err  error
	}{
		{diskGone, true, syscall.EIO},
		{diskReadOnly, changes, syscall.EROFS},
		{diskInodes, t == creates, syscall.ENOSPC},
		{diskFull, t == creates || t == grows, syscall.ENOSPC},
	} {
		if !r.hits {
			continue
		}
		if f := d.of(r.kind); f != nil {
			f.feel()
			return r.err
		}
	}
	if f := d.of(diskFsyncFail); t == syncs && f != nil && f.take() {
		return syscall.EIO
	}
	if f := d.of(diskReadError); t == reads && f != nil && chance(f.rate) {
		f.feel()
		return syscall.EIO
	}
	return nil
}

// do does an operation as the faults have it: not while the disk stalls, not at all, or slowly.
func (d *diskFaults) do(t touch, run func() error) error {
	for f := d.of(diskStall); f != nil; f = d.of(diskStall) {
		f.feel()
		<-f.over
	}
	if err := d.refuse(t); err != nil {
		return err
	}
	began := time.Now()
	err := run()
	if f := d.of(diskSlow); f != nil {
		f.feel()
		sleep(time.Since(began)*time.Duration(max(f.factor-1, 0)), f.over)
	}
	return err
}

// faultyDisk is a disk with a layer over it.
type faultyDisk struct {
	vfs.FS
	faults *diskFaults
}

// on does an operation on a name.
func (d *faultyDisk) on(verb, name string, t touch, run func() error) error {
	return named(verb, name, d.faults.do(t, run))
}

// named puts a name into the error of a fault.
func named(verb, name string, err error) error {
	if errno, is := err.(syscall.Errno); is {
		return &os.PathError{Op: verb, Path: name, Err: errno}
	}
	return err
}

// onTwo is on for two names.
func (d *faultyDisk) onTwo(verb, from, to string, t touch, run func() error) error {
	err := d.faults.do(t, run)
	if errno, is := err.(syscall.Errno); is {
		return &os.LinkError{Op: verb, Old: from, New: to, Err: errno}
	}
	return err
}

// making is what opening a name for writing does: it makes a file where there is none.
func (d *faultyDisk) making(name string) touch {
	if _, err := d.FS.Stat(name); errors.Is(err, os.ErrNotExist) {
		return creates
	}
	return writes
}

func (d *faultyDisk) file(name string, t touch, open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := d.on("open", name, t, func() (err error) {
		f, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, name: name, faults: d.faults}, nil
}

func (d *faultyDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(name, creates, func() (vfs.File, error) { return d.FS.Create(name, c) })
}

func (d *faultyDisk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.file(name, looks, func() (vfs.File, error) { return d.FS.Open(name, opts...) })
}

func (d *faultyDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.file(name, d.making(name), func() (vfs.File, error) { return d.FS.OpenReadWrite(name, c, opts...) })
}

func (d *faultyDisk) OpenDir(name string) (vfs.File, error) {
	return d.file(name, looks, func() (vfs.File, error) { return d.FS.OpenDir(name) })
}

func (d *faultyDisk) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return reuse(d, oldname, newname, c)
}

func (d *faultyDisk) Link(oldname, newname string) error {
	return d.onTwo("link", oldname, newname, renames, func() error { return d.FS.Link(oldname, newname) })
}

func (d *faultyDisk) Rename(oldname, newname string) error {
	return d.onTwo("rename", oldname, newname, renames, func() error { return d.FS.Rename(oldname, newname) })
}

func (d *faultyDisk) Remove(name string) error {
	return d.on("remove", name, renames, func() error { return d.FS.Remove(name) })
}

func (d *faultyDisk) RemoveAll(name string) error {
	return d.on("unlinkat", name, renames, func() error { return d.FS.RemoveAll(name) })
}

func (d *faultyDisk) MkdirAll(dir string, perm os.FileMode) error {
	t := looks
	if d.making(dir) == creates {
		t = creates
	}
	return d.on("mkdir", dir, t, func() error { return d.FS.MkdirAll(dir, perm) })
}

func (d *faultyDisk) Lock(name string) (lock io.Closer, err error) {
	err = d.on("lock", name, d.making(name), func() error {
		lock, err = d.FS.Lock(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lock, nil
}

func (d *faultyDisk) List(dir string) (names []string, err error) {
	err = d.on("open", dir, looks, func() error {
		names, err = d.FS.List(dir)
		return err
	})
	return names, err
}

func (d *faultyDisk) Stat(name string) (info vfs.FileInfo, err error) {
	err = d.on("stat", name, looks, func() error {
		info, err = d.FS.Stat(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// GetDiskUsage says of a full disk that it is full.
func (d *faultyDisk) GetDiskUsage(name string) (usage vfs.DiskUsage, err error) {
	err = d.on("statfs", name, looks, func() error {
		usage, err = d.FS.GetDiskUsage(name)
		return err
	})
	if err == nil && d.faults.of(diskFull) != nil {
		usage.AvailBytes, usage.UsedBytes = 0, usage.TotalBytes
	}
	return usage, err
}

// Unwrap returns nil: the layer is not gone around.
func (d *faultyDisk) Unwrap() vfs.FS { return nil }
