package disk

import (
	"maps"
	"slices"
	"strings"
	"syscall"

	"picloud/sim/channel"
)

// heldCall is a call that waits for a stalled device.
type heldCall struct {
	guest channel.Guest
	frame channel.Frame
}

// Handle takes a frame of ClassDisk from a process. A card that is off hears nothing.
func (c *Card) Handle(g channel.Guest, f channel.Frame) {
	if c.off {
		return
	}
	switch f.Op {
	case channel.DiskStat, channel.DiskList, channel.DiskUsage, channel.DiskRead, channel.DiskSync:
		c.call(g, f)
		return
	case channel.DiskOpen, channel.DiskMkdirAll, channel.DiskRemove, channel.DiskRemoveAll,
		channel.DiskRename, channel.DiskLink, channel.DiskLock:
		if c.faults.has(Stall) && !(f.Op == channel.DiskOpen && f.A&channel.OpenCreate == 0) {
			c.faults.feel(Stall)
			f.Data = slices.Clone(f.Data)
			c.faults.held = append(c.faults.held, heldCall{g, f})
			return
		}
		c.call(g, f)
	default:
		c.oneWay(g, f)
	}
	c.did(opOf(&f), f.Data)
}

func (c *Card) handleOf(g channel.Guest, id uint64) *handle {
	if h := c.handles[id]; h != nil && h.pid == g.PID() {
		return h
	}
	return nil
}

func (c *Card) oneWay(g channel.Guest, f channel.Frame) {
	if f.Op == channel.DiskRefused {
		c.refused(syscall.Errno(f.A))
		return
	}
	h := c.handleOf(g, f.ID)
	if h == nil {
		return
	}
	switch f.Op {
	case channel.DiskWrite:
		c.writeFrame(h, f.A, f.Data)
	case channel.DiskClose:
		c.closeHandle(h)
	case channel.DiskFlush:
		c.flush(h.ino)
	case channel.DiskPrefetch:
		c.prefetch(h, f.A, f.B)
	}
}

// refused counts an error that the process met without asking the card.
func (c *Card) refused(err syscall.Errno) {
	switch err {
	case syscall.ENOSPC:
		c.faults.feel(Full)
	case syscall.EROFS:
		c.faults.feel(ReadOnly)
	case syscall.EIO:
		c.faults.feel(Gone)
	}
}

func (c *Card) call(g channel.Guest, f channel.Frame) {
	switch f.Op {
	case channel.DiskRead, channel.DiskSync:
		c.callFile(g, f)
	case channel.DiskOpen, channel.DiskLock:
		var h *handle
		var err syscall.Errno
		if f.Op == channel.DiskLock {
			h, err = c.lockFile(g.PID(), string(f.Data))
		} else {
			h, err = c.open(g.PID(), string(f.Data), f.A)
		}
		if err != 0 {
			c.reply(g, f.ID, err, 0, 0, nil)
			return
		}
		c.reply(g, f.ID, 0, int64(h.id), h.ino.length(), nil)
	case channel.DiskStat:
		c.stat(g, f)
	case channel.DiskList:
		names, end, err := c.list(string(f.Data))
		c.reply(g, f.ID, err, 0, end, names)
	case channel.DiskUsage:
		c.reply(g, f.ID, 0, c.cfg.Capacity, c.free(), nil)
	default:
		c.reply(g, f.ID, c.callNames(f.Op, string(f.Data)), 0, 0, nil)
	}
}

func (c *Card) callFile(g channel.Guest, f channel.Frame) {
	h := c.handleOf(g, uint64(f.A))
	off, n := channel.SplitDiskRange(f.B)
	switch {
	case h == nil:
		c.reply(g, f.ID, syscall.EBADF, 0, 0, nil)
	case f.Op == channel.DiskSync:
		c.submit(&request{kind: syncRequest, ino: h.ino, file: h, guest: g, call: f.ID, seq: c.seq})
	case off < 0 || n > channel.MaxData:
		c.reply(g, f.ID, syscall.EINVAL, 0, 0, nil)
	default:
		c.read(g, f.ID, h, off, n)
	}
}

func (c *Card) callNames(op uint8, data string) syscall.Errno {
	path, second, _ := strings.Cut(data, "\x00")
	switch op {
	case channel.DiskMkdirAll:
		return c.mkdirAll(path)
	case channel.DiskRemove:
		return c.remove(path)
	case channel.DiskRemoveAll:
		return c.removeAll(path)
	case channel.DiskRename:
		return c.rename(path, second)
	case channel.DiskLink:
		return c.link(path, second)
	}
	return syscall.ENOSYS
}

// length is the size that processes are told: -1 for a directory.
func (ino *inode) length() int64 {
	if ino.dir {
		return -1
	}
	return ino.size
}

func (c *Card) stat(g channel.Guest, f channel.Frame) {
	var ino *inode
	var err syscall.Errno
	if f.A == 0 {
		ino, err = c.lookup(string(f.Data))
	} else if h := c.handleOf(g, uint64(f.A)); h != nil {
		ino = h.ino
	} else {
		err = syscall.EBADF
	}
	if err != 0 {
		c.reply(g, f.ID, err, 0, 0, nil)
		return
	}
	c.reply(g, f.ID, 0, ino.length(), ino.changed, nil)
}

// list returns as many names as fit into a frame, and 1 when there are no more.
func (c *Card) list(data string) (names []byte, end int64, err syscall.Errno) {
	path, after, _ := strings.Cut(data, "\x00")
	dir, err := c.lookup(path)
	if err != 0 {
		return nil, 0, err
	}
	if !dir.dir {
		return nil, 0, syscall.ENOTDIR
	}
	names = c.scratch[:0]
	for _, name := range slices.Sorted(maps.Keys(dir.entries)) {
		if name <= after {
			continue
		}
		if len(names)+len(name)+1 > channel.MaxData {
			return names, 0, 0
		}
		names = append(append(names, name...), 0)
	}
	return names, 1, 0
}

// Gone tells that a process is no more: its handles and locks vanish, what it has written stays,
// what it has asked of the device goes on.
func (c *Card) Gone(g channel.Guest) {
	pid := g.PID()
	for _, id := range slices.Sorted(maps.Keys(c.handles)) {
		if h := c.handles[id]; h.pid == pid {
			c.closeHandle(h)
		}
	}
	for _, r := range c.dev.queue {
		if r.guest != nil && r.guest.PID() == pid {
			r.guest = nil
		}
	}
	c.faults.held = slices.DeleteFunc(c.faults.held, func(h heldCall) bool { return h.guest.PID() == pid })
}
