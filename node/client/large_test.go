package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"picloud/node/api"
)

// TestWhatIsLargeIsToldOrRefused writes more than a message of the store holds, watches it, and reads it at once.
func TestWhatIsLargeIsToldOrRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := newShelf(t, api.Spread([][]string{{"pi-1"}}), "pi-1")
	s.startAll()
	c := s.client()
	const records = 6
	read := &api.Txn{}
	for i := range records {
		key := fmt.Sprint("a/", i)
		if _, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: make([]byte, api.MaxValueBytes)}}}); err != nil {
			t.Fatal(err)
		}
		read.Then = append(read.Then, api.Op{Kind: api.Get, Key: key})
	}
	if all := watch(ctx, t, c, "a", records); len(all) != records {
		t.Errorf("%d events of %d", len(all), records)
	}
	began := time.Now()
	if _, err := c.Txn(ctx, read); api.KindOf(err) != api.TooLarge {
		t.Errorf("read: %v", err)
	}
	write := &api.Txn{Then: append([]api.Op{{Kind: api.Put, Key: "a/new"}}, read.Then...)}
	if _, err := c.Txn(ctx, write); api.KindOf(err) != api.TooLarge {
		t.Errorf("write: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("that was told after %s", took)
	}
	reply, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: "a/new"}}})
	if err != nil || len(reply.Results[0].Records) > 0 {
		t.Errorf("what was refused is there: %v", err)
	}
}
