package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
)

// TestWhatIsReadIsOneState reads while one state takes the other's place, again and again. In each all records have the same value, and its history
// has that many revisions.
func TestWhatIsReadIsOneState(t *testing.T) {
	const keys = 60
	var read api.Txn
	var copies [2][]byte
	for i := range copies {
		commands := []Command{{Kind: OpenSession}}
		for k := range keys {
			put := api.Op{Kind: api.Put, Key: fmt.Sprintf("a/%d", k), Value: fmt.Append(nil, i)}
			commands = append(commands, Command{Kind: RunTxn, Request: api.Request{Session: 1, Sequence: uint64(len(commands)), Txn: api.Txn{Then: []api.Op{put}}}})
			if i == 0 {
				read.Then = append(read.Then, api.Op{Kind: api.Get, Key: put.Key})
			}
		}
		s := applied(t, vfs.NewMem(), 1, entries(t, commands))
		copies[i] = copyOf(t, s)
		s.db.Close()
	}
	fs := vfs.NewMem()
	s := applied(t, fs, 1, nil)
	defer s.db.Close()
	replace := func(i int) {
		if err := s.Replace(bytes.NewReader(copies[i%2]), fs, "incoming", nil); err != nil {
			t.Error(err)
		}
	}
	replace(0)
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for name, look := range map[string]func() error{
		"a read": func() error {
			reply, err := s.Read(&read)
			if err != nil {
				return err
			}
			for _, result := range reply.Results {
				if len(result.Records) != 1 || !bytes.Equal(result.Records[0].Value, reply.Results[0].Records[0].Value) {
					return fmt.Errorf("one key has %v and another %v", reply.Results[0].Records, result.Records)
				}
			}
			return nil
		},
		"events": func() error {
			events, next, err := s.Events(1, 10*keys)
			if err == nil && (len(events) != keys || next != keys+1) {
				err = fmt.Errorf("%d of %d events, and to be gone on from %d", len(events), keys, next)
			}
			return err
		},
		"a scrub": func() error { return s.Scrub(ctx) },
		"a copy": func() error {
			var b bytes.Buffer
			c, err := s.Copy()
			if err == nil {
				_, err = c.WriteTo(&b)
				err = errors.Join(err, c.Close())
			}
			if errors.Is(err, errReplaced) {
				return nil
			}
			if whole := b.Bytes(); err == nil && !bytes.Equal(whole, copies[0]) && !bytes.Equal(whole, copies[1]) {
				err = errors.New("it is neither state")
			}
			return err
		},
	} {
		readers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := look(); err != nil && ctx.Err() == nil {
					t.Errorf("%s, the %dth: %v", name, n, err)
					return
				}
			}
		})
	}
	for i := range 60 {
		replace(i)
	}
	cancel()
	readers.Wait()
}
