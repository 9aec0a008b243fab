package disk

import (
	"maps"
	"slices"
	"syscall"

	"picloud/sim/channel"
)

// handle is a file that a process has open.
type handle struct {
	id, pid uint64
	ino     *inode
	write   bool
	failed  syscall.Errno // of a write, for the next sync
}

// readahead is how far reads in sequence reach ahead, in bytes, as on Linux.
const readahead = 128 << 10

func (c *Card) open(pid uint64, path string, flags int64) (*handle, syscall.Errno) {
	if c.faults.has(Descriptors) {
		c.faults.feel(Descriptors)
		return nil, syscall.EMFILE
	}
	write := flags&channel.OpenWrite != 0
	if !write && flags&(channel.OpenCreate|channel.OpenReplace|channel.OpenTruncate) != 0 {
		return nil, syscall.EINVAL
	}
	ino, err := c.lookup(path)
	if err == 0 && write {
		if ino.dir {
			return nil, syscall.EISDIR
		}
		if err := c.mayChange(); err != 0 {
			return nil, err
		}
	}
	if err == 0 && flags&channel.OpenReplace != 0 {
		p, _ := c.find(path)
		c.unlink(p)
		err = syscall.ENOENT
	}
	if err == syscall.ENOENT && flags&channel.OpenCreate != 0 {
		p, failed := c.find(path)
		if failed != 0 {
			return nil, failed
		}
		ino, err = c.create(p, path, false)
	}
	if err != 0 {
		return nil, err
	}
	if !ino.dir && flags&channel.OpenDir != 0 {
		return nil, syscall.ENOTDIR
	}
	if flags&channel.OpenTruncate != 0 {
		c.truncate(ino, 0)
	}
	c.lastHandle++
	h := &handle{id: c.lastHandle, pid: pid, ino: ino, write: write}
	c.handles[h.id] = h
	ino.opens++
	ino.path = path
	return h, 0
}

// lockFile opens a file that no other handle may lock.
func (c *Card) lockFile(pid uint64, path string) (*handle, syscall.Errno) {
	if ino, err := c.lookup(path); err == 0 && ino.lock != nil {
		return nil, syscall.EAGAIN
	}
	h, err := c.open(pid, path, channel.OpenWrite|channel.OpenCreate|channel.OpenTruncate)
	if err == 0 {
		h.ino.lock = h
	}
	return h, err
}

func (c *Card) closeHandle(h *handle) {
	delete(c.handles, h.id)
	if h.ino.lock == h {
		h.ino.lock = nil
	}
	h.ino.opens--
	c.release(h.ino)
}

// writeFrame takes a write. There is nobody to tell when it fails: the next sync does.
func (c *Card) writeFrame(h *handle, off int64, data []byte) {
	err := c.mayChange()
	if !h.write {
		err = syscall.EBADF
	}
	if err == 0 {
		err = c.write(h.ino, off, data)
	}
	if err != 0 && h.failed == 0 {
		h.failed = err
	}
}

func (c *Card) read(g channel.Guest, call uint64, h *handle, off int64, n int) {
	ino := h.ino
	if ino.dir {
		c.reply(g, call, syscall.EISDIR, 0, 0, nil)
		return
	}
	r := &request{kind: readRequest, ino: ino, guest: g, call: call, off: off, n: int64(n)}
	r.n = max(0, min(r.n, ino.size-off))
	sequential := off == ino.readEnd
	ino.readEnd = off + r.n
	if r.n == 0 || c.uncached(ino, off, r.n) == 0 {
		c.stats.CachedReads++
		c.replyRead(r, c.assemble(r))
		return
	}
	r.fetch, r.seek = r.n, !sequential || off == 0
	if sequential {
		r.fetch = max(r.n, min(readahead, ino.size-off))
	}
	c.submit(r)
}

// prefetch brings a range into the cache for nobody.
func (c *Card) prefetch(h *handle, off, n int64) {
	n = min(n, h.ino.size-off)
	if !h.ino.dir && off >= 0 && n > 0 && c.uncached(h.ino, off, n) > 0 {
		c.submit(&request{kind: readRequest, ino: h.ino, off: off, fetch: n, seek: true})
	}
}

