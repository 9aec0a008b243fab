package emulated

import (
	"fmt"
	"io"
)

// cpio writes an archive in the form newc, as the kernel takes it for its first file system (its Documentation,
// driver-api/early-userspace/buffer-format.rst).
type cpio struct {
	out   io.Writer
	count int   // of entries, which numbers them
	at    int64 // bytes written
	err   error // the first one
}

// The bits of a mode that say what an entry is (inode(7)).
const (
	cpioFolder = 0o040000
	cpioFile   = 0o100000
)

// folder adds a folder. Those above it must have been added before.
func (c *cpio) folder(name string) { c.entry(name, cpioFolder|0o755, nil) }

// file adds a file that may be run.
func (c *cpio) file(name string, data []byte) { c.entry(name, cpioFile|0o755, data) }

// close ends the archive, and returns what has failed.
func (c *cpio) close() error {
	c.entry("TRAILER!!!", 0, nil)
	return c.err
}

func (c *cpio) entry(name string, mode int, data []byte) {
	c.count++
	const links, check = 1, 0
	c.write([]byte("070701"))
	for _, field := range []int{c.count, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, check} {
		c.write(fmt.Appendf(nil, "%08X", field))
	}
	c.write(append([]byte(name), 0))
	c.pad()
	c.write(data)
	c.pad()
}

// pad goes on at a multiple of four bytes.
func (c *cpio) pad() { c.write(make([]byte, -c.at&3)) }

func (c *cpio) write(b []byte) {
	if c.err != nil {
		return
	}
	n, err := c.out.Write(b)
	c.at += int64(n)
	if err != nil {
		c.err = fmt.Errorf("emulated: write an archive: %w", err)
	}
}
