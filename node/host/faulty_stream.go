package host

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// window is how many bytes are under way in one direction of a stream, at most.
	window = 64 << 10
	// piece is how many of them are held back together, at most.
	piece = 16 << 10
)

// faultyConn is a stream that this machine has opened, with a layer over it. While nothing is wrong, calls go through
// it. What arrives in bad weather is held until it is due; what is written then is sent by a goroutine, which ends when
// nothing is left.
//
// Nobody hears of an end before all that was written ahead of it has passed: a stream that is closed while its way is
// cut is closed for the other machine when the cut heals.
type faultyConn struct {
	net.Conn
	ways *ways
	peer string

	reading sync.Mutex // one Read at a time
	in      []byte     // what has arrived and was not read, under reading
	inErr   error      // what comes after it
	inDue   time.Time  // when it can be read
	inBusy  time.Time  // until when the way is busy with it

	mu            sync.Mutex
	changed       chan struct{} // closed when something of this stream changes
	closed        bool
	broken        error // why the stream has ended for this machine
	forgot        bool  // the other machine is not to hear of the end
	peerForgot    bool  // the first that is written breaks it
	readBy, outBy time.Time
	out           []parcel
	outBytes      int
	outBusy       time.Time // until when the way is busy with what was written
	halfClosed    bool
	sending       bool
}

// parcel is bytes on their way.
type parcel struct {
	bytes []byte
	due   time.Time
}

// tell wakes who waits for a change. The lock is held.
func (c *faultyConn) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *faultyConn) there() weather { return c.ways.weather(c.ways.self, c.peer) }
func (c *faultyConn) back() weather  { return c.ways.weather(c.peer, c.ways.self) }

// failed returns an error as a stream returns it.
func (c *faultyConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// ended returns why the stream has ended for this machine, nil if it has not. The lock is held.
func (c *faultyConn) ended() error {
	if c.broken != nil {
		return c.broken
	}
	if c.closed {
		return net.ErrClosed
	}
	return nil
}

// Read reads what has arrived, when it is due.
func (c *faultyConn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.readable(); err != nil {
		return 0, err
	}
	for {
		if len(c.in) > 0 || c.inErr != nil {
			if err := c.awaitIn(); err != nil {
				return 0, err
			}
			n := copy(b, c.in)
			if c.in = c.in[n:]; n > 0 || len(b) == 0 {
				return n, nil
			}
			return 0, c.inErr
		}
		if now := c.back(); now.fair() {
			n, err := c.Conn.Read(b)
			now = c.back()
			if local := c.local(err); local != nil {
				return n, local
			}
			if now.fair() {
				return n, err
			}
			c.hold(slices.Clone(b[:n]), err, now)
			continue
		}
		held := make([]byte, piece)
		n, err := c.Conn.Read(held)
		if local := c.local(err); local != nil && n == 0 {
			return 0, local
		}
		c.hold(held[:n], err, c.back())
	}
}

// readable returns why nothing can be read any more, nil if something can.
func (c *faultyConn) readable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(); err != nil {
		return c.failed("read", err)
	}
	return nil
}

// local returns the error of a read if it does not come from the other machine, nil otherwise.
func (c *faultyConn) local(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peerForgot && c.ended() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return c.waitEnd()
	}
	if ended := c.ended(); ended != nil {
		return c.failed("read", ended)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// waitEnd waits, of a stream that the other machine has forgotten, for what ends a read. The lock is held.
func (c *faultyConn) waitEnd() error {
	for c.ended() == nil {
		if err := c.pause(c.readBy, time.Time{}, nil); err != nil {
			return c.failed("read", err)
		}
	}
	return c.failed("read", c.ended())
}

// hold holds what was read until it is due.
func (c *faultyConn) hold(b []byte, err error, now weather) {
	arrived := time.Now()
	c.inBusy = later(arrived, c.inBusy).Add(now.drawn(len(b)))
	if c.in, c.inErr = b, err; len(b) > 0 {
		c.inDue = later(c.inBusy, arrived.Add(now.late(b)))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// awaitIn waits until what is held can be read.
func (c *faultyConn) awaitIn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var noted *wayFault
	for {
		if err := c.ended(); err != nil {
			return c.failed("read", err)
		}
		now := c.back()
		cut := now.cut()
		if cut == nil && (now.fair() || !time.Now().Before(c.inDue)) {
			return nil
		}
		if cut != nil && cut != noted {
			cut.feel()
			noted = cut
		}
		due := c.inDue
		if cut != nil {
			due = time.Time{}
		}
		if err := c.pause(c.readBy, due, now.changed); err != nil {
			return c.failed("read", err)
		}
	}
}

// pause waits for a change, a time (none if it is zero), or a deadline, whose error it returns. The lock is held, but not while it waits.
func (c *faultyConn) pause(deadline, due time.Time, weather <-chan struct{}) error {
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return os.ErrDeadlineExceeded
	}
	if due.IsZero() || !deadline.IsZero() && deadline.Before(due) {
		due = deadline
	}
	var timer <-chan time.Time
	if !due.IsZero() {
		t := time.NewTimer(time.Until(due))
		defer t.Stop()
		timer = t.C
	}
	mine := c.changed
	c.mu.Unlock()
	select {
	case <-mine:
	case <-weather:
	case <-timer:
	}
	c.mu.Lock()
	return nil
}

// Write sends at once if nothing is wrong, and otherwise leaves it to be sent.
func (c *faultyConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peerForgot && c.broken == nil && !c.closed { // as the other machine answers with a reset
		c.breakWith(syscall.ECONNRESET)
		return len(b), nil
	}
	now := c.there()
	if !c.sending && now.fair() && c.ended() == nil && !c.halfClosed {
		c.mu.Unlock()
		n, err := c.Conn.Write(b)
		c.mu.Lock()
		if ended := c.ended(); err != nil && ended != nil {
			err = c.failed("write", ended)
		}
		return n, err
	}
	return c.queue(b)
}

// queue leaves bytes to be sent. The lock is held, but not while it waits for room.
func (c *faultyConn) queue(b []byte) (written int, err error) {
	for {
		now := c.there()
		switch err := c.ended(); {
		case err != nil:
			return written, c.failed("write", err)
		case c.halfClosed:
			return written, c.failed("write", syscall.EPIPE)
		case len(b) == 0:
			return written, nil
		case c.outBytes < window:
			n := min(len(b), piece)
			bytes, at := slices.Clone(b[:n]), time.Now()
			c.outBusy = later(at, c.outBusy).Add(now.drawn(n))
			c.out = append(c.out, parcel{bytes, later(c.outBusy, at.Add(now.late(bytes)))})
			c.outBytes += n
			b, written = b[n:], written+n
			c.send()
		default:
			if err := c.pause(c.outBy, time.Time{}, nil); err != nil {
				return written, c.failed("write", err)
			}
		}
	}
}

// send has a goroutine send what there is to send. The lock is held.
func (c *faultyConn) send() {
	if !c.sending {
		c.sending = true
		_ = c.Conn.SetWriteDeadline(time.Time{}) // a deadline is for those who wait for room
		go c.sendAll()
	}
}

// sendAll sends until nothing is left, and then the end of the stream if it was closed.
func (c *faultyConn) sendAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var noted *wayFault
	for c.broken == nil {
		now := c.there()
		cut := now.cut()
		if cut != nil && cut != noted {
			cut.feel()
			noted = cut
		}
		switch {
		case cut != nil:
			_ = c.pause(time.Time{}, time.Time{}, now.changed) // it has no deadline
		case len(c.out) == 0:
			c.sent()
			return
		case !now.fair() && time.Now().Before(c.out[0].due):
			_ = c.pause(time.Time{}, c.out[0].due, now.changed)
		default:
			p := c.out[0]
			c.out = c.out[1:]
			c.mu.Unlock()
			_, err := c.Conn.Write(p.bytes)
			c.mu.Lock()
			if c.outBytes -= len(p.bytes); err != nil && c.broken == nil {
				c.broken, c.out = cause(err), nil
			}
			c.tell()
		}
	}
	c.sent()
}

