// Package wire checks bytes end to end: a stream of checked frames inside a plain stream.
//
// Ethernet and TCP checksums miss what a bad cable, switch or memory does to one packet in many.
// Each Write becomes frames of at most MaxPayload bytes with a CRC-32C over length and payload;
// a frame that does not match is never handed on, and the stream ends with ErrCorrupt.
package wire

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"

	"picloud/node/host"
	"picloud/node/mutant"
)

// ErrCorrupt says that bytes arrived other than they were sent.
var ErrCorrupt = errors.New("wire: corrupt frame")

// MaxPayload is the most bytes of payload in a frame.
const MaxPayload = 32 << 10

const headBytes = 8 // length of the payload, checksum over length and payload

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Conn is a stream of checked frames. Reads belong to one goroutine, writes to another.
type Conn struct {
	net.Conn
	from *bufio.Reader // of what comes, so that a small frame is read in one call
	head [headBytes]byte
	have int    // bytes of the next frame that were read
	in   []byte // its payload
	rest []byte // what of it has not been read
	out  []byte
	bad  error
}

// Wrap returns a checked stream over c. The other end must do the same.
func Wrap(c net.Conn) *Conn { return &Conn{Conn: c, from: bufio.NewReaderSize(c, 4<<10)} }

// Write sends b in frames.
func (c *Conn) Write(b []byte) (int, error) {
	sent := 0
	for {
		n := min(len(b)-sent, MaxPayload)
		if n == 0 {
			return sent, nil
		}
		c.out = binary.BigEndian.AppendUint32(c.out[:0], uint32(n))
		c.out = binary.BigEndian.AppendUint32(c.out, checksum(c.out[:4], b[sent:sent+n]))
		c.out = append(c.out, b[sent:sent+n]...)
		if _, err := c.Conn.Write(c.out); err != nil {
			return sent, err
		}
		sent += n
	}
}

// Read returns bytes of a frame that has been checked.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 && len(b) > 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next reads a whole frame. Where a deadline ends that in its middle, the next call goes on from there: net/http ends its
// reads so, while it waits for the next request.
func (c *Conn) next() error {
	if c.bad != nil {
		return c.bad
	}
	if err := c.fill(c.head[:], 0); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(c.head[:]))
	if n > MaxPayload {
		return c.broken(true, ErrCorrupt)
	}
	if cap(c.in) < n {
		c.in = make([]byte, n)
	}
	c.in = c.in[:n]
	if err := c.fill(c.in, headBytes); err != nil {
		return err
	}
	if checksum(c.head[:4], c.in) != binary.BigEndian.Uint32(c.head[4:]) && mutant.Planted != mutant.UncheckedWire {
		return c.broken(true, ErrCorrupt)
	}
	c.have, c.rest = 0, c.in
	return nil
}

// fill reads a part of a frame that begins at a place in it.
func (c *Conn) fill(part []byte, begin int) error {
	for c.have < begin+len(part) {
		n, err := c.from.Read(part[c.have-begin:])
		c.have += n
		var limit net.Error
		switch {
		case n > 0 || err == nil:
		case errors.As(err, &limit) && limit.Timeout():
			return err
		default:
			return c.broken(c.have > 0, err)
		}
	}
	return nil
}

func (c *Conn) broken(middle bool, err error) error {
	if middle {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		c.bad = err
		c.Conn.Close()
	}
	return err
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// Network checks every stream of a network; packets go as they are.
type Network struct{ host.Network }

// Listen listens for checked streams.
func (n Network) Listen(network, address string) (net.Listener, error) {
	l, err := n.Network.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return Checked(l), nil
}

// Checked returns a listener whose streams are checked.
func Checked(l net.Listener) net.Listener { return listener{l} }

// DialContext opens a checked stream.
func (n Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.Network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return Wrap(c), nil
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Wrap(c), nil
}
