package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/wait"
	"picloud/node/wire"
)

// Client uses the queue servers of a cloud, which it finds by their presence. It may be used by many goroutines.
type Client struct {
	store     api.Store
	log       *slog.Logger
	transport *http.Transport
	enqueues  *gatherer[*PlacedJob, Enqueued]

	mu      sync.Mutex
	idle    *sync.Cond
	behind  int                                      // what goes on behind calls
	settles map[string]*gatherer[*settling, settled] // by the server's address
	servers []string                                 // addresses of those that want something new
	changed chan struct{}                            // closed when they are others
	rich    []string                                 // those that had more than they were asked for
	turn    int
}

var (
	_ Source = (*Client)(nil)
	_ Keeper = (*Client)(nil)
)

const (
	pollFor     = 20 * time.Second // how long a server is asked to wait for jobs
	answerLimit = 5 * time.Second  // for a server to answer what does not wait
	pauseAfter  = time.Second      // after a server could not be asked for jobs
	maxAnswer   = 64 << 20         // bytes of an answer: maxReserved jobs fit in
)

// NewClient returns a client, which knows servers while it runs. What ends a job goes straight to the store where its
// server does not answer.
func NewClient(network host.Network, store api.Store, log *slog.Logger) *Client {
	c := &Client{store: store, log: log, changed: make(chan struct{}), settles: map[string]*gatherer[*settling, settled]{},
		transport: &http.Transport{DialContext: wire.Network{Network: network}.DialContext, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true}}
	c.enqueues = &gatherer[*PlacedJob, Enqueued]{send: c.sendJobs, size: func(j *PlacedJob) int { return len(j.Payload) }}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// Run follows which servers there are until the context ends, and then waits for what is under way.
func (c *Client) Run(ctx context.Context) {
	presence.Follow(ctx, c.store, c.log, Service, c.know)
	c.mu.Lock()
	for c.behind > 0 {
		c.idle.Wait()
	}
	c.mu.Unlock()
	c.transport.CloseIdleConnections()
}

func (c *Client) know(list []presence.Instance) {
	var servers []string
	for _, i := range list {
		if !i.Draining {
			servers = append(servers, i.Address)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers, c.rich = servers, nil
	close(c.changed)
	c.changed = make(chan struct{})
}

// known returns the servers there are, beginning with another one each time, and what is closed when they change.
func (c *Client) known() ([]string, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.servers)
	if n == 0 {
		return nil, c.changed
	}
	c.turn++
	at := c.turn % n
	return append(slices.Clone(c.servers[at:]), c.servers[:at]...), c.changed
}

// ask sends a request to a server. Of an error of kind Unavailable it is known that it had no effect.
func (c *Client) ask(ctx context.Context, server, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	doing, subject := "ask the queue server", server+path
	answer, err := c.transport.RoundTrip(r)
	if err != nil {
		return api.Errorf(kindOf(err), doing, subject, "%s", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return api.Errorf(api.Unknown, doing, subject, "%s", err)
	}
	if answer.StatusCode != http.StatusOK {
		e := &api.Error{}
		if json.Unmarshal(data, e) != nil || e.Kind == "" {
			return api.Errorf(api.Unknown, doing, subject, "it answers with status %d", answer.StatusCode)
		}
		return e
	}
	if err := json.Unmarshal(data, out); err != nil {
		return api.Errorf(api.Unknown, doing, subject, "%s", err)
	}
	return nil
}

// kindOf says of an error of the transport whether the request certainly was not sent, as the server was not reached.
func kindOf(err error) api.Kind {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return api.Unavailable
	}
	return api.Unknown
}

// Enqueue enqueues jobs, and returns what came of each in their order. Where the kind of an error is Unknown it may have
// been enqueued.
func (c *Client) Enqueue(ctx context.Context, jobs ...PlacedJob) ([]Enqueued, error) {
	for i := range jobs {
		if err := jobs[i].Validate(); err != nil {
			return nil, api.Errorf(api.BadRequest, "enqueue a job", fmt.Sprintf("jobs[%d]", i), "%s", err)
		}
	}
	done := make([]Enqueued, len(jobs))
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() {
			out, err := c.enqueues.do(ctx, &jobs[i])
			if err != nil {
				out.Error = asError(err)
			}
			done[i] = out
		})
	}
	all.Wait()
	return done, nil
}

// sendJobs has some server enqueue jobs.
func (c *Client) sendJobs(jobs []*PlacedJob) ([]Enqueued, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit+requestLimit)
	defer cancel()
	in := enqueueCall{}
	for _, j := range jobs {
		in.Jobs = append(in.Jobs, *j)
	}
	for tries := 0; ; tries++ {
		servers, _ := c.known()
		err := error(api.Errorf(api.Unavailable, "enqueue jobs", "", "no queue server is known"))
		for _, server := range servers {
			var out enqueueAnswer
			if err = c.ask(ctx, server, "/v1/enqueue", &in, &out); err == nil {
				return out.Jobs, nil
			}
			if api.KindOf(err) != api.Unavailable {
				return nil, err
			}
		}
		if tries == 3 || !wait.For(ctx, 100*time.Millisecond<<tries) {
			return nil, err
		}
	}
}

// goOn does something behind a call, which Run waits for.
func (c *Client) goOn(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind++
	go func() {
		do()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.behind--
		c.idle.Broadcast()
	}()
}