// sent notes that nothing is left to send. The lock is held.
func (c *faultyConn) sent() {
	c.sending = false
	switch {
	case c.closed:
		_ = c.Conn.Close() // nobody waits for it any more
	case c.halfClosed && c.broken == nil:
		_ = c.closeHalf() // nobody waits for it any more
	default:
		_ = c.Conn.SetWriteDeadline(c.outBy)
	}
}

func (c *faultyConn) closeHalf() error {
	if half, is := c.Conn.(interface{ CloseWrite() error }); is {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// CloseWrite ends what is sent.
func (c *faultyConn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(); err != nil {
		return c.failed("close", err)
	}
	now := c.there()
	if c.halfClosed = true; !c.sending && now.cut() == nil {
		return c.closeHalf()
	}
	c.send()
	return nil
}

// Close ends the stream for this machine at once, and for the other one when it can hear of it.
func (c *faultyConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.ways.closed(c)
	c.closed = true
	c.tell()
	if c.forgot || c.peerForgot {
		return nil
	}
	if c.broken != nil {
		_ = c.Conn.Close() // it may have been closed
		return nil
	}
	if now := c.there(); !c.sending && now.cut() == nil {
		return c.Conn.Close()
	}
	c.send()
	return c.Conn.SetReadDeadline(time.Unix(1, 0)) // who reads returns
}

// breakWith ends the stream for this machine. The lock is held.
func (c *faultyConn) breakWith(err error) {
	c.broken, c.out, c.outBytes = err, nil, 0
	c.tell()
}

// abort resets the stream for the other machine.
func (c *faultyConn) abort() {
	if l, is := c.Conn.(interface{ SetLinger(int) error }); is {
		_ = l.SetLinger(0)
	}
	_ = c.Conn.Close() // it may have been closed
}

// reset ends the stream for both machines, and tells both.
func (c *faultyConn) reset() {
	c.mu.Lock()
	c.breakWith(syscall.ECONNRESET)
	c.mu.Unlock()
	c.abort()
}

// forget ends the stream for this machine. The other one hears of it when it sends something.
func (c *faultyConn) forget() {
	c.mu.Lock()
	c.breakWith(syscall.ECONNRESET)
	c.forgot = true
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // who reads returns
	c.mu.Unlock()
	go func() {
		c.reading.Lock() // who reads has returned, and who comes later finds that the stream has ended
		_ = c.Conn.SetReadDeadline(time.Time{})
		c.reading.Unlock()
		_, _ = c.Conn.Read(make([]byte, 1))
		c.abort()
	}()
}

// forgotten ends the stream for the other machine. This one hears of it when it sends something.
func (c *faultyConn) forgotten() {
	c.mu.Lock()
	c.peerForgot = true
	c.mu.Unlock()
	c.abort()
}

// SetDeadline sets both deadlines.
func (c *faultyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets until when reads wait.
func (c *faultyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(); err != nil {
		return c.failed("set", err)
	}
	c.readBy = t
	c.tell()
	if c.peerForgot {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets until when writes wait.
func (c *faultyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ended(); err != nil {
		return c.failed("set", err)
	}
	c.outBy = t
	if c.tell(); c.sending || c.peerForgot {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}
