package rpc

import (
	"net"
	"sync"
	"time"
)

// bufferBytes is the size of read buffers, and what a send buffer shrinks to.
const bufferBytes = 32 << 10

// writeLimit is how long the other end may take no bytes.
const writeLimit = 10 * time.Second

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

// add sends a message, or queues it. It waits while too much is queued. After an error nothing of the
// message has been sent.
func (o *outbox) add(m message) error {
	o.mu.Lock()
	for len(o.queued) > maxQueued && !o.closed {
		o.room.Wait()
	}
	if o.closed {
		o.mu.Unlock()
		return net.ErrClosed
	}
	queued, err := m.append(o.queued)
	if err != nil {
		o.mu.Unlock()
		return err
	}
	o.queued = queued
	if o.busy {
		o.mu.Unlock()
		return nil
	}
	o.busy = true
	o.mu.Unlock()
	go o.write()
	return nil
}

// write writes what is queued until nothing is.
func (o *outbox) write() {
	var spare []byte
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queued) > 0 && !o.closed {
		b := o.queued
		o.queued = spare[:0]
		o.room.Broadcast()
		o.mu.Unlock()
		o.stream.SetWriteDeadline(time.Now().Add(writeLimit))
		_, err := o.stream.Write(b)
		if err != nil {
			o.close()
		}
		spare = b
		if cap(spare) > bufferBytes {
			spare = nil
		}
		o.mu.Lock()
	}
	o.busy = false
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
