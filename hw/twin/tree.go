package twin

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// file is a file of the kernel's: what it holds is made as it is read.
type file struct {
	read  func() string
	write func(string) error
}

// files are files by their paths.
type files map[string]file

// tree is all files, and all paths with those of folders.
type tree struct {
	files files
	paths []string // sorted
}

func newTree(fs files) *tree {
	t := &tree{files: fs}
	seen := map[string]bool{}
	for p := range fs {
		for ; p != "/" && !seen[p]; p = path.Dir(p) {
			seen[p] = true
		}
	}
	t.paths = slices.Sorted(maps.Keys(seen))
	return t
}

func (t *tree) file(path string) (file, bool) {
	f, is := t.files[path]
	return f, is
}

// glob returns the paths that fit a pattern, sorted.
func (t *tree) glob(pattern string) ([]string, error) {
	fixed := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		fixed = pattern[:i]
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	from, _ := slices.BinarySearch(t.paths, fixed)
	var found []string
	for _, p := range t.paths[from:] {
		if !strings.HasPrefix(p, fixed) {
			break
		}
		if fits, _ := path.Match(pattern, p); fits {
			found = append(found, p)
		}
	}
	return found, nil
}

// text adds a file that never changes.
func (fs files) text(path, text string) { fs.show(path, func() string { return text }) }

// show adds a file that is made as it is read.
func (fs files) show(path string, read func() string) { fs[path] = file{read: read} }

// line adds a file of one line.
func (fs files) line(path, text string) { fs.text(path, text+"\n") }

// number adds a file that holds a number.
func (fs files) number(path string, read func() int64) {
	fs.show(path, func() string { return strconv.FormatInt(read(), 10) + "\n" })
}

// setting adds a file that holds a number between two, which can be written.
func (fs files) setting(path string, low, high int64, read func() int64, write func(int64)) {
	fs.number(path, read)
	shown := fs[path].read
	fs[path] = file{read: shown, write: func(text string) error {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is no number from %d to %d", text, low, high)
		}
		write(n)
		return nil
	}}
}
