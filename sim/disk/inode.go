package disk

import (
	"iter"
	"slices"
	"syscall"

	"picloud/sim/event"
)

// blockSize is the size of a page of the cache, in bytes; sectorSize that of the smallest piece
// that the medium writes whole.
const (
	blockSize  = 4096
	sectorSize = 512
)

// maxFile is the largest file in bytes.
const maxFile = 4 << 30

// inode is a file or a directory.
type inode struct {
	no      uint64
	dir     bool
	path    string // the name it was last opened, made or renamed under: faults choose files by it
	links   int    // names in the view
	opens   int    // handles
	changed int64  // ns since 1970
	lock    *handle

	entries map[string]*inode // directory: the view
	durable map[string]*inode // directory: the medium

	size        int64 // the view's, in bytes
	durableSize int64 // the medium's
	blocks      []block
	used        int64  // blocks with content in the view
	ops         []op   // pending, in order
	pending     int64  // bytes in ops
	retired     uint64 // the last operation that is no longer pending

	readEnd   int64         // where the last read ended, to tell reads in sequence
	writeback *event.Timer  // until pending writes go to the card unasked
	flushing  bool          // a write-back is queued
	failed    syscall.Errno // of a write-back, for the next sync
	rotten    []rot
}

// block is a block of a file in both its forms.
type block struct {
	medium *[blockSize]byte // nil reads as zeros
	page   *page            // nil when it is not cached
	used   bool             // it takes room in the view
}

// op is a pending operation on a file: a write of data at off, or without data a cut to size.
type op struct {
	seq  uint64
	off  int64
	data []byte
	size int64 // of the file afterwards
}

func (c *Card) newInode(dir bool, path string) *inode {
	c.lastInode++
	c.inodes++
	ino := &inode{no: c.lastInode, dir: dir, path: path, changed: c.cfg.Wall()}
	if dir {
		ino.entries, ino.durable = make(map[string]*inode), make(map[string]*inode)
	}
	return ino
}

// there tells whether the file has a name or a handle. Else release has counted it off.
func (ino *inode) there() bool { return ino.links > 0 || ino.opens > 0 }

// count adds to the bytes that are pending.
func (c *Card) count(ino *inode, bytes int) {
	if ino.there() {
		ino.pending += int64(bytes)
		c.dirty += int64(bytes)
	}
}

// release gives back the room of a file that has neither a name nor a handle. What it holds stays
// reachable from the pending changes of names: a power cut may undo its removal.
func (c *Card) release(ino *inode) {
	if ino.there() {
		return
	}
	c.inodes--
	c.used -= ino.used
	ino.used = 0
	c.dirty -= ino.pending
	ino.pending = 0
	c.loop.Stop(ino.writeback)
	ino.writeback = nil
	for i := range ino.blocks {
		b := &ino.blocks[i]
		b.used = false
		if b.page != nil {
			b.page.ino, b.page = nil, nil
		}
	}
	c.publish()
}

func (ino *inode) grow(blocks int64) {
	if n := blocks - int64(len(ino.blocks)); n > 0 {
		ino.blocks = append(ino.blocks, make([]block, n)...)
	}
}

// blocksFor returns the number of blocks that size bytes take.
func blocksFor(size int64) int64 { return (size + blockSize - 1) / blockSize }

// write changes the view and adds a pending operation. The data is copied.
func (c *Card) write(ino *inode, off int64, data []byte) syscall.Errno {
	end := off + int64(len(data))
	if len(data) == 0 {
		return 0
	}
	if off < 0 || off > maxFile-int64(len(data)) {
		return syscall.EFBIG
	}
	ino.grow(blocksFor(end))
	first, last := off/blockSize, blocksFor(end)
	var fresh int64
	for i := first; i < last; i++ {
		if !ino.blocks[i].used {
			fresh++
		}
	}
	if fresh*blockSize > c.free() {
		c.faults.feel(Full)
		return syscall.ENOSPC
	}
	c.seq++
	ino.size = max(ino.size, end)
	o := op{seq: c.seq, off: off, data: append([]byte(nil), data...), size: ino.size}
	for i, rest := first, data; i < last; i++ {
		b := &ino.blocks[i]
		b.used = true
		if b.page == nil && (off > i*blockSize || end < min((i+1)*blockSize, ino.durableSize)) {
			ino.feelRot(i*blockSize, blockSize) // the rest of the page is read
		}
		p := c.ownPage(ino, i)
		p.seq = c.seq
		from := max(0, off-i*blockSize)
		rest = rest[copy(p.data[from:], rest):]
		if p.differs {
			p.differs = false
			o.carry(p)
		}
	}
	ino.used += fresh
	c.used += fresh
	c.addOp(ino, o)
	if fresh > 0 {
		c.publish()
	}
	return 0
}

