// Package owned keeps small files that say whose they are, and in which format what lies beside them is
// written: of which node, of which cloud.
//
// Invariants: a file is there as a whole or not at all, durably, once Write has returned; one that is damaged,
// somebody else's or of a later version is never taken for this node's, and reading changes nothing.
package owned

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/points"
	"picloud/node/mutant"
	"picloud/node/sealed"
)

// Format is the number of the format in which a node writes what it keeps. Whoever changes that format raises
// it; what lies around the content of these files stays as it is in all formats.
const Format = 1

// mostBytes bounds a file.
const mostBytes = 64 << 10

// Owner is a node of a cloud.
type Owner struct {
	Cloud string `json:"cloud"`
	Node  string `json:"node"`
}

// frame is what stands in a file, behind its seal.
type frame struct {
	Format int `json:"format"`
	Owner
	Content json.RawMessage `json:"content,omitempty"`
}

// Write writes a file in one step, durably. The content is anything that JSON can write, or nil.
func Write(disk vfs.FS, path string, o Owner, content any) error {
	data, err := encode(disk.PathBase(path), o, content)
	if err != nil {
		return failed("write", path, err)
	}
	f, err := disk.Create(path+unfinished, vfs.WriteCategoryUnspecified)
	if err != nil {
		return failed("write", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return failed("write", path, err)
	}
	if err := disk.Rename(path+unfinished, path); err != nil {
		return failed("write", path, err)
	}
	host.Reached(disk, points.FileRenamed)
	return failed("write", path, SyncDir(disk, disk.PathDir(path)))
}

// unfinished is how the name of a file ends that is being written.
const unfinished = ".new"

// Unfinished tells by its name a file that a crash may leave when it stops Write.
func Unfinished(name string) bool { return strings.HasSuffix(name, unfinished) }

// Read reads the content of a file, if there is one, into what content points to, or nothing if that is nil.
// The error of one that is not this node's is an api.Error of kind Damaged, ForeignFile or FutureFile.
func Read(disk vfs.FS, path string, o Owner, content any) (is bool, err error) {
	f, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, failed("read", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return false, failed("read", path, err)
	}
	found, err := decode(path, disk.PathBase(path), data)
	if err != nil {
		return false, err
	}
	if found.Owner != o && mutant.Planted != mutant.AnyCard {
		return false, refused(api.ForeignFile, path, "it belongs to the node %q of the cloud %q, and this is %q of %q", found.Node, found.Cloud, o.Node, o.Cloud)
	}
	if content == nil {
		return true, nil
	}
	if err := json.Unmarshal(found.Content, content); err != nil {
		return false, refused(api.Damaged, path, "what stands in it makes no sense: %s", err)
	}
	return true, nil
}

// SyncDir makes the names in a folder durable.
func SyncDir(disk vfs.FS, dir string) error {
	d, err := disk.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func encode(name string, o Owner, content any) ([]byte, error) {
	f := frame{Format: Format, Owner: o}
	if content != nil {
		inner, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		f.Content = inner
	}
	data, err := json.Marshal(&f)
	if err == nil && len(data) > mostBytes/2 {
		err = fmt.Errorf("it would have %d bytes", len(data))
	}
	return Sealed(name, data), err
}

// Sealed returns what a file of a name holds whose text this is.
func Sealed(name string, text []byte) []byte { return sealed.Seal([]byte(name), text) }

// decode returns what stands in a file of a name.
func decode(path, name string, data []byte) (*frame, error) {
	text, good := sealed.Open([]byte(name), data)
	if !good {
		return nil, refused(api.Damaged, path, "its %d bytes are not what was written", len(data))
	}
	var version struct{ Format int }
	if err := json.Unmarshal(text, &version); err != nil || version.Format < 1 {
		return nil, refused(api.Damaged, path, "it names no format")
	}
	if version.Format > Format {
		return nil, refused(api.FutureFile, path, "it has the format %d, and this version knows %d at most: use the newer version", version.Format, Format)
	}
	found := &frame{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(found); err != nil {
		return nil, refused(api.Damaged, path, "it makes no sense: %s", err)
	}
	return found, nil
}

// refused says why a file is not taken.
func refused(kind api.Kind, path, format string, args ...any) error {
	return api.Errorf(kind, "read", "the file "+path, format, args...)
}

// failed says what a disk would not do.
func failed(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s the file %s: %w", doing, path, err)
}
