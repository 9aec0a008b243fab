package machine

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host/points"
	"picloud/sim/channel"
)

// Disk is the file system on the machine's card. Names lead from the card's root, whether they
// begin with a slash or not, and cannot leave it. Errors are those of package os on a real machine.
type Disk struct {
	port  channel.Port
	state func() channel.DiskState
}

var _ vfs.FS = (*Disk)(nil)

// NewDisk returns the file system behind the port. The function state returns what the card says
// of itself at the moment.
func NewDisk(p channel.Port, state func() channel.DiskState) *Disk {
	d := &Disk{port: p, state: state}
	// Everything that the card sends is a reply to a call.
	p.Handle(channel.ClassDisk, func(channel.Frame) {})
	return d
}

// rooted returns the card's path for a name.
func rooted(name string) string { return path.Clean("/" + name) }

func (d *Disk) call(op uint8, a, b int64, data string) channel.Frame {
	return d.port.Call(channel.Frame{Class: channel.ClassDisk, Op: op, A: a, B: b, Data: []byte(data)})
}

// onPath makes a call about a path. The empty path is no path, as everywhere.
func (d *Disk) onPath(name string, op uint8, a int64, verb string) (channel.Frame, error) {
	if err := validName(name); err != nil {
		return channel.Frame{}, &os.PathError{Op: verb, Path: name, Err: err}
	}
	r := d.call(op, a, 0, rooted(name))
	if r.Err != 0 {
		return r, &os.PathError{Op: verb, Path: name, Err: r.Err}
	}
	return r, nil
}

// maxPath is the longest path, as on Linux, in bytes.
const maxPath = 4096

func validName(name string) error {
	switch {
	case name == "":
		return syscall.ENOENT
	case len(name) >= maxPath:
		return syscall.ENAMETOOLONG
	case strings.IndexByte(name, 0) >= 0:
		return syscall.EINVAL
	}
	return nil
}

// onPaths makes a call about two paths.
func (d *Disk) onPaths(from, to string, op uint8, verb string) error {
	err := validName(from)
	if err == nil {
		err = validName(to)
	}
	if err == nil {
		if r := d.call(op, 0, 0, rooted(from)+"\x00"+rooted(to)); r.Err != 0 {
			err = r.Err
		}
	}
	if err != nil {
		return &os.LinkError{Op: verb, Old: from, New: to, Err: err}
	}
	return nil
}

func (d *Disk) open(name string, flags int64) (*file, error) {
	r, err := d.onPath(name, channel.DiskOpen, flags, "open")
	if err != nil {
		return nil, err
	}
	return newFile(d, name, r, flags), nil
}

// Create makes a new file for reading and writing. What had the name is removed first.
func (d *Disk) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return opened(d.open(name, channel.OpenWrite|channel.OpenCreate|channel.OpenReplace))
}

// opened keeps a nil file from becoming an interface that is not nil.
func opened(f *file, err error, opts ...vfs.OpenOption) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(f)
	}
	return f, nil
}

// Open opens a file or directory for reading.
func (d *Disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.open(name, 0)
	return opened(f, err, opts...)
}

// OpenReadWrite opens a file for reading and writing, and makes it when there is none.
func (d *Disk) OpenReadWrite(
	name string, _ vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	f, err := d.open(name, channel.OpenWrite|channel.OpenCreate)
	return opened(f, err, opts...)
}

// OpenDir opens a directory to sync its names.
func (d *Disk) OpenDir(name string) (vfs.File, error) {
	return opened(d.open(name, channel.OpenDir))
}

// ReuseForWrite renames a file and opens it for writing as it is.
func (d *Disk) ReuseForWrite(
	oldname, newname string, category vfs.DiskWriteCategory,
) (vfs.File, error) {
	if err := d.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return d.OpenReadWrite(newname, category)
}

// Link gives a file a second name.
func (d *Disk) Link(oldname, newname string) error {
	return d.onPaths(oldname, newname, channel.DiskLink, "link")
}

// Rename renames a file or directory; a file at the new name is replaced.
func (d *Disk) Rename(oldname, newname string) error {
	return d.onPaths(oldname, newname, channel.DiskRename, "rename")
}

