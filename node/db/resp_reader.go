package db

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The limits of commands before a client has said who it is.
const (
	strangerArgs  = 10
	strangerBytes = 16 << 10
)

// mostArgs bounds the arguments of a command.
const mostArgs = 1 << 16

// commandReader reads commands, arrays of bulk strings or plain lines. It takes no more memory than its
// limits say, whatever lengths the client claims.
type commandReader struct {
	in       *bufio.Reader
	maxArgs  int
	maxBytes int // of a command's arguments
}

// protocolError says that what comes is no command. The stream cannot be read on.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// next returns the next command, which has one argument at least.
func (r *commandReader) next() ([][]byte, error) {
	for {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(line, "*") {
			if words := strings.Fields(line); len(words) > 0 {
				return inline(words), nil
			}
			continue
		}
		n, err := strconv.Atoi(line[1:])
		if err != nil || n > r.maxArgs {
			return nil, protocolError("invalid multibulk length")
		}
		if n > 0 {
			return r.bulks(n)
		}
	}
}

func inline(words []string) [][]byte {
	var args [][]byte
	for _, w := range words {
		args = append(args, []byte(w))
	}
	return args
}

// line reads a line, which fits into the buffer, without its end.
func (r *commandReader) line() (string, error) {
	b, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", protocolError("too big inline request")
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(b[:len(b)-1]), "\r"), nil
}

func (r *commandReader) bulks(n int) ([][]byte, error) {
	args, left := make([][]byte, 0, min(n, 64)), r.maxBytes
	for range n {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		size, isBulk := strings.CutPrefix(line, "$")
		if !isBulk {
			return nil, protocolError(fmt.Sprintf("expected '$', got '%.1s'", line))
		}
		length, err := strconv.Atoi(size)
		if err != nil || length < 0 || length > left {
			return nil, protocolError("invalid bulk length")
		}
		left -= length
		arg := make([]byte, length+2)
		if _, err := io.ReadFull(r.in, arg); err != nil {
			return nil, err
		}
		if string(arg[length:]) != "\r\n" {
			return nil, protocolError("invalid bulk length")
		}
		args = append(args, arg[:length:length])
	}
	return args, nil
}
