package db

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"picloud/node/api"
	"picloud/node/web"
)

// change is an event as JSON.
type change struct {
	Kind     api.EventKind `json:"kind"`
	Revision uint64        `json:"revision"`
	Key      string        `json:"key"`
	Document *document     `json:"document,omitempty"` // as it is now, if it is there
}

type changeList struct {
	Events []*change `json:"events"`
	Next   uint64    `json:"next"` // the revision to go on from
}

// probe is how long a stream waits for its first event before it begins, so that a feed that cannot begin
// is refused with a status.
const probe = 100 * time.Millisecond

// mostFeeds is how many feeds a node has open at one time. Each has a call under way that waits at a node of the store, which takes
// 1024 calls of a node, and all that the node asks for itself is among them.
const mostFeeds = 512

// feed serves a change feed if there is room for one more. It ends when the server stops.
func (d *DB) feed(e *endpoint, c *call) error {
	defer d.feeds.Add(-1)
	if d.feeds.Add(1) > mostFeeds {
		return api.Errorf(api.Unavailable, "open a change feed", "", "this node has %d open, which is the most", mostFeeds)
	}
	d.metrics.watchers.Inc()
	defer d.metrics.watchers.Dec()
	ctx, cancel := web.UntilStop(c.r.Context())
	defer cancel()
	return e.serve(ctx, c)
}

// changes serves the change feed: one long poll, or a stream for those who accept one.
func (d *DB) changes(ctx context.Context, c *call) error {
	s := span{Prefix: c.r.URL.Query().Get("prefix")}
	key, end, err := s.bounds(c.namespace)
	if err != nil {
		return err
	}
	w := &api.Watch{Key: key, End: end}
	if w.From, err = c.number("from", 1<<63); err != nil {
		return err
	}
	wait, err := c.period("wait")
	if err != nil {
		return err
	}
	if wait == 0 || wait > d.config.MaxWait {
		wait = d.config.MaxWait
	}
	stream := strings.Contains(c.r.Header.Get("Accept"), "text/event-stream")
	if last := c.r.Header.Get("Last-Event-ID"); stream && last != "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return api.Errorf(api.BadRequest, "read the header", "Last-Event-ID", "it is a revision, not %.20q", last)
		}
		w.From = n + 1
	}
	if w.From == 0 { // from now on; now is before the client sees the reply begin
		if w.From, err = d.now(ctx, key); err != nil {
			return err
		}
	}
	if stream {
		return d.stream(ctx, c, w, wait)
	}
	events, err := d.events(ctx, w, wait)
	if err != nil {
		return err
	}
	return c.answer(changeList{changesOf(c.namespace, events), events.Next})
}

// now returns the revision that comes next.
func (d *DB) now(ctx context.Context, key string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	reply, err := d.run(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: key}}})
	if err != nil {
		return 0, err
	}
	return reply.Revision + 1, nil
}

// events waits for the next events.
func (d *DB) events(ctx context.Context, w *api.Watch, wait time.Duration) (*api.Events, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	events, err := d.store.Events(ctx, w)
	if err != nil {
		return nil, api.ReadError(err)
	}
	return events, nil
}

func changesOf(ns string, events *api.Events) []*change {
	list := []*change{}
	for i := range events.Events {
		e := &events.Events[i]
		next := &change{Kind: e.Kind, Revision: e.Revision, Key: e.Record.Key[len(ns)+1:]}
		if e.Kind == api.Changed {
			next.Document = documentOf(ns, &e.Record)
		}
		list = append(list, next)
	}
	return list
}

// stream sends events until the client goes away or the feed fails. Only the last event of a revision
// has its id, so that a client that was cut off within a revision gets all of it again. While nothing
// happens to the range, ids go on by themselves, so that they do not become too old to go on from.
func (d *DB) stream(ctx context.Context, c *call, w *api.Watch, wait time.Duration) error {
	out := http.NewResponseController(c.w)
	flush := func(text string) error {
		if err := out.SetWriteDeadline(time.Now().Add(web.Patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := c.w.Write([]byte(text)); err != nil {
			return err
		}
		return out.Flush()
	}
	events, err := d.events(ctx, w, probe)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	for ctx.Err() == nil {
		text, err := eventText(changesOf(c.namespace, events))
		if err != nil {
			return errors.Join(errAnswered, err)
		}
		if len(events.Events) == 0 {
			text = fmt.Sprintf("id: %d\n\n", events.Next-1)
		}
		if flush(text) != nil {
			return nil // the client went away
		}
		w.From = events.Next
		if events, err = d.events(ctx, w, wait); err != nil {
			body, _ := web.AsJSON(web.AsError(err))
			_ = flush("event: error\ndata: " + string(body) + "\n")
			return errors.Join(errAnswered, err)
		}
	}
	return nil
}

func eventText(list []*change) (string, error) {
	var b strings.Builder
	for i, e := range list {
		body, err := web.AsJSON(e)
		if err != nil {
			return "", err
		}
		if i+1 == len(list) || list[i+1].Revision != e.Revision {
			fmt.Fprintf(&b, "id: %d\n", e.Revision)
		}
		fmt.Fprintf(&b, "event: %s\ndata: %s\n", e.Kind, body)
	}
	return b.String(), nil
}
