package db

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"picloud/node/wait"
	"picloud/node/web"
)

// pipelined bounds how many commands of a connection are under way or wait to be sent their replies.
const pipelined = 32

// parting is how long what a client goes on sending is read when the server stops.
const parting = 100 * time.Millisecond

// errScript says that a browser was led to talk to this port.
const errScript = protocolError("a HTTP request, no command")

// pending is a command's reply, once done is closed.
type pending struct {
	done  chan struct{}
	reply any
}

// stages are contexts that end one after another when the server stops.
type stages struct {
	takes   context.Context // commands
	works   context.Context // on those that it has taken
	answers context.Context // them
}

// ServeRESP serves the connections of a listener until the context ends, which is no error. Then it closes the
// listener and takes no more commands. Those under way are brought to an end and answered, as far as that takes no
// longer than HTTP may, and it returns when all connections are closed.
func (d *DB) ServeRESP(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	works, end := after(ctx, web.StopLimit)
	defer end()
	answers, hangUp := after(ctx, web.StopLimit+web.LastAnswer)
	defer hangUp()
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		stream, err := wait.Accept(ctx, listener, func(err error) { d.log.Error("a connection was not accepted", "protocol", "resp", "error", err) })
		if ctx.Err() != nil {
			if err == nil {
				_ = stream.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("db: serve RESP: %w", err)
		}
		all.Go(func() { d.serveConnection(stages{ctx, works, answers}, stream) })
	}
}

// after returns a context that ends some time after another one.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		wait.For(longer, d)
		end()
	})
	return longer, func() { stop(); end() }
}

// serveConnection reads commands and sends replies in the order of the commands.
func (d *DB) serveConnection(until stages, stream net.Conn) {
	defer stream.Close()
	hangUp := context.AfterFunc(until.answers, func() { _ = stream.Close() })
	defer hangUp()
	s := &session{db: d, id: d.connections.Add(1), in: &commandReader{in: bufio.NewReaderSize(stream, strangerBytes), maxArgs: strangerArgs, maxBytes: strangerBytes}}
	s.stream = stream
	if d.open() {
		s.welcome(everybody())
	} else {
		_ = stream.SetReadDeadline(time.Now().Add(d.config.Timeout)) // if that fails, so does the first read
	}
	stop := context.AfterFunc(until.takes, func() { _ = stream.SetReadDeadline(time.Now()) }) // who reads returns
	defer stop()
	replies := make(chan *pending, pipelined)
	var sender sync.WaitGroup
	sender.Go(func() { send(stream, replies) })
	defer func() {
		close(replies)
		if sender.Wait(); until.takes.Err() != nil {
			part(stream)
		}
	}()
	l := &line{ctx: until.works, session: s, replies: replies, last: map[string]*pending{}}
	defer l.under.Wait()
	for !s.closed && until.takes.Err() == nil { // AUTH takes the stream's deadline away
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

// part lets a client take what it was sent. A stream that is closed with commands unread is reset, and replies that the
// client has not read are lost with it.
func part(stream net.Conn) {
	if half, is := stream.(interface{ CloseWrite() error }); is {
		_ = half.CloseWrite() // so that it hangs up
	}
	_ = stream.SetReadDeadline(time.Now().Add(parting)) // if that fails, so does the read
	_, _ = io.Copy(io.Discard, stream)
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
