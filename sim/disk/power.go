package disk

import (
	"maps"
	"slices"
)

// PowerCut switches the card off without warning. What was pending is lost, kept, torn or
// reordered, as the mode has it; caches, handles, locks and requests are gone.
func (c *Card) PowerCut(mode Crash) {
	if c.off {
		return
	}
	c.off = true
	chosen := c.draw(mode)
	c.dropView()
	c.collapse(chosen)
	c.remount()
}

// eraseBlock is the piece in which a card's flash is erased, bytes. Real ones are larger; of a file more than this seldom lies in one.
const eraseBlock = 64 << 10

// LoseEraseBlock lets the card, which is off, have been rewriting the erase block that it wrote last: what stands there is gone, synced or
// not, and reads as erased flash does. It returns how many bytes that are.
func (c *Card) LoseEraseBlock() (lost int64) {
	ino := c.last.ino
	if ino == nil || !slices.Contains(c.reachable(), ino) {
		return 0
	}
	const per = eraseBlock / blockSize
	for i := c.last.i / per * per; i < min((c.last.i/per+1)*per, int64(len(ino.blocks))); i++ {
		from, to := i*blockSize, min((i+1)*blockSize, ino.durableSize)
		if from >= to || ino.blocks[i].medium == nil {
			continue
		}
		m := ino.mutable(i)
		for k := range m[:to-from] {
			m[k] = 0xff
		}
		lost += to - from
	}
	return lost
}

// PowerOn switches the card on again. Processes open their files anew.
func (c *Card) PowerOn() { c.off = false }

// dropView forgets all that is not on the medium, save the pending operations.
func (c *Card) dropView() {
	c.dev.reset()
	c.faults.held = nil
	for _, p := range c.cache.pages {
		if p.ino != nil {
			p.ino.blocks[p.index].page = nil
		}
	}
	c.cache = cache{limit: c.cache.limit}
	for _, ino := range c.reachable() {
		c.loop.Stop(ino.writeback)
		ino.writeback = nil
	}
	for _, id := range slices.Sorted(maps.Keys(c.handles)) {
		c.loop.Stop(c.handles[id].ino.writeback)
	}
	clear(c.handles)
}

// remount makes the view anew from the medium.
func (c *Card) remount() {
	c.inodes, c.used, c.dirty, c.journal = 0, 0, 0, nil
	seen := make(map[*inode]bool)
	var mount func(ino *inode, path string)
	mount = func(ino *inode, path string) {
		if seen[ino] {
			ino.links++
			return
		}
		seen[ino] = true
		c.inodes++
		*ino = inode{
			no: ino.no, dir: ino.dir, path: path, links: 1, changed: ino.changed, rotten: ino.rotten,
			durable: ino.durable, size: ino.durableSize, durableSize: ino.durableSize,
			blocks: ino.blocks, retired: c.seq,
		}
		for i := range ino.blocks {
			b := &ino.blocks[i]
			b.page, b.used = nil, b.medium != nil
			if b.used {
				ino.used++
			}
		}
		c.used += ino.used
		if ino.dir {
			ino.entries = maps.Clone(ino.durable)
			for _, name := range slices.Sorted(maps.Keys(ino.durable)) {
				mount(ino.durable[name], path+"/"+name)
			}
		}
	}
	mount(c.root, "")
	c.publish()
}
