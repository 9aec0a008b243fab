package disk

import (
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"syscall"
)

// rot is a flipped bit on the medium that nobody has overwritten yet.
type rot struct {
	off   int64 // of its byte
	fault *Active
}

// spot is a block of a file.
type spot struct {
	ino *inode
	i   int64
}

// spots returns the blocks on the medium that match, in an order that depends on the names only.
func (c *Card) spots(match func(ino *inode, i int64) bool) []spot {
	var found []spot
	seen := make(map[*inode]bool)
	var walk func(dir *inode)
	walk = func(dir *inode) {
		for _, name := range slices.Sorted(maps.Keys(dir.entries)) {
			ino := dir.entries[name]
			if ino.dir {
				walk(ino)
			} else if !seen[ino] {
				seen[ino] = true
				for i := range ino.blocks {
					if ino.blocks[i].medium != nil && match(ino, int64(i)) {
						found = append(found, spot{ino, int64(i)})
					}
				}
			}
		}
	}
	walk(c.root)
	return found
}

// within returns the part of a block, in bytes of the file, that the fault's range covers.
func (f *Active) within(ino *inode, i int64) (from, to int64) {
	to = ino.durableSize
	if f.To > 0 {
		to = min(to, f.To)
	}
	return max(f.From, i*blockSize), min(to, (i+1)*blockSize)
}

// rot flips bits on the medium. It is felt when a read finds them.
func (c *Card) rot(f *Active) {
	spots := c.spots(func(ino *inode, i int64) bool {
		from, to := f.within(ino, i)
		return from < to && f.matches(ino)
	})
	for n := 0; n < f.Bits && len(spots) > 0; n++ {
		s := spots[f.rng.IntN(len(spots))]
		from, to := f.within(s.ino, s.i)
		off := from + f.rng.Int64N(to-from)
		s.ino.mutable(s.i)[off%blockSize] ^= 1 << f.rng.IntN(8)
		s.ino.rotten = append(s.ino.rotten, rot{off, f})
		c.differ(s.ino, s.i)
	}
}

// cleanse forgets the rot that a write has covered.
func (ino *inode) cleanse(off, n int64) {
	if len(ino.rotten) > 0 {
		ino.rotten = slices.DeleteFunc(ino.rotten, func(r rot) bool { return r.off >= off && r.off < off+n })
	}
}

// feelRot counts the flipped bits in a range that is read from the medium.
func (ino *inode) feelRot(off, n int64) {
	for _, r := range ino.rotten {
		if r.off >= off && r.off < off+n {
			r.fault.felt++
		}
	}
}

// failRead says whether a read of the device fails.
func (fs *faults) failRead(r *request) syscall.Errno {
	if fs.count[ReadError] == 0 {
		return 0
	}
	hit := func(f *Active) bool {
		for i := r.off / blockSize; i < min(blocksFor(r.off+r.n), int64(len(r.ino.blocks))); i++ {
			b := &r.ino.blocks[i]
			if b.page == nil && b.medium != nil && f.From < (i+1)*blockSize && (f.To == 0 || f.To > i*blockSize) {
				return true
			}
		}
		return false
	}
	if fs.strike(ReadError, r.ino, hit) != nil {
		return syscall.EIO
	}
	return 0
}

// misdirectRead fills a page that was just read with what another place holds.
func (c *Card) misdirectRead(p *page) {
	f := c.faults.strike(MisdirectedRead, p.ino, nil)
	if f == nil {
		return
	}
	data := new([blockSize]byte) // a place without content, when there is no other
	if s, ok := c.elsewhere(f, p.ino, p.index); ok {
		*data = *s.ino.blocks[s.i].medium
	}
	p.data, p.owned = data, true
	c.differ(p.ino, p.index)
}

// elsewhere draws a block of the medium other than the given one.
func (c *Card) elsewhere(f *Active, ino *inode, i int64) (spot, bool) {
	spots := c.spots(func(other *inode, k int64) bool { return other != ino || k != i })
	if len(spots) == 0 {
		return spot{}, false
	}
	return spots[f.rng.IntN(len(spots))], true
}

// diversion carries operations out as long as faults take writes to some pages of a file: all that is written to such a page at once.
type diversion struct {
	card  *Card
	ino   *inode
	pages map[int64]*diverted // those met so far; nil: written where it belongs
}

// diverted is a page as it would have been written.
type diverted struct {
	fault *Active
	data  [blockSize]byte
}

// page says what becomes of a page: a fault may strike when it is met first.
func (d *diversion) page(i int64) *diverted {
	p, met := d.pages[i]
	if met {
		return p
	}
	f := d.card.faults.strike(LostWrite, d.ino, nil)
	if f == nil {
		f = d.card.faults.strike(MisdirectedWrite, d.ino, nil)
	}
	if f != nil {
		p = &diverted{fault: f}
		if i < int64(len(d.ino.blocks)) && d.ino.blocks[i].medium != nil {
			p.data = *d.ino.blocks[i].medium
		}
	}
	d.pages[i] = p
	return p
}

// put carries an operation out, as inode.put does. The length of the file is no page: it is not diverted.
func (d *diversion) put(o *op) {
	if o.data == nil {
		for i, p := range d.pages {
			if p != nil {
				clear(p.data[min(blockSize, max(0, o.size-i*blockSize)):])
			}
		}
	}
	for off, part := range inBlocks(o.off, o.data) {
		if p := d.page(off / blockSize); p != nil {
			copy(p.data[off%blockSize:], part)
		} else {
			d.ino.putMedium(off, part)
		}
	}
	d.ino.resize(o.size)
}

// end writes the pages that went astray, and has the next write carry what is missing.
func (d *diversion) end() {
	for _, i := range slices.Sorted(maps.Keys(d.pages)) {
		p := d.pages[i]
		if p == nil {
			continue
		}
		if p.fault.Kind == MisdirectedWrite {
			d.card.overwrite(p, d.ino, i)
		}
		d.card.differ(d.ino, i)
	}
}

// overwrite puts a page that belongs elsewhere over a block of the medium.
func (c *Card) overwrite(p *diverted, ino *inode, i int64) {
	s, ok := c.elsewhere(p.fault, ino, i)
	if !ok {
		return
	}
	end := max(0, min(blockSize, s.ino.durableSize-s.i*blockSize)) // what lies behind the end of a file stays zeros
	copy(s.ino.mutable(s.i)[:end], p.data[:])
	s.ino.cleanse(s.i*blockSize, blockSize)
	c.differ(s.ino, s.i)
}

// spoilRead shortens or corrupts what a read has brought.
func (c *Card) spoilRead(r *request, data []byte) []byte {
	if f := c.faults.strike(CorruptRead, r.ino, nil); f != nil {
		flip(f.rng, data, f.Bits)
	}
	if len(data) > 1 && c.faults.has(ShortRead) {
		if f := c.faults.strike(ShortRead, r.ino, nil); f != nil {
			data = data[:1+f.rng.IntN(len(data)-1)]
		}
	}
	return data
}

// flip flips that many different bits, or as many as there are.
func flip(rng *rand.Rand, data []byte, count int) {
	done := make(map[int]byte)
	for count = min(count, 8*len(data)); count > 0; {
		i, bit := rng.IntN(len(data)), byte(1)<<rng.IntN(8)
		if bits.OnesCount8(done[i]&bit) == 0 {
			done[i] |= bit
			data[i] ^= bit
			count--
		}
	}
}
