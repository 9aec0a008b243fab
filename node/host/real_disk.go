package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// realDisk is the file system of the real machine, seen from a folder. Names lead from that folder
// and cannot leave it: neither by dots, which are resolved first, nor by symbolic links, which
// os.Root refuses. Errors carry the names that the caller gave.
type realDisk struct {
	vfs.FS // what needs no translation
	folder string
	root   *os.Root
}

// NewRealDisk returns the file system in a folder, which must exist.
func NewRealDisk(folder string) (vfs.FS, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("host: open the disk's folder: %w", err)
	}
	return &realDisk{FS: vfs.Default, folder: folder, root: root}, nil
}

// resolve returns the real path for a name. The name may lead to nothing yet.
func (d *realDisk) resolve(name string) (string, error) {
	if name == "" {
		return "", os.ErrNotExist
	}
	rel := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(name)), "/")
	if rel == "" {
		rel = "."
	}
	if _, err := d.root.Stat(rel); err != nil && escapes(err) {
		return "", err
	}
	return filepath.Join(d.folder, rel), nil
}

// escapes tells a path that os.Root refuses from one that leads to nothing.
func escapes(err error) bool {
	var p *os.PathError
	return errors.As(err, &p) && strings.Contains(p.Err.Error(), "escapes")
}

// on runs an operation on the real path of a name and puts the name into its error.
func (d *realDisk) on(verb, name string, do func(real string) error) error {
	real, err := d.resolve(name)
	if err != nil {
		return &os.PathError{Op: verb, Path: name, Err: cause(err)}
	}
	if err = do(real); err == nil {
		return nil
	}
	var p *os.PathError
	if errors.As(err, &p) {
		return &os.PathError{Op: p.Op, Path: name, Err: p.Err}
	}
	return &os.PathError{Op: verb, Path: name, Err: cause(err)}
}

// onTwo is on for two names.
func (d *realDisk) onTwo(verb, from, to string, do func(from, to string) error) error {
	realFrom, err := d.resolve(from)
	realTo, err2 := d.resolve(to)
	if err = errors.Join(err, err2); err == nil {
		err = do(realFrom, realTo)
	}
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: verb, Old: from, New: to, Err: cause(err)}
}

// cause returns what is beneath the real paths.
func cause(err error) error {
	var p *os.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

func (d *realDisk) file(
	name string, open func(real string) (vfs.File, error),
) (f vfs.File, err error) {
	err = d.on("open", name, func(real string) (err error) {
		f, err = open(real)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *realDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(name, func(real string) (vfs.File, error) { return d.FS.Create(real, c) })
}

func (d *realDisk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.file(name, func(real string) (vfs.File, error) { return d.FS.Open(real, opts...) })
}

func (d *realDisk) OpenReadWrite(
	name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	return d.file(name, func(real string) (vfs.File, error) {
		return d.FS.OpenReadWrite(real, c, opts...)
	})
}

func (d *realDisk) OpenDir(name string) (vfs.File, error) {
	return d.file(name, d.FS.OpenDir)
}

func (d *realDisk) ReuseForWrite(
	oldname, newname string, c vfs.DiskWriteCategory,
) (vfs.File, error) {
	return reuse(d, oldname, newname, c)
}

// reuse is ReuseForWrite of any file system: it has no call of its own on the machine.
func reuse(d vfs.FS, oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return d.OpenReadWrite(newname, c)
}

func (d *realDisk) Link(oldname, newname string) error {
	return d.onTwo("link", oldname, newname, d.FS.Link)
}

func (d *realDisk) Rename(oldname, newname string) error {
	return d.onTwo("rename", oldname, newname, d.FS.Rename)
}

func (d *realDisk) Remove(name string) error { return d.on("remove", name, d.FS.Remove) }

func (d *realDisk) RemoveAll(name string) error {
	if name == "" {
		return nil
	}
	return d.on("unlinkat", name, d.FS.RemoveAll)
}

func (d *realDisk) MkdirAll(dir string, perm os.FileMode) error {
	return d.on("mkdir", dir, func(real string) error { return d.FS.MkdirAll(real, perm) })
}

func (d *realDisk) Lock(name string) (lock io.Closer, err error) {
	err = d.on("lock", name, func(real string) (err error) {
		lock, err = d.FS.Lock(real)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lock, nil
}

func (d *realDisk) List(dir string) (names []string, err error) {
	err = d.on("open", dir, func(real string) (err error) {
		names, err = d.FS.List(real)
		return err
	})
	return names, err
}

func (d *realDisk) Stat(name string) (info vfs.FileInfo, err error) {
	err = d.on("stat", name, func(real string) (err error) {
		info, err = d.FS.Stat(real)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

func (d *realDisk) GetDiskUsage(name string) (usage vfs.DiskUsage, err error) {
	err = d.on("statfs", name, func(real string) (err error) {
		usage, err = d.FS.GetDiskUsage(real)
		return err
	})
	return usage, err
}

// Unwrap returns nil: what is beneath would lead out of the folder.
func (d *realDisk) Unwrap() vfs.FS { return nil }
