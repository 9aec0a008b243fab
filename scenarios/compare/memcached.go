package compare

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"

	"picloud/scenarios/compare/load"
)

// DriveMemcached loads memcached, as another process says on standard input.
func DriveMemcached(ctx context.Context) error { return load.Main(ctx, driveCache(openMemcached)) }

func openMemcached(c *cacheLoad) (cacheClient, error) {
	return &memcached{address: net.JoinHostPort(c.Addresses["memcached"], c.Port)}, nil
}

// memcached is a client of it, by its text protocol. A connection does one thing at a time, so there are as many as requests
// under way, as with the clients that people use.
type memcached struct {
	address string

	mu   sync.Mutex
	free []*memcachedConn
}

type memcachedConn struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

// with lends a connection. One on which something went wrong is closed.
func (m *memcached) with(ctx context.Context, do func(c *memcachedConn) error) error {
	m.mu.Lock()
	var c *memcachedConn
	if n := len(m.free); n > 0 {
		c, m.free = m.free[n-1], m.free[:n-1]
	}
	m.mu.Unlock()
	if c == nil {
		raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.address)
		if err != nil {
			return err
		}
		c = &memcachedConn{Conn: raw, in: bufio.NewReaderSize(raw, 16<<10)}
	}
	end, _ := ctx.Deadline()
	err := c.SetDeadline(end)
	if err == nil {
		err = do(c)
	}
	if err != nil {
		_ = c.Close()
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, c)
	return nil
}

func (m *memcached) fill(ctx context.Context, values map[string][]byte) error {
	return m.with(ctx, func(c *memcachedConn) error {
		for key, value := range values {
			if _, err := fmt.Fprintf(c, "set %s 0 0 %d\r\n%s\r\n", key, len(value), value); err != nil {
				return err
			}
			if line, err := c.in.ReadString('\n'); err != nil || line != "STORED\r\n" {
				return fmt.Errorf("memcached answers %q: %w", line, err)
			}
		}
		return nil
	})
}

func (m *memcached) get(ctx context.Context, key string) (value []byte, err error) {
	err = m.with(ctx, func(c *memcachedConn) error {
		value, err = c.get(key)
		return err
	})
	return value, err
}

const memcachedEnd = "\r\nEND\r\n"

func (c *memcachedConn) get(key string) ([]byte, error) {
	c.out = append(append(append(c.out[:0], "get "...), key...), "\r\n"...)
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	size, err := memcachedSize(line, key)
	if err != nil {
		return nil, err
	}
	value := make([]byte, size+len(memcachedEnd))
	if _, err := io.ReadFull(c.in, value); err != nil {
		return nil, err
	}
	if string(value[size:]) != memcachedEnd {
		return nil, fmt.Errorf("memcached ends a value with %q", value[size:])
	}
	return value[:size], nil
}

// memcachedSize reads the line before a value: VALUE, the key, flags, the size.
func memcachedSize(line []byte, key string) (size int, err error) {
	if string(line) == "END\r\n" {
		return 0, errNotKept
	}
	rest, is := bytes.CutPrefix(line, []byte("VALUE "+key+" 0 "))
	if is {
		size, err = strconv.Atoi(string(bytes.TrimSuffix(rest, []byte("\r\n"))))
	}
	if !is || err != nil || size < 0 || size > 1<<20 {
		return 0, fmt.Errorf("memcached answers %q", line)
	}
	return size, nil
}

func (m *memcached) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.free {
		_ = c.Close()
	}
}
