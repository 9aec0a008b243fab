// Package channel is what passes between a simulated machine's process and the kernel: a block
// of shared memory with a page of words and two areas of frames, one for each direction.
//
// Only one side runs at a time: the word Turn says which. A side fills its area while it runs
// and hands over; the other finds whole frames in the order in which they were sent. So there
// are no locks, and no frame is ever half written when it is read.
package channel

import (
	"encoding/binary"
	"errors"
	"syscall"
)

// Class says which device a frame is for or from.
type Class uint8

// The devices. Each lists its operations in a file of its own in this package.
const (
	ClassProcess Class = iota + 1 // start and end of processes, log lines, records of clients
	ClassNet                      // streams and packets
	ClassDisk                     // files
	ClassBoard                    // hardware
	classEnd
)

// Frame is one message. What ID, A, B and Data mean is said beside each operation.
type Frame struct {
	Class Class
	Op    uint8
	Err   syscall.Errno // zero for success; only replies and notices of failure carry one
	ID    uint64        // the call, stream or file that the frame is about
	A, B  int64
	Data  []byte
}

// HeaderBytes is the size of an encoded frame without its data, which is padded to eight bytes.
const HeaderBytes = 32

// MaxData is the most data a frame may carry: callers cut larger transfers.
const MaxData = 64 << 10

var errMalformed = errors.New("malformed frame")

// Size returns the encoded size of the frame in bytes.
func (f *Frame) Size() int { return HeaderBytes + (len(f.Data)+7)&^7 }

// Append writes the frame at the start of b, which must have room for Size bytes, and returns
// that size.
func (f *Frame) Put(b []byte) int {
	binary.LittleEndian.PutUint32(b, uint32(len(f.Data)))
	b[4], b[5] = byte(f.Class), f.Op
	binary.LittleEndian.PutUint16(b[6:], uint16(f.Err))
	binary.LittleEndian.PutUint64(b[8:], f.ID)
	binary.LittleEndian.PutUint64(b[16:], uint64(f.A))
	binary.LittleEndian.PutUint64(b[24:], uint64(f.B))
	copy(b[HeaderBytes:], f.Data)
	return f.Size()
}

// Take decodes the frame at the start of b and returns it with its encoded size. Data points
// into b: whoever keeps it copies it.
func Take(b []byte) (Frame, int, error) {
	if len(b) < HeaderBytes {
		return Frame{}, 0, errMalformed
	}
	n := int(binary.LittleEndian.Uint32(b))
	f := Frame{
		Class: Class(b[4]),
		Op:    b[5],
		Err:   syscall.Errno(binary.LittleEndian.Uint16(b[6:])),
		ID:    binary.LittleEndian.Uint64(b[8:]),
		A:     int64(binary.LittleEndian.Uint64(b[16:])),
		B:     int64(binary.LittleEndian.Uint64(b[24:])),
	}
	if n > MaxData || len(b) < HeaderBytes+(n+7)&^7 || f.Class == 0 || f.Class >= classEnd {
		return Frame{}, 0, errMalformed
	}
	if n > 0 {
		f.Data = b[HeaderBytes : HeaderBytes+n]
	}
	return f, f.Size(), nil
}

// Guest is a process on a simulated machine, as a device sees it.
type Guest interface {
	// PID tells the process from every other of the run, also from an earlier one of its machine.
	PID() uint64
	// Post puts a frame into the process's mail and wakes it. The frame's data is copied.
	Post(f Frame)
	// PostLazy puts a frame into the process's mail, to be handed over when it next wakes for
	// another reason. The frame's data is copied.
	PostLazy(f Frame)
}

// Port is the kernel as a process on a simulated machine sees it.
type Port interface {
	// Send puts a frame into the mail to the kernel. It goes out when the process next hands
	// over. The frame's data is copied.
	Send(f Frame)
	// Call sends a frame under a fresh ID and waits for the reply with the same class and ID.
	Call(f Frame) Frame
	// Handle says who takes the frames of a class that are not replies to calls. The frame's data
	// is valid during the call only. Handlers run in the mail goroutine and must not block.
	Handle(c Class, take func(Frame))
}

// OpReply marks a reply to a call, in every class: the ID is the call's.
const OpReply = 255
