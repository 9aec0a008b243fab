package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// loader brings the present to what was synced.
type loader struct {
	disk   *syncedDisk
	loaded map[uint64]loaded
}

// loaded is an inode with the first name by which it was found.
type loaded struct {
	*inode
	path string
}

// directory fills a folder that is there. A directory that was never synced is empty.
func (l *loader) directory(number uint64, folder string) (*inode, error) {
	dir := &inode{number: number, entries: map[string]*inode{}}
	l.add(dir, folder)
	text, err := os.ReadFile(l.disk.names(number))
	if errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	var table map[string]entry
	if err == nil {
		err = json.Unmarshal(text, &table)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		in, err := l.entry(table[name], filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if in != nil {
			dir.entries[name] = in
		}
	}
	return dir, nil
}

// entry makes what a name stands for. Of the two names of a directory that was moved while one end was synced,
// one is left out: a directory has one name.
func (l *loader) entry(e entry, to string) (*inode, error) {
	known, is := l.loaded[e.Inode]
	switch {
	case e.Directory && is:
		return nil, nil
	case e.Directory:
		if err := os.Mkdir(to, 0o755); err != nil {
			return nil, err
		}
		return l.directory(e.Inode, to)
	case is:
		return known.inode, os.Link(known.path, to)
	}
	in := &inode{number: e.Inode}
	l.add(in, to)
	bytes, err := os.ReadFile(l.disk.content(e.Inode))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was never synced is empty
		return nil, err
	}
	return in, os.WriteFile(to, bytes, 0o644)
}

func (l *loader) add(in *inode, path string) {
	l.loaded[in.number] = loaded{in, path}
	l.disk.last = max(l.disk.last, in.number)
}

// clean removes what no name leads to.
func (l *loader) clean() error {
	files, err := os.ReadDir(l.disk.synced)
	for _, f := range files {
		number, ending, _ := strings.Cut(f.Name(), ".")
		n, bad := strconv.ParseUint(number, 10, 64)
		in := l.loaded[n]
		if bad != nil || in.inode == nil || (ending == "names") != (in.entries != nil) || ending != "" && ending != "names" {
			err = errors.Join(err, os.Remove(filepath.Join(l.disk.synced, f.Name())))
		}
	}
	return err
}
