package wire

import (
	"net"
	"sync"
)

// Detect returns a listener whose streams are checked if the other end checks them, and plain if not. It is for protocols
// of which no stream begins with a zero byte, as HTTP: every frame begins with one.
func Detect(l net.Listener) net.Listener { return detecting{l} }

type detecting struct{ net.Listener }

func (l detecting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &detected{Conn: c}, nil
}

// detected is a stream of which it shows with its first byte what it is. Nobody writes to it before.
type detected struct {
	net.Conn
	first   sync.Once
	checked *Conn // nil for a plain one
	begin   [1]byte
	held    int // bytes of begin that nobody has read
	err     error
}

// look waits for the first byte.
func (c *detected) look() {
	c.first.Do(func() {
		if c.held, c.err = c.Conn.Read(c.begin[:]); c.held > 0 && c.begin[0] == 0 {
			c.checked = Wrap(&replayed{Conn: c.Conn, first: c.begin[:]})
		}
	})
}

// Read reads from the stream as what it has shown itself to be.
func (c *detected) Read(b []byte) (int, error) {
	c.look()
	switch {
	case c.checked != nil:
		return c.checked.Read(b)
	case c.err != nil:
		return 0, c.err
	case c.held > 0 && len(b) > 0:
		b[0], c.held = c.begin[0], 0
		return 1, nil
	}
	return c.Conn.Read(b)
}

// Write writes to the stream as the other end does.
func (c *detected) Write(b []byte) (int, error) {
	c.look()
	if c.checked != nil {
		return c.checked.Write(b)
	}
	return c.Conn.Write(b)
}

// replayed is a stream of which some bytes were read already.
type replayed struct {
	net.Conn
	first []byte
}

func (c *replayed) Read(b []byte) (int, error) {
	if n := copy(b, c.first); n > 0 {
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}
