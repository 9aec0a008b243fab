package disk

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Entry is a file or a directory of a snapshot.
type Entry struct {
	Path string
	Dir  bool
	Data []byte
}

// Snapshot is the content of a card, in the order of its paths, without the root.
type Snapshot []Entry

// Equal tells whether two snapshots hold the same.
func (s Snapshot) Equal(o Snapshot) bool {
	return slices.EqualFunc(s, o, func(a, b Entry) bool {
		return a.Path == b.Path && a.Dir == b.Dir && bytes.Equal(a.Data, b.Data)
	})
}

// String prints a line for each entry, for tests of small cards.
func (s Snapshot) String() string {
	var b strings.Builder
	for _, e := range s {
		if e.Dir {
			fmt.Fprintf(&b, "%s/\n", e.Path)
		} else {
			fmt.Fprintf(&b, "%s %q\n", e.Path, e.Data)
		}
	}
	return b.String()
}

// Files returns what processes would read now.
func (c *Card) Files() Snapshot {
	return c.snapshot(func(dir *inode) map[string]*inode { return dir.entries }, (*inode).viewed)
}

// Medium returns what the card itself holds: the content after a power cut that loses all that is
// pending. A stale clone of a card is made of it.
func (c *Card) Medium() Snapshot {
	return c.snapshot(func(dir *inode) map[string]*inode { return dir.durable }, (*inode).held)
}

func (c *Card) snapshot(entries func(*inode) map[string]*inode, content func(*inode) []byte) Snapshot {
	var s Snapshot
	var walk func(path string, dir *inode)
	walk = func(path string, dir *inode) {
		list := entries(dir)
		for _, name := range slices.Sorted(maps.Keys(list)) {
			ino, full := list[name], path+"/"+name
			if ino.dir {
				s = append(s, Entry{Path: full, Dir: true})
				walk(full, ino)
			} else {
				s = append(s, Entry{Path: full, Data: content(ino)})
			}
		}
	}
	walk("", c.root)
	slices.SortFunc(s, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return s
}

// viewed returns the content of a file in the view.
func (ino *inode) viewed() []byte {
	data := make([]byte, ino.size)
	for i, b := range ino.blocks {
		if off := int64(i) * blockSize; off < ino.size {
			if b.page != nil {
				copy(data[off:], b.page.data[:])
			} else if b.medium != nil {
				copy(data[off:], b.medium[:])
			}
		}
	}
	return data
}

// held returns the content of a file on the medium.
func (ino *inode) held() []byte {
	data := make([]byte, ino.durableSize)
	for i, b := range ino.blocks {
		if off := int64(i) * blockSize; off < ino.durableSize && b.medium != nil {
			copy(data[off:], b.medium[:])
		}
	}
	return data
}

// Load replaces the content of a card by that of a snapshot, durably and whatever faults are in force. Whoever has files open must
// be gone.
func (c *Card) Load(s Snapshot) error {
	if len(c.handles) > 0 {
		return fmt.Errorf("disk: %s has %d open files and takes no new content", c.name, len(c.handles))
	}
	inForce := c.faults
	c.faults = faults{}
	defer func() {
		c.faults = inForce
		c.publish()
	}()
	c.wipe()
	for _, e := range s {
		if e.Dir {
			if err := c.mkdirAll(e.Path); err != 0 {
				return fmt.Errorf("disk: load %s: %w", e.Path, err)
			}
			continue
		}
		p, err := c.find(e.Path)
		var ino *inode
		if err == 0 {
			ino, err = c.create(p, e.Path, false)
		}
		if err == 0 {
			err = c.write(ino, 0, e.Data)
		}
		if err != 0 {
			return fmt.Errorf("disk: load %s: %w", e.Path, err)
		}
		c.retire(ino, c.seq, ino.put)
	}
	c.settleNames(c.seq, nil, true)
	c.dropView() // no write-back is left to be done
	c.remount()
	return nil
}

// wipe takes everything off the card.
func (c *Card) wipe() {
	c.dropView()
	c.root = c.newInode(true, "/")
	c.remount()
}
