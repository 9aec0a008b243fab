package rpc

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"picloud/node/api"
)

// Client calls one server. It opens a connection when it is first needed, and another when that one
// has broken. It may be used by many goroutines.
type Client struct {
	dial func(ctx context.Context) (net.Conn, error)
	name string // of the server, for errors

	mu      sync.Mutex
	conn    *connection // nil if there is none
	opening *attempt    // nil if there is none
	closed  bool
}

// NewClient returns a client of the server that dial reaches.
func NewClient(name string, dial func(ctx context.Context) (net.Conn, error)) *Client {
	return &Client{name: name, dial: dial}
}

// Close closes the connection. Calls under way end with the kind Unknown.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		c.conn.end(net.ErrClosed)
	}
}

// Call sends a request and waits for its reply. The context must have an end. An error that did not come
// from the server's handler is of kind Unavailable if the request cannot have reached it, and of
// kind Unknown else.
func (c *Client) Call(ctx context.Context, method string, body []byte) ([]byte, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "call", method+" of "+c.name, "%s", err)
	}
	q := request{method: method, body: body, left: maxTimeLeft}
	if end, ok := ctx.Deadline(); ok {
		q.left = time.Until(end)
	}
	answer, err := conn.send(ctx, &q)
	if errors.Is(err, errTooLarge) {
		return nil, api.Errorf(api.TooLarge, "call", method+" of "+c.name, "%s", err)
	}
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "call", method+" of "+c.name, "%s", err)
	}
	defer conn.forget(q.call)
	select {
	case p := <-answer:
		if p.err != nil {
			return nil, p.err
		}
		return p.body, nil
	case <-conn.ended:
		return nil, api.Errorf(api.Unknown, "call", method+" of "+c.name, "%s", conn.why)
	case <-ctx.Done():
		conn.doubt()
		return nil, api.Errorf(api.Unknown, "call", method+" of "+c.name, "%s", ctx.Err())
	}
}

// dialLimit is how long opening a connection may take, whoever waits for it.
const dialLimit = 3 * time.Second

// attempt is a connection that is being opened, for all who wait for it.
type attempt struct {
	over chan struct{}
	conn *connection
	err  error
}

// connection returns the one that is open, or waits for one to be opened.
func (c *Client) connection(ctx context.Context) (*connection, error) {
	conn, opening, err := c.current()
	if conn != nil || err != nil {
		return conn, err
	}
	select {
	case <-opening.over:
		return opening.conn, opening.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// current returns the connection that is open, or the attempt to open one.
func (c *Client) current() (*connection, *attempt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, net.ErrClosed
	}
	if c.conn != nil {
		select {
		case <-c.conn.ended:
		default:
			return c.conn, nil, nil
		}
	}
	if c.opening == nil {
		c.opening = &attempt{over: make(chan struct{})}
		go c.open(c.opening)
	}
	return nil, c.opening, nil
}

func (c *Client) open(a *attempt) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	stream, err := c.dial(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.err = err; err == nil {
		a.conn = newConnection(stream)
		c.conn = a.conn
		if c.closed {
			a.conn.end(net.ErrClosed)
		}
	}
	c.opening = nil
	close(a.over)
}

// connection is a stream with the calls that wait for replies on it.
type connection struct {
	out   *outbox
	ended chan struct{} // closed when nothing comes any more
	why   error         // then

	mu      sync.Mutex
	last    uint64
	owed    time.Time // since when something should come; zero if nothing was sent since something came
	waiting map[uint64]chan *reply
}

// silence is how long nothing may come on a stream on which calls wait in vain, one after the other.
const silence = 4 * time.Second

// doubt breaks the connection if calls have been sent and nothing has come for too long: its other end may
// have vanished without a word.
func (c *connection) doubt() {
	c.mu.Lock()
	owed := c.owed
	c.mu.Unlock()
	if !owed.IsZero() && time.Since(owed) > silence {
		c.end(errSilent)
	}
}

var errSilent = errors.New("rpc: nothing comes on the stream")

func newConnection(stream net.Conn) *connection {
	c := &connection{out: newOutbox(stream), ended: make(chan struct{}), waiting: map[uint64]chan *reply{}}
	go c.receive(stream)
	return c
}

func (c *connection) receive(stream net.Conn) {
	r := bufio.NewReaderSize(stream, bufferBytes)
	for {
		b, err := next(r)
		var p *reply
		if err == nil {
			p, err = decodeReply(b)
		}
		if err != nil {
			c.end(err)
			return
		}
		c.mu.Lock()
		c.owed = time.Time{}
		if answer := c.waiting[p.call]; answer != nil {
			delete(c.waiting, p.call)
			answer <- p
		}
		c.mu.Unlock()
	}
}

// end breaks the connection, for the first reason that is given.
func (c *connection) end(why error) {
	c.out.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.why = why
		close(c.ended)
	}
}

// send numbers a request and sends it. After an error it has not been sent.
func (c *connection) send(ctx context.Context, q *request) (<-chan *reply, error) {
	answer := make(chan *reply, 1)
	c.mu.Lock()
	c.last++
	q.call = c.last
	c.waiting[q.call] = answer
	if c.owed.IsZero() {
		c.owed = time.Now()
	}
	c.mu.Unlock()
	if err := c.out.add(ctx, q); err != nil {
		c.forget(q.call)
		return nil, err
	}
	return answer, nil
}

func (c *connection) forget(call uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, call)
}
