package machine

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"picloud/sim/channel"
)

// reportBytes is how much a process reads before it tells the kernel, unless it has read all.
const reportBytes = 32 << 10

// keepBytes is the largest receive buffer that an idle stream keeps.
const keepBytes = 64 << 10

// conn is an open stream, or one that is being dialled.
type conn struct {
	net    *network
	id     uint64
	local  *net.TCPAddr
	remote *net.TCPAddr

	mu     sync.Mutex
	answer chan<- syscall.Errno // to the dialler
	closed bool                 // by the process
	dead   bool                 // reset or timed out
	err    syscall.Errno        // why it is dead, until somebody was told

	readable sync.Cond
	in       []byte // received; read up to at
	at       int
	consumed int64 // bytes read, and
	reported int64 // how many of them the kernel knows of
	eof      bool
	shutRead bool
	readBy   deadline

	writable  sync.Cond
	credit    int  // room in the kernel's send buffer, as far as known
	wanted    bool // the kernel knows that a writer waits
	writing   bool // a writer is in the middle of its bytes
	shutWrite bool
	writeBy   deadline
}

func newConn(n *network, id uint64, remote *net.TCPAddr) *conn {
	c := &conn{net: n, id: id, remote: remote, credit: channel.SendBuffer}
	c.local = &net.TCPAddr{IP: n.addr.AsSlice()}
	if remote.IP.IsLoopback() {
		c.local.IP = remote.IP
	}
	c.readable.L, c.writable.L = &c.mu, &c.mu
	c.readBy.wake, c.writeBy.wake = &c.readable, &c.writable
	return c
}

// handle takes a frame about the stream, in the mail goroutine.
func (c *conn) handle(f channel.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Op {
	case channel.NetConnected:
		c.local.Port = int(f.A)
		c.tell(0)
	case channel.NetData:
		c.receive(f.Data)
	case channel.NetCredit:
		c.credit += int(f.A)
		c.wanted = false
		c.writable.Broadcast()
	case channel.NetEOF:
		c.eof = true
		c.readable.Broadcast()
	case channel.NetReset:
		c.dead, c.err = true, f.Err
		c.net.remove(c)
		c.tell(f.Err)
		c.readable.Broadcast()
		c.writable.Broadcast()
	}
}

// tell answers the dialler, once.
func (c *conn) tell(errno syscall.Errno) {
	if c.answer != nil {
		c.answer <- errno
		c.answer = nil
	}
}

func (c *conn) receive(data []byte) {
	if c.closed {
		return // nobody will read it
	}
	if c.at > 0 && len(c.in)+len(data) > cap(c.in) {
		c.in = c.in[:copy(c.in, c.in[c.at:])]
		c.at = 0
	}
	c.in = append(c.in, data...)
	c.readable.Broadcast()
}

func (c *conn) send(op uint8, a int64, data []byte) {
	c.net.send(op, c.id, a, data)
}

// Read takes what has arrived, or waits for it.
func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case len(b) == 0:
			return 0, nil
		case c.readBy.expired:
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case c.at < len(c.in):
			return c.take(b), nil
		case c.eof || c.shutRead:
			return 0, io.EOF
		case c.err != 0:
			return 0, c.opError("read", c.toldErr("read"))
		case c.dead:
			return 0, io.EOF
		}
		c.readable.Wait()
	}
}

// take moves received bytes to the reader.
func (c *conn) take(b []byte) int {
	n := copy(b, c.in[c.at:])
	c.at += n
	c.consumed += int64(n)
	drained := c.at == len(c.in)
	if drained {
		c.in, c.at = c.in[:0], 0
		if cap(c.in) > keepBytes {
			c.in = nil
		}
	}
	if !c.dead && (drained || c.consumed-c.reported >= reportBytes) {
		c.reported = c.consumed
		c.send(channel.NetConsumed, c.consumed, nil)
	}
	return n
}

// Write hands bytes to the kernel, and waits while its buffer is full. Writers take turns, so the
// bytes of one Write stay together.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing {
		if err := c.writeError(); err != nil {
			return 0, err
		}
		c.writable.Wait()
	}
	c.writing = true
	defer func() {
		c.writing = false
		c.writable.Broadcast()
	}()
	written := 0
	for {
		if err := c.writeError(); err != nil {
			return written, err
		}
		if written == len(b) {
			return written, nil
		}
		if c.credit == 0 {
			if !c.wanted {
				c.wanted = true
				c.send(channel.NetWant, 0, nil)
			}
			c.writable.Wait()
			continue
		}
		n := min(len(b)-written, c.credit, channel.MaxData)
		c.credit -= n
		c.send(channel.NetData, 0, b[written:written+n])
		if written += n; written == len(b) {
			return written, nil
		}
	}
}

// writeError returns why nothing can be written now.
func (c *conn) writeError() error {
	switch {
	case c.closed:
		return c.opError("write", net.ErrClosed)
	case c.writeBy.expired:
		return c.opError("write", os.ErrDeadlineExceeded)
	case c.err != 0:
		return c.opError("write", c.toldErr("write"))
	case c.dead || c.shutWrite:
		return c.opError("write", syscallError("write", syscall.EPIPE))
	}
	return nil
}

// toldErr returns why the stream is dead. Only the first to ask learns it, as from a real socket:
// later reads find the end, later writes a broken pipe.
func (c *conn) toldErr(call string) error {
	errno := c.err
	c.err = 0
	return syscallError(call, errno)
}

func (c *conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// Close lets go of the stream. What was written is still sent; bytes that were not read make the
// stack reset the stream.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.readBy.stop()
	c.writeBy.stop()
	if !c.dead {
		c.net.remove(c)
		c.send(channel.NetClose, c.consumed, nil)
	}
	c.in = nil
	c.readable.Broadcast()
	c.writable.Broadcast()
	return nil
}

// CloseRead lets readers find the end once they have read what has arrived.
func (c *conn) CloseRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.shutError(); err != nil {
		return err
	}
	c.shutRead = true
	c.readable.Broadcast()
	return nil
}

// CloseWrite tells the peer that no more will be sent.
func (c *conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.shutError(); err != nil {
		return err
	}
	if !c.shutWrite {
		c.shutWrite = true
		c.send(channel.NetCloseWrite, 0, nil)
		c.writable.Broadcast()
	}
	return nil
}

func (c *conn) shutError() error {
	switch {
	case c.closed:
		return c.opError("close", net.ErrClosed)
	case c.dead:
		return c.opError("close", syscallError("shutdown", syscall.ENOTCONN))
	}
	return nil
}

// LocalAddr returns this end's address.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy, &c.writeBy) }

// SetReadDeadline makes reads fail from t on; the zero time takes the deadline away.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy) }

// SetWriteDeadline makes writes fail from t on; the zero time takes the deadline away.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *conn) setDeadlines(t time.Time, which ...*deadline) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, d := range which {
		d.set(t)
	}
	return nil
}
