package db

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"picloud/node/wait"
	"picloud/node/web"
)

// pipelined bounds how many commands of a connection are under way or wait to be sent their replies.
const pipelined = 32

// errScript says that a browser was led to talk to this port.
const errScript = protocolError("a HTTP request, no command")

// pending is a command's reply, once done is closed.
type pending struct {
	done  chan struct{}
	reply any
}

// ServeRESP serves the connections of a listener until the context ends, which is no error. It closes the
// listener, and returns when all connections are closed.
func (d *DB) ServeRESP(ctx context.Context, listener net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		stream, err := wait.Accept(ctx, listener, func(err error) { d.log.Error("a connection was not accepted", "protocol", "resp", "error", err) })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("db: serve RESP: %w", err)
		}
		all.Go(func() { d.serveConnection(ctx, stream) })
	}
}

// serveConnection reads commands and sends replies in the order of the commands.
func (d *DB) serveConnection(ctx context.Context, stream net.Conn) {
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() })
	defer stop()
	s := &session{db: d, id: d.connections.Add(1), in: &commandReader{in: bufio.NewReaderSize(stream, strangerBytes), maxArgs: strangerArgs, maxBytes: strangerBytes}}
	s.stream = stream
	if d.open() {
		s.welcome(everybody())
	} else {
		_ = stream.SetReadDeadline(time.Now().Add(d.config.Timeout)) // if that fails, so does the first read
	}
	replies := make(chan *pending, pipelined)
	var sender sync.WaitGroup
	sender.Go(func() { send(stream, replies) })
	defer sender.Wait()
	defer close(replies)
	l := &line{ctx: ctx, session: s, replies: replies, last: map[string]*pending{}}
	defer l.under.Wait()
	for !s.closed {
		args, err := s.in.next()
		if err == nil && s.db.commands[string(bytes.ToLower(args[0]))] == nil && isHTTP(args[0]) {
			err = errScript
		}
		var broken protocolError
		if errors.As(err, &broken) {
			l.answer(respError("ERR " + broken.Error()))
		}
		if err != nil {
			return
		}
		l.take(args)
	}
}

func isHTTP(word []byte) bool {
	return bytes.EqualFold(word, []byte("post")) || bytes.EqualFold(word, []byte("host:"))
}

// send sends replies as they are done, many with one write if they are.
func send(stream net.Conn, replies <-chan *pending) {
	const enough = 64 << 10
	var b []byte
	flush := func() {
		_ = stream.SetWriteDeadline(time.Now().Add(web.Patience))
		if _, err := stream.Write(b); err != nil {
			_ = stream.Close() // the reader ends then, and what is under way is done for nobody
		}
		if b = b[:0]; cap(b) > enough {
			b = nil
		}
	}
	for p := range replies {
		select {
		case <-p.done:
		default:
			if len(b) > 0 {
				flush() // what is done does not wait for what is not
			}
			<-p.done
		}
		if b = appendReply(b, p.reply); len(replies) == 0 || len(b) > enough {
			flush()
		}
	}
}