// finishRead takes what the device has read into the cache and answers.
func (c *Card) finishRead(r *request, err syscall.Errno) {
	if err == 0 && r.n > 0 && c.uncached(r.ino, r.off, r.n) > 0 { // a prefetch is for nobody
		err = c.faults.failRead(r)
	}
	if err != 0 {
		c.reply(r.guest, r.call, err, 0, 0, nil)
		return
	}
	c.stats.Reads++
	ino := r.ino
	r.n = max(0, min(r.n, ino.size-r.off)) // it may have been cut meanwhile
	struck := r.n > 0 && c.uncached(ino, r.off, r.n) > 0
	for i := r.off / blockSize; i < min(blocksFor(r.off+r.fetch), int64(len(ino.blocks))); i++ {
		if b := &ino.blocks[i]; b.page == nil && b.medium != nil {
			c.stats.BytesRead += blockSize
			p := c.page(ino, i)
			c.misdirectRead(p)
			ino.feelRot(i*blockSize, blockSize)
		}
	}
	data := c.assemble(r)
	if struck {
		data = c.spoilRead(r, data)
	}
	c.replyRead(r, data)
}

// assemble copies a range of the view together. Whoever needs it later copies it again.
func (c *Card) assemble(r *request) []byte {
	data := c.scratch[:r.n]
	for done := int64(0); done < r.n; {
		i, from := (r.off+done)/blockSize, (r.off+done)%blockSize
		n := min(blockSize-from, r.n-done)
		var b block
		if i < int64(len(r.ino.blocks)) {
			b = r.ino.blocks[i]
		}
		switch {
		case b.page != nil:
			b.page.used = true
			copy(data[done:done+n], b.page.data[from:])
		case b.medium != nil: // dropped again in a cache smaller than the read
			copy(data[done:done+n], b.medium[from:])
		default:
			clear(data[done : done+n])
		}
		done += n
	}
	return data
}

func (c *Card) replyRead(r *request, data []byte) {
	var end int64
	if r.off+int64(len(data)) >= r.ino.size {
		end = 1
	}
	c.reply(r.guest, r.call, 0, 0, end, data)
}

// finishSync makes durable what was pending when the sync was asked for.
func (c *Card) finishSync(r *request, err syscall.Errno) {
	c.stats.Syncs++
	if err == 0 && c.pendingOf(r.ino, r.seq) {
		err = c.failSync(r)
	} else if err != 0 {
		c.forget(r.ino, r.seq)
	}
	for _, failed := range []*syscall.Errno{&r.file.failed, &r.ino.failed} {
		if err == 0 {
			err, *failed = *failed, 0
		}
	}
	c.reply(r.guest, r.call, err, 0, 0, nil)
	c.did(OpSync, nil)
}

func (c *Card) finishWriteback(r *request, err syscall.Errno) {
	c.stats.Writebacks++
	r.ino.flushing = false
	switch {
	case err != 0:
		c.forget(r.ino, r.seq)
		r.ino.failed = err
	case !c.faults.has(ReadOnly):
		c.settle(r.ino, r.seq)
	}
	if ino := r.ino; len(ino.ops) > 0 && ino.there() { // their turn may have come while this one was under way
		c.flushLater(ino)
	}
}

// pendingOf tells whether operations up to seq wait for the sync of a file or directory.
func (c *Card) pendingOf(ino *inode, seq uint64) bool {
	if !ino.dir {
		return len(ino.ops) > 0 && ino.ops[0].seq <= seq
	}
	return slices.ContainsFunc(c.journal, func(o *entryOp) bool {
		return o.seq <= seq && slices.ContainsFunc(o.sets, func(s entrySet) bool { return s.dir == ino })
	})
}

// forget ends pending operations without carrying them out. The view still shows them.
func (c *Card) forget(ino *inode, seq uint64) {
	if ino.dir {
		c.settleNames(seq, ino, false)
		return
	}
	missed := make(map[int64]bool) // blocks
	c.retire(ino, seq, func(o *op) {
		from, to := o.off, o.off+int64(len(o.data))
		if o.data == nil {
			from, to = o.size, int64(len(ino.blocks))*blockSize
		}
		for i := from / blockSize; i < blocksFor(to); i++ {
			missed[i] = true
		}
	})
	for _, i := range slices.Sorted(maps.Keys(missed)) {
		c.differ(ino, i)
	}
}

// settle carries pending operations out on the medium.
func (c *Card) settle(ino *inode, seq uint64) {
	if ino.dir {
		c.stats.BytesWritten += blockSize * int64(c.settleNames(seq, ino, true))
		return
	}
	put, end := ino.put, func() {}
	if c.faults.has(LostWrite) || c.faults.has(MisdirectedWrite) {
		d := &diversion{card: c, ino: ino, pages: make(map[int64]*diverted)}
		put, end = d.put, d.end
	}
	c.retire(ino, seq, func(o *op) {
		c.stats.BytesWritten += int64(len(o.data))
		put(o)
		if len(o.data) > 0 {
			c.last = spot{ino, (o.off + int64(len(o.data)) - 1) / blockSize}
		}
	})
	end()
}