// Remove removes a file or an empty directory.
func (d *Disk) Remove(name string) error {
	_, err := d.onPath(name, channel.DiskRemove, 0, "remove")
	return err
}

// RemoveAll removes a file, or a directory with all it holds. That there is nothing is no error.
func (d *Disk) RemoveAll(name string) error {
	if name == "" {
		return nil
	}
	_, err := d.onPath(name, channel.DiskRemoveAll, 0, "unlinkat")
	return err
}

// MkdirAll makes a directory and those that lead to it.
func (d *Disk) MkdirAll(dir string, _ os.FileMode) error {
	_, err := d.onPath(dir, channel.DiskMkdirAll, 0, "mkdir")
	return err
}

// Lock locks a file, which is made or cut to no bytes, until the Closer is closed or the process
// ends. A lock that is held gives EAGAIN.
func (d *Disk) Lock(name string) (io.Closer, error) {
	r, err := d.onPath(name, channel.DiskLock, 0, "lock")
	if err != nil {
		return nil, err
	}
	return newFile(d, name, r, channel.OpenWrite), nil
}

// List returns the names in a directory, sorted.
func (d *Disk) List(dir string) ([]string, error) {
	if err := validName(dir); err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	var names []string
	after := ""
	for {
		r := d.call(channel.DiskList, 0, 0, rooted(dir)+"\x00"+after)
		if r.Err != 0 {
			return nil, &os.PathError{Op: "open", Path: dir, Err: r.Err}
		}
		if len(r.Data) > 0 {
			names = append(names, strings.Split(string(r.Data[:len(r.Data)-1]), "\x00")...)
			after = names[len(names)-1]
		}
		if r.B == 1 {
			return names, nil
		}
	}
}

// Stat describes a file or directory.
func (d *Disk) Stat(name string) (vfs.FileInfo, error) {
	r, err := d.onPath(name, channel.DiskStat, 0, "stat")
	if err != nil {
		return nil, err
	}
	return newInfo(name, r), nil
}

// PathBase returns the last name of a path.
func (d *Disk) PathBase(p string) string { return path.Base(p) }

// PathJoin joins names to a path.
func (d *Disk) PathJoin(elem ...string) string { return path.Join(elem...) }

// PathDir returns a path without its last name.
func (d *Disk) PathDir(p string) string { return path.Dir(p) }

// GetDiskUsage says how much room there is on the card.
func (d *Disk) GetDiskUsage(name string) (vfs.DiskUsage, error) {
	r, err := d.onPath(name, channel.DiskUsage, 0, "statfs")
	if err != nil {
		return vfs.DiskUsage{}, err
	}
	return vfs.DiskUsage{
		AvailBytes: uint64(r.B), TotalBytes: uint64(r.A), UsedBytes: uint64(r.A - r.B),
	}, nil
}

// Reached tells the kernel that the program has come to a point, if somebody wants to know. What was asked of the disk
// before has happened before, and what is asked after comes after it.
func (d *Disk) Reached(p points.Point) {
	if d.state().Flags&channel.DiskListens != 0 {
		d.port.Send(channel.Frame{Class: channel.ClassDisk, Op: channel.DiskReached, Data: []byte(p)})
	}
}

// Unwrap returns nil: there is nothing beneath.
func (d *Disk) Unwrap() vfs.FS { return nil }

// info describes a file.
type info struct {
	name    string
	size    int64 // bytes, -1 for a directory
	changed int64 // ns since 1970
}

func newInfo(name string, r channel.Frame) info {
	return info{name: path.Base(rooted(name)), size: r.A, changed: r.B}
}

func (i info) Name() string { return i.name }

func (i info) Size() int64 {
	if i.size < 0 {
		return 4096 // as ext4 says of a small directory
	}
	return i.size
}

func (i info) Mode() fs.FileMode {
	if i.size < 0 {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

func (i info) ModTime() time.Time     { return time.Unix(0, i.changed) }
func (i info) IsDir() bool            { return i.size < 0 }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
