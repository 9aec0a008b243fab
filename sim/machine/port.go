// Package machine is the inside of a simulated machine: it makes the kernel at the other end of
// the shared block (picloud/sim/channel) into what a node stands on (picloud/node/host).
//
// Invariants: one goroutine takes the mail and never blocks; a frame is written in one piece, so
// that a hand-over never finds half of one; nothing here reaches the real operating system.
package machine

import (
	"fmt"
	"sync"
	"unsafe"

	"picloud/sim/channel"
	"picloud/sim/detrt"
)

// Port is a process's end of the channel to the kernel.
type Port struct {
	block []byte
	mail  []byte // the frames of the mail that is being handled

	mu    sync.Mutex
	calls map[uint64]chan channel.Frame
	next  uint64
	take  [16]func(channel.Frame)
}

// Attach joins this process to the kernel. A process attaches once.
func Attach() (*Port, error) {
	if !detrt.On() {
		return nil, fmt.Errorf("machine: this process does not run on a simulated machine")
	}
	p := &Port{
		block: unsafe.Slice((*byte)(detrt.Block()), channel.Bytes),
		mail:  make([]byte, channel.AreaBytes),
		calls: map[uint64]chan channel.Frame{},
	}
	go p.takeMail()
	return p, nil
}

// Handle says who takes the frames of a class that are not replies to calls.
func (p *Port) Handle(c channel.Class, take func(channel.Frame)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take[c] = take
}

// Send puts a frame into the mail to the kernel.
func (p *Port) Send(f channel.Frame) {
	if len(f.Data) > channel.MaxData {
		panic(fmt.Sprintf("machine: a frame of %d bytes is over the limit of %d", len(f.Data), channel.MaxData))
	}
	var head [channel.HeaderBytes]byte
	data := f.Data
	f.Data = nil
	f.Put(head[:])
	for !p.append(&head, data) {
		detrt.Yield()
	}
}

// Call sends a frame under a fresh ID and waits for the reply.
func (p *Port) Call(f channel.Frame) channel.Frame {
	answer := make(chan channel.Frame, 1)
	p.mu.Lock()
	p.next++
	f.ID = p.next
	p.calls[f.ID] = answer
	p.mu.Unlock()
	p.Send(f)
	return <-answer
}

// append writes a frame behind those that wait for the next hand-over, and tells whether there was
// room. It must not be preempted between reading the length and writing it, so it has no stack
// check and calls nothing.
//
//go:nosplit
func (p *Port) append(head *[channel.HeaderBytes]byte, data []byte) bool {
	n := p.word(channel.OutBytes)
	size := uint64(channel.HeaderBytes + (len(data)+7)&^7)
	if *n+size > channel.AreaBytes {
		return false
	}
	at := p.block[channel.Out+*n : channel.Out+*n+size]
	*(*uint32)(unsafe.Pointer(&head[0])) = uint32(len(data))
	copy(at, head[:])
	copy(at[channel.HeaderBytes:], data)
	*n += size
	return true
}

// takeMail hands the frames of each delivery to their takers.
func (p *Port) takeMail() {
	for {
		b := p.fetch()
		if b == nil {
			detrt.MailWait()
			continue
		}
		for len(b) > 0 {
			f, n, err := channel.Take(b)
			if err != nil {
				panic("machine: the kernel sent a malformed frame")
			}
			b = b[n:]
			p.dispatch(f)
		}
	}
}

// fetch moves the mail out of the shared block. It must not be preempted, see append.
//
//go:nosplit
func (p *Port) fetch() []byte {
	n := p.word(channel.InBytes)
	if *n == 0 {
		return nil
	}
	b := p.mail[:*n]
	copy(b, p.block[channel.In:])
	*n = 0
	return b
}

func (p *Port) dispatch(f channel.Frame) {
	p.mu.Lock()
	take := p.take[f.Class]
	var answer chan channel.Frame
	if f.Op == channel.OpReply {
		answer = p.calls[f.ID]
		delete(p.calls, f.ID)
	}
	p.mu.Unlock()
	switch {
	case answer != nil:
		f.Data = append([]byte(nil), f.Data...)
		answer <- f
	case f.Op != channel.OpReply && take != nil:
		take(f)
	}
}

//go:nosplit
func (p *Port) word(w channel.Word) *uint64 {
	return (*uint64)(unsafe.Pointer(&p.block[w]))
}
