package disk

import (
	"maps"
	"slices"
	"strings"
	"syscall"
)

// entryOp is a pending change of names, whole or not at all: a rename has two sets.
type entryOp struct {
	seq  uint64
	sets []entrySet
}

// entrySet makes a name in a directory lead to a file, or to nothing.
type entrySet struct {
	dir  *inode
	name string
	ino  *inode
}

func (s entrySet) apply(entries map[string]*inode) {
	if s.ino == nil {
		delete(entries, s.name)
	} else {
		entries[s.name] = s.ino
	}
}

// maxJournal is how many changes of names may be pending. A real journal that is full is written
// out too.
const maxJournal = 4096

// change carries a change of names out in the view and makes it pending.
func (c *Card) change(sets ...entrySet) {
	c.seq++
	for _, s := range sets {
		s.apply(s.dir.entries)
		s.dir.changed = c.cfg.Wall()
	}
	c.journal = append(c.journal, &entryOp{seq: c.seq, sets: sets})
	if len(c.journal) > maxJournal {
		c.settleNames(c.journal[maxJournal/2].seq, nil, true)
	}
}

// settleNames ends the pending changes of names up to seq that concern a directory (nil: all), and
// those before them in other directories that a rename ties to it. They become durable or are
// forgotten.
func (c *Card) settleNames(seq uint64, dir *inode, durable bool) int {
	concerned := map[*inode]bool{dir: true}
	settled := make([]bool, len(c.journal))
	count := 0
	for i := len(c.journal) - 1; i >= 0; i-- {
		o := c.journal[i]
		touches := func(s entrySet) bool { return dir == nil || concerned[s.dir] }
		if o.seq > seq || !slices.ContainsFunc(o.sets, touches) {
			continue
		}
		settled[i] = true
		count++
		for _, s := range o.sets {
			concerned[s.dir] = true
		}
	}
	left := c.journal[:0]
	for i, o := range c.journal {
		if !settled[i] {
			left = append(left, o)
			continue
		}
		for _, s := range o.sets {
			if durable {
				s.apply(s.dir.durable)
			}
		}
	}
	clear(c.journal[len(left):])
	c.journal = left
	return count
}

// split cuts a path into the names on the way. Empty names do not count.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// lookup returns what a path leads to.
func (c *Card) lookup(path string) (*inode, syscall.Errno) {
	at := c.root
	for rest := path; ; {
		name, more, found := strings.Cut(rest, "/")
		if name != "" {
			if !at.dir {
				return nil, syscall.ENOTDIR
			}
			if at = at.entries[name]; at == nil {
				return nil, syscall.ENOENT
			}
		}
		if !found {
			return at, 0
		}
		rest = more
	}
}

// place is where a name stands, or would.
type place struct {
	dir  *inode
	name string
	ino  *inode // nil when there is nothing under the name
}

// find returns the place of a path, whose directory must exist. The root has no place.
func (c *Card) find(path string) (place, syscall.Errno) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndexByte(path, '/')
	name := path[i+1:]
	if name == "" {
		return place{}, syscall.EBUSY
	}
	if len(name) > 255 {
		return place{}, syscall.ENAMETOOLONG
	}
	dir, err := c.lookup(path[:i+1])
	if err != 0 {
		return place{}, err
	}
	if !dir.dir {
		return place{}, syscall.ENOTDIR
	}
	return place{dir, name, dir.entries[name]}, 0
}

// mayChange says whether names can be changed now.
func (c *Card) mayChange() syscall.Errno {
	for _, f := range []struct {
		kind Kind
		err  syscall.Errno
	}{{Gone, syscall.EIO}, {ReadOnly, syscall.EROFS}} {
		if c.faults.has(f.kind) {
			c.faults.feel(f.kind)
			return f.err
		}
	}
	return 0
}

