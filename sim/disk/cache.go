package disk

// The page cache replaces by the clock rule: the hand passes over the pages, gives those that were
// used since its last visit another round, and takes the first that was not and is clean.

// page is a cached block of a file.
type page struct {
	ino   *inode // nil when the file is no more
	index int64  // of the block
	data  *[blockSize]byte
	owned bool   // data is this page's alone; else it is the medium's or the card's zeros
	used  bool   // since the hand passed
	seq   uint64 // the last operation on it

	differs bool // from the medium, and not by what is pending: the next write carries all of it
}

func (p *page) dirty() bool { return p.ino != nil && p.seq > p.ino.retired }

type cache struct {
	limit int // pages
	pages []*page
	hand  int
}

// maxSteps bounds the search for a page to drop: the cache outgrows its limit when all that the
// hand meets is dirty.
const maxSteps = 64

// add makes room and takes the page in.
func (k *cache) add(p *page) {
	for steps := 0; len(k.pages) >= k.limit && steps < maxSteps && len(k.pages) > 0; steps++ {
		if k.hand >= len(k.pages) {
			k.hand = 0
		}
		q := k.pages[k.hand]
		switch {
		case q.ino != nil && (q.used || q.dirty()):
			q.used = false
			k.hand++
		default:
			k.drop(k.hand)
		}
	}
	k.pages = append(k.pages, p)
}

// drop forgets the page at a place in the ring.
func (k *cache) drop(i int) {
	if p := k.pages[i]; p.ino != nil {
		p.ino.blocks[p.index].page = nil
	}
	last := len(k.pages) - 1
	k.pages[i] = k.pages[last]
	k.pages[last] = nil
	k.pages = k.pages[:last]
}

// evict drops the clean pages of the files that match and returns how many there were.
func (k *cache) evict(match func(*inode) bool) int64 {
	var dropped int64
	for i := len(k.pages) - 1; i >= 0; i-- {
		if p := k.pages[i]; p.ino == nil || !p.dirty() && match(p.ino) {
			if p.ino != nil {
				dropped++
			}
			k.drop(i)
		}
	}
	return dropped
}

// page returns the cached page of a block, taking in what the medium says when there is none. The
// time that this costs is the caller's affair.
func (c *Card) page(ino *inode, i int64) *page {
	b := &ino.blocks[i]
	if b.page == nil {
		data := b.medium
		if data == nil {
			data = c.zero
		}
		b.page = &page{ino: ino, index: i, data: data}
		c.cache.add(b.page)
	}
	b.page.used = true
	return b.page
}

// ownPage returns the cached page of a block for change.
func (c *Card) ownPage(ino *inode, i int64) *page {
	p := c.page(ino, i)
	if !p.owned {
		data := *p.data
		p.data, p.owned = &data, true
	}
	return p
}

// uncached returns how many bytes of a range must come from the device. A hole costs nothing.
func (c *Card) uncached(ino *inode, off, n int64) int64 {
	var bytes int64
	for i := off / blockSize; i < min(blocksFor(off+n), int64(len(ino.blocks))); i++ {
		if b := &ino.blocks[i]; b.page == nil && b.medium != nil {
			bytes += blockSize
		}
	}
	return bytes
}
