package storecloud

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"picloud/node/host"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// texts carries out commands on strings over RESP.
type texts struct {
	network   host.Network
	databases []Database
	open      []redis.Conn // to each database, nil if there is none
}

func newTexts(n host.Network, at []Database) *texts {
	return &texts{network: n, databases: at, open: make([]redis.Conn, len(at))}
}

// Do runs one command. Attempts that have done nothing are made again while there is time; what may have changed
// something is not sent again, as it might take effect after another client's.
func (t *texts) Do(ctx context.Context, c kv.Command) (outcome history.Outcome, result, why string) {
	for {
		result, sent, err := t.attempt(ctx, rand.IntN(len(t.databases)), &c)
		switch {
		case err == nil:
			return history.OK, result, ""
		case sent && !nothingDone(err):
			return history.Unknown, "", err.Error()
		case !pause(ctx):
			return history.Failed, "", err.Error()
		}
	}
}

// attempt makes one attempt with one of the databases. Sent tells whether something was sent that may have changed
// the register. A connection on which something went wrong is not used again: it may still watch something.
func (t *texts) attempt(ctx context.Context, n int, c *kv.Command) (result string, sent bool, err error) {
	if t.open[n] == nil {
		if t.open[n], err = redis.DialContext(ctx, "tcp", t.databases[n].RESP, redis.DialContextFunc(
			func(ctx context.Context, network, address string) (net.Conn, error) {
				return t.network.DialContext(ctx, network, address)
			})); err != nil {
			return "", false, err
		}
	}
	result, sent, err = try(texting{t.open[n], ctx}, c)
	if err != nil {
		t.open[n].Close()
		t.open[n] = nil
	}
	return result, sent, err
}

// texting is a connection in the time of a context.
type texting struct {
	redis.Conn
	ctx context.Context
}

// do sends a command and waits for the reply to it.
func (t texting) do(command string, args ...any) (any, error) {
	left := time.Minute
	if end, is := t.ctx.Deadline(); is {
		left = max(time.Until(end), time.Millisecond)
	}
	return redis.DoWithTimeout(t.Conn, left, command, args...)
}

func (t texting) get(key string) (string, error) {
	s, err := redis.String(t.do("GET", key))
	if errors.Is(err, redis.ErrNil) {
		err = nil // what is absent has the empty value
	}
	return s, err
}

func try(t texting, c *kv.Command) (result string, sent bool, err error) {
	switch c.Kind {
	case history.Read:
		result, err = t.get(c.Key)
		return result, false, err
	case history.Write:
		_, err = t.do("SET", c.Key, c.Value)
		return "", true, err
	case history.Delete:
		_, err = t.do("DEL", c.Key)
		return "", true, err
	}
	if _, err = t.do("WATCH", c.Key); err != nil {
		return "", false, err
	}
	if result, err = t.get(c.Key); err != nil {
		return "", false, err
	}
	if result != c.Expect {
		_, err = t.do("UNWATCH")
		return result, false, err
	}
	if err = errors.Join(t.Send("MULTI"), t.Send("SET", c.Key, c.Value)); err != nil {
		return "", false, err
	}
	done, err := t.do("EXEC")
	if err == nil && done == nil {
		err = errChanged
	}
	return result, true, err
}

// errChanged says that a watched key has changed.
var errChanged = errors.New("what was watched has changed")

// nothingDone tells whether an error of a write says that it had no effect and never will.
func nothingDone(err error) bool {
	var said redis.Error
	return errors.Is(err, errChanged) || errors.As(err, &said) && strings.HasPrefix(said.Error(), "TRYAGAIN")
}