// create makes a file or directory at a free place.
func (c *Card) create(p place, path string, dir bool) (*inode, syscall.Errno) {
	if err := c.mayChange(); err != 0 {
		return nil, err
	}
	if c.inodes >= c.cfg.Inodes || c.faults.has(Inodes) {
		c.faults.feel(Inodes)
		return nil, syscall.ENOSPC
	}
	if c.free() == 0 { // no room for the name
		c.faults.feel(Full)
		return nil, syscall.ENOSPC
	}
	ino := c.newInode(dir, path)
	ino.links = 1
	c.change(entrySet{p.dir, p.name, ino})
	return ino, 0
}

func (c *Card) unlink(p place) {
	c.change(entrySet{p.dir, p.name, nil})
	p.ino.links--
	c.release(p.ino)
}

func (c *Card) mkdirAll(path string) syscall.Errno {
	at, walked := c.root, ""
	for _, name := range split(path) {
		walked += "/" + name
		next := at.entries[name]
		if next == nil {
			var err syscall.Errno
			if next, err = c.create(place{at, name, nil}, walked, true); err != 0 {
				return err
			}
		}
		if !next.dir {
			return syscall.ENOTDIR
		}
		at = next
	}
	return 0
}

func (c *Card) remove(path string) syscall.Errno {
	p, err := c.find(path)
	if err == 0 && p.ino == nil {
		err = syscall.ENOENT
	}
	if err == 0 {
		err = c.mayChange()
	}
	if err != 0 {
		return err
	}
	if len(p.ino.entries) > 0 {
		return syscall.ENOTEMPTY
	}
	c.unlink(p)
	return 0
}

func (c *Card) removeAll(path string) syscall.Errno {
	p, err := c.find(path)
	if err == syscall.ENOENT || err == syscall.ENOTDIR || err == 0 && p.ino == nil {
		return 0
	}
	if err == 0 {
		err = c.mayChange()
	}
	if err != 0 {
		return err
	}
	c.unlinkTree(p)
	return 0
}

func (c *Card) unlinkTree(p place) {
	for _, name := range slices.Sorted(maps.Keys(p.ino.entries)) {
		c.unlinkTree(place{p.ino, name, p.ino.entries[name]})
	}
	c.unlink(p)
}

// rename follows os.Rename rather than the system call: a directory is never replaced.
func (c *Card) rename(from, to string) syscall.Errno {
	p, err := c.find(from)
	if err == 0 && p.ino == nil {
		err = syscall.ENOENT
	}
	if err != 0 {
		return err
	}
	q, err := c.find(to)
	if err != 0 {
		return err
	}
	switch {
	case q.ino != nil && q.ino.dir:
		return syscall.EEXIST
	case q.ino != nil && p.ino.dir:
		return syscall.ENOTDIR
	case p.ino.dir && inside(to, from):
		return syscall.EINVAL
	case p.ino == q.ino:
		return 0
	}
	if err := c.mayChange(); err != 0 {
		return err
	}
	c.change(entrySet{p.dir, p.name, nil}, entrySet{q.dir, q.name, p.ino})
	p.ino.path = to
	if q.ino != nil {
		q.ino.links--
		c.release(q.ino)
	}
	return 0
}

// inside tells whether a path lies in a directory or is it.
func inside(path, dir string) bool {
	a, b := split(path), split(dir)
	return len(a) >= len(b) && slices.Equal(a[:len(b)], b)
}

func (c *Card) link(from, to string) syscall.Errno {
	ino, err := c.lookup(from)
	if err != 0 {
		return err
	}
	q, err := c.find(to)
	switch {
	case err == syscall.EBUSY || err == 0 && q.ino != nil:
		return syscall.EEXIST
	case err != 0:
		return err
	case ino.dir:
		return syscall.EPERM
	}
	if err := c.mayChange(); err != 0 {
		return err
	}
	c.change(entrySet{q.dir, q.name, ino})
	ino.links++
	return 0
}
