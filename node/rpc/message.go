package rpc

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"picloud/node/api"
)

// A message is: length of what follows (4 bytes), number of the call (8), and then
//
//	of a request: time left in ms (4), length of the method's name (1), the name, the body
//	of a reply:   1 for a body and 0 for an error (1), the body or the error as JSON
//
// MaxBytes bounds what follows the length.
const MaxBytes = 4 << 20

const (
	callBytes    = 8
	requestBytes = callBytes + 4 + 1
	replyBytes   = callBytes + 1
	maxName      = 255
	maxTimeLeft  = time.Duration(1<<32-1) * time.Millisecond
)

type request struct {
	call   uint64
	left   time.Duration // until the caller gives up
	method string
	body   []byte
}

type reply struct {
	call uint64
	body []byte
	err  *api.Error
}

// errTooLarge says that a message is over MaxBytes.
var errTooLarge = fmt.Errorf("rpc: a message of more than %d bytes", MaxBytes)

func (q *request) append(b []byte) ([]byte, error) {
	n := requestBytes + len(q.method) + len(q.body)
	if n > MaxBytes || len(q.method) > maxName {
		return b, errTooLarge
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint64(b, q.call)
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(q.left, 0), maxTimeLeft)/time.Millisecond))
	b = append(b, byte(len(q.method)))
	b = append(b, q.method...)
	return append(b, q.body...), nil
}

func (p *reply) append(b []byte) ([]byte, error) {
	body, good := p.body, byte(1)
	if p.err != nil {
		var err error
		if body, err = json.Marshal(p.err); err != nil {
			return b, err
		}
		good = 0
	}
	n := replyBytes + len(body)
	if n > MaxBytes {
		return b, errTooLarge
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint64(b, p.call)
	b = append(b, good)
	return append(b, body...), nil
}

// errMalformed says that the other end does not speak as this one does.
var errMalformed = errors.New("rpc: malformed message")

// next reads what follows a length.
func next(r *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxBytes {
		return nil, errTooLarge
	}
	var b []byte
	for left := int(n); left > 0; left = int(n) - len(b) { // memory is taken for what comes, not for what is claimed
		more := min(left, max(len(b), bufferBytes))
		b = append(b, make([]byte, more)...)
		if _, err := io.ReadFull(r, b[len(b)-more:]); err != nil {
			return nil, fmt.Errorf("rpc: in the middle of a message: %w", io.ErrUnexpectedEOF)
		}
	}
	return b, nil
}

// whole tells whether next would not wait.
func whole(r *bufio.Reader) bool {
	if r.Buffered() < 4 {
		return false
	}
	head, err := r.Peek(4)
	return err == nil && r.Buffered()-4 >= int(binary.BigEndian.Uint32(head))
}

func decodeRequest(b []byte) (*request, error) {
	if len(b) < requestBytes || len(b) < requestBytes+int(b[12]) {
		return nil, errMalformed
	}
	name := b[requestBytes:][:b[12]]
	return &request{
		call:   binary.BigEndian.Uint64(b),
		left:   time.Duration(binary.BigEndian.Uint32(b[8:])) * time.Millisecond,
		method: string(name),
		body:   b[requestBytes+len(name):],
	}, nil
}

func decodeReply(b []byte) (*reply, error) {
	if len(b) < replyBytes || b[8] > 1 {
		return nil, errMalformed
	}
	p := &reply{call: binary.BigEndian.Uint64(b), body: b[replyBytes:]}
	if b[8] == 0 {
		p.err = &api.Error{}
		if err := json.Unmarshal(p.body, p.err); err != nil || p.err.Kind == "" {
			return nil, errMalformed
		}
		p.body = nil
	}
	return p, nil
}
