package storecloud

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"picloud/node/host"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// texts carries out commands on strings over RESP, with the client that applications use.
type texts struct{ databases []*redis.Client }

func newTexts(n host.Network, at []Database) *texts {
	t := &texts{}
	for _, d := range at {
		t.databases = append(t.databases, redis.NewClient(&redis.Options{
			Addr: d.RESP, Dialer: n.DialContext, Protocol: 2, DisableIdentity: true,
			// what it does for others' clouds looks names up in the system's way
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
			PoolSize:                 1, MaxRetries: -1, // a SET that is sent again may take effect after another's
			ReadTimeout: time.Minute, ContextTimeoutEnabled: true,
		}))
	}
	return t
}

// Do runs one command. Attempts that have done nothing are made again while there is time.
func (t *texts) Do(ctx context.Context, c kv.Command) (outcome history.Outcome, result, why string) {
	for {
		db := t.databases[rand.IntN(len(t.databases))]
		result, sent, err := try(ctx, db, &c)
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

// try makes one attempt. Sent tells whether something was sent that may have changed the register.
func try(ctx context.Context, db *redis.Client, c *kv.Command) (result string, sent bool, err error) {
	switch c.Kind {
	case history.Read:
		result, err = text(db.Get(ctx, c.Key))
		return result, false, err
	case history.Write:
		return "", true, db.Set(ctx, c.Key, c.Value, 0).Err()
	case history.Delete:
		return "", true, db.Del(ctx, c.Key).Err()
	}
	err = db.Watch(ctx, func(tx *redis.Tx) (err error) {
		if result, err = text(tx.Get(ctx, c.Key)); err != nil || result != c.Expect {
			return err
		}
		sent = true
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, c.Key, c.Value, 0).Err() })
		return err
	}, c.Key)
	return result, sent, err
}

// text returns a string, the empty one for what is absent.
func text(found *redis.StringCmd) (string, error) {
	s, err := found.Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return s, err
}

// nothingDone tells whether an error of a write says that it had no effect and never will.
func nothingDone(err error) bool {
	var said redis.Error
	return errors.Is(err, redis.TxFailedErr) || errors.As(err, &said) && strings.HasPrefix(said.Error(), "TRYAGAIN")
}
