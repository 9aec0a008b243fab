package rpc

import (
	"context"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"
)

// bufferBytes is the size of read buffers, and what a send buffer shrinks to.
const bufferBytes = 32 << 10

// writeLimit is how long the other end may take no piece of pieceBytes: what is queued may be much, and the way slow.
const (
	writeLimit = 10 * time.Second
	pieceBytes = 64 << 10
)

// maxQueued is how many bytes may wait for a stream that takes none.
const maxQueued = 4 * MaxBytes

// outbox sends messages in the order in which they were added, many in one write while the stream is
// busy with an earlier one.
type outbox struct {
	stream net.Conn

	mu     sync.Mutex
	room   *sync.Cond
	queued []byte
	busy   bool // a goroutine writes
	closed bool
}

func newOutbox(stream net.Conn) *outbox {
	o := &outbox{stream: stream}
	o.room = sync.NewCond(&o.mu)
	return o
}

// message is a request or a reply.
type message interface {
	append(b []byte) ([]byte, error)
}

// add sends a message, or queues it. It waits while too much is queued, until the context ends. After an error nothing of
// the message has been sent.
func (o *outbox) add(ctx context.Context, m message) error {
	begin, err := o.queue(ctx, m, true)
	if begin {
		go o.write()
	}
	return err
}

// hold queues a message as add does, but begins to send it only when too much is queued. Whoever holds messages must flush them
// before it waits for anything; at most one goroutine does.
func (o *outbox) hold(m message) error {
	o.mu.Lock()
	full := len(o.queued) > maxQueued
	o.mu.Unlock()
	if full {
		o.flush()
	}
	_, err := o.queue(context.Background(), m, false)
	return err
}

// flush sends what is held, itself unless somebody else does already.
func (o *outbox) flush() {
	o.mu.Lock()
	begin := len(o.queued) > 0 && !o.busy && !o.closed
	o.busy = o.busy || begin
	o.mu.Unlock()
	if begin {
		o.write()
	}
}

// queue queues a message. It tells whether the caller has to write, which it never has if it does not want to begin.
func (o *outbox) queue(ctx context.Context, m message, wanted bool) (begin bool, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.wait(ctx); err != nil {
		return false, err
	}
	queued, err := m.append(o.queued)
	if err != nil {
		return false, err
	}
	o.queued = queued
	begin = wanted && !o.busy
	o.busy = o.busy || begin
	return begin, nil
}

// wait waits until no more is queued than may be. The lock is held.
func (o *outbox) wait(ctx context.Context) error {
	if len(o.queued) > maxQueued && !o.closed {
		defer context.AfterFunc(ctx, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.room.Broadcast()
		})()
	}
	for len(o.queued) > maxQueued && !o.closed {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.room.Wait()
	}
	if o.closed {
		return net.ErrClosed
	}
	return nil
}

// write writes what is queued until nothing is.
func (o *outbox) write() {
	var spare []byte
	for {
		runtime.Gosched() // who is about to queue something does: a write costs more than most of what it carries
		b := o.take(spare)
		if b == nil {
			return
		}
		if err := o.send(b); err != nil {
			o.close()
		}
		spare = b
		if cap(spare) > bufferBytes {
			spare = nil
		}
	}
}

// take takes what is queued, for which spare then makes room. If that is nothing, nobody writes any more.
func (o *outbox) take(spare []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queued) == 0 || o.closed {
		o.busy = false
		return nil
	}
	b := o.queued
	o.queued = spare[:0]
	o.room.Broadcast()
	return b
}

// send writes to the stream.
func (o *outbox) send(b []byte) error {
	for piece := range slices.Chunk(b, pieceBytes) {
		o.stream.SetWriteDeadline(time.Now().Add(writeLimit))
		if _, err := o.stream.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// close closes the stream.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		o.stream.Close()
		o.room.Broadcast()
	}
}