// truncate cuts the view to size bytes, or lengthens it with zeros, and adds a pending operation.
func (c *Card) truncate(ino *inode, size int64) {
	if size == ino.size {
		return
	}
	c.seq++
	keep := blocksFor(size)
	for i := size / blockSize; i < int64(len(ino.blocks)); i++ {
		b := &ino.blocks[i]
		if i < keep {
			p := c.ownPage(ino, i)
			p.seq = c.seq
			clear(p.data[size%blockSize:])
			continue
		}
		if b.used {
			b.used = false
			ino.used--
			c.used--
		}
		if b.medium != nil || b.page != nil {
			p := c.page(ino, i)
			p.data, p.owned, p.seq, p.differs = c.zero, false, c.seq, false
		}
	}
	ino.size = size
	c.addOp(ino, op{seq: c.seq, size: size})
	c.publish()
}

// carry widens a write to all of a page that it touches, up to the end of the file: the device is given pages.
func (o *op) carry(p *page) {
	start := p.index * blockSize
	page := p.data[:max(0, min(blockSize, o.size-start))]
	if before := o.off - start; before > 0 {
		o.data = append(slices.Clone(page[:before]), o.data...)
		o.off = start
	}
	if covered := o.off + int64(len(o.data)) - start; covered < int64(len(page)) {
		o.data = append(o.data, page[covered:]...)
	}
}

// touches tells whether an operation writes to a block.
func (o *op) touches(i int64) bool {
	return o.off < (i+1)*blockSize && o.off+int64(len(o.data)) > i*blockSize
}

// differ has the next write to a cached block carry all of it, as the medium holds something else. One that is pending is the next.
func (c *Card) differ(ino *inode, i int64) {
	if i >= int64(len(ino.blocks)) || ino.blocks[i].page == nil {
		return
	}
	p := ino.blocks[i].page
	if k := slices.IndexFunc(ino.ops, func(o op) bool { return o.touches(i) }); k >= 0 {
		had := len(ino.ops[k].data)
		ino.ops[k].carry(p)
		c.count(ino, len(ino.ops[k].data)-had)
		return
	}
	p.differs = true
}

func (c *Card) addOp(ino *inode, o op) {
	ino.changed = c.cfg.Wall()
	ino.ops = append(ino.ops, o)
	c.count(ino, len(o.data))
	c.flushLater(ino)
	if c.dirty > c.cfg.DirtyBytes {
		c.flush(ino)
	}
}

// flushLater has a file written back in a while, unless that is to be already.
func (c *Card) flushLater(ino *inode) {
	if ino.writeback == nil && c.cfg.Writeback > 0 {
		ino.writeback = c.loop.After(c.cfg.Writeback, func() {
			ino.writeback = nil
			c.flush(ino)
		})
	}
}

// flush starts to write a file back.
func (c *Card) flush(ino *inode) {
	if len(ino.ops) > 0 && !ino.flushing {
		ino.flushing = true
		c.submit(&request{kind: writebackRequest, ino: ino, seq: c.seq})
	}
}

// retire ends the operations up to and including seq: each is handed to settle, which may be nil.
func (c *Card) retire(ino *inode, seq uint64, settle func(o *op)) {
	n := 0
	for ; n < len(ino.ops) && ino.ops[n].seq <= seq; n++ {
		o := &ino.ops[n]
		if settle != nil {
			settle(o)
		}
		c.count(ino, -len(o.data))
	}
	left := copy(ino.ops, ino.ops[n:])
	clear(ino.ops[left:])
	ino.ops = ino.ops[:left]
	ino.retired = max(ino.retired, seq)
	if left == 0 {
		c.loop.Stop(ino.writeback)
		ino.writeback = nil
	}
}

// put carries an operation out on the medium.
func (ino *inode) put(o *op) {
	ino.putMedium(o.off, o.data)
	ino.resize(o.size)
}

// resize gives a file a length on the medium. What it may have lost was behind the end: that reads as zeros.
func (ino *inode) resize(size int64) {
	if size < ino.durableSize {
		ino.cutMedium(size)
	}
	ino.durableSize = size
}

func (ino *inode) putMedium(off int64, data []byte) {
	ino.grow(blocksFor(off + int64(len(data))))
	for off, part := range inBlocks(off, data) {
		copy(ino.mutable(off / blockSize)[off%blockSize:], part)
		ino.cleanse(off, int64(len(part)))
	}
}

// inBlocks cuts data that is written at an offset at the bounds of blocks: each part comes with its own offset.
func inBlocks(off int64, data []byte) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		for len(data) > 0 {
			n := min(blockSize-off%blockSize, int64(len(data)))
			if !yield(off, data[:n]) {
				return
			}
			off, data = off+n, data[n:]
		}
	}
}

func (ino *inode) cutMedium(size int64) {
	for i := size / blockSize; i < int64(len(ino.blocks)); i++ {
		if i == size/blockSize && size%blockSize > 0 {
			if ino.blocks[i].medium != nil {
				clear(ino.mutable(i)[size%blockSize:])
			}
		} else {
			ino.blocks[i].medium = nil
		}
	}
	ino.cleanse(size, maxFile)
}

// mutable returns a block of the medium for change, which a page that shares it does not see.
func (ino *inode) mutable(i int64) *[blockSize]byte {
	b := &ino.blocks[i]
	switch {
	case b.medium == nil:
		b.medium = new([blockSize]byte)
	case b.page != nil && b.page.data == b.medium:
		m := *b.medium
		b.medium = &m
	}
	return b.medium
}
