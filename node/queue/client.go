package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/wait"
	"picloud/node/web"
	"picloud/node/wire"
)

// Client uses the queue servers of a cloud, which it finds by their presence. It may be used by many goroutines.
type Client struct {
	store     api.Store
	log       *slog.Logger
	transport *http.Transport

	life context.Context // of what goes on behind calls
	end  context.CancelFunc

	mu      sync.Mutex
	idle    *sync.Cond
	behind  int // what goes on behind calls
	servers []presence.Instance
	changed chan struct{} // closed when the servers are others
	turn    int
	queues  map[string]api.Partitions // of each queue, once a server has said so
	asked   time.Time                 // when one was asked last
	rich    []string                  // servers that had more than they were asked for
	stashes map[string][]*stash

	enqueues gatherers[*PlacedJob, Enqueued]
	settles  gatherers[*settling, settled]
}

var (
	_ Source = (*Client)(nil)
	_ Keeper = (*Client)(nil)
)

const (
	// A server is asked to wait so long for jobs. It does not hear of a client that a cut network has taken away, and what it hands to
	// such a one waits until its hold is over.
	pollFor     = 5 * time.Second
	answerLimit = 5 * time.Second // for a server to answer what does not wait
	richLimit   = time.Second     // and if it is known to have jobs, for the answer to be waited for that nobody needs any more
	endLimit    = 2 * time.Second // for what goes on behind calls when the client ends
	pauseAfter  = time.Second     // after a server could not be asked for jobs
	maxAnswer   = 64 << 20        // bytes of an answer: maxReserved jobs fit in
)

// NewClient returns a client, which knows servers while it runs. What ends a job goes straight to the store where its
// server does not answer.
func NewClient(network host.Network, store api.Store, log *slog.Logger) *Client {
	c := &Client{store: store, log: log, changed: make(chan struct{}), stashes: map[string][]*stash{},
		transport: &http.Transport{DialContext: wire.Network{Network: network}.DialContext, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true}}
	c.life, c.end = context.WithCancel(context.Background())
	c.idle = sync.NewCond(&c.mu)
	c.enqueues.send, c.enqueues.size = c.sendJobs, func(j *PlacedJob) int { return len(j.Payload) }
	c.settles.send, c.settles.size = c.sendSettles, (*settling).size
	return c
}

// Run follows which servers there are until the context ends, and then waits some time for what is under way. A job that comes too late to
// be given back waits until its hold is over.
func (c *Client) Run(ctx context.Context) {
	presence.Follow(ctx, c.store, c.log, Service, c.know)
	defer c.end()
	defer time.AfterFunc(endLimit, c.end).Stop()
	c.mu.Lock()
	for c.behind > 0 {
		c.idle.Wait()
	}
	c.mu.Unlock()
	c.transport.CloseIdleConnections()
}

// ask sends a request to a server: a POST, or a GET if nothing goes in. Of an error of kind Unavailable it is known that it
// had no effect.
func (c *Client) ask(ctx context.Context, server, path string, in, out any) error {
	return web.Ask(ctx, c.transport, "ask the queue server", server, path, in, out, maxAnswer)
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
		all.Go(func() { done[i] = c.enqueue(ctx, jobs[i]) })
	}
	all.Wait()
	return done, nil
}

// enqueueTries bounds how often a job is sent that certainly was not enqueued.
const enqueueTries = 4

// enqueue enqueues a job, by the server that will hand it out if that is known.
func (c *Client) enqueue(ctx context.Context, j PlacedJob) (out Enqueued) {
	if p, known := c.partitionsOf(ctx, j.Queue); known {
		if err := j.place(p, nil); err != nil {
			return Enqueued{Error: err}
		}
	}
	for tries := range enqueueTries {
		server := c.ownerOf(j.Partition, tries)
		if server == "" {
			out.Error = api.Errorf(api.Unavailable, "enqueue a job", "", "no queue server is known")
		} else {
			var err error
			if out, err = c.enqueues.of(server, j.Partition).do(ctx, &j); err != nil {
				out.Error = web.AsError(err)
			}
		}
		if api.KindOf(asNil(out.Error)) != api.Unavailable || !wait.For(ctx, 100*time.Millisecond<<tries) {
			break
		}
	}
	return out
}

// asNil keeps an error that is none from looking like one.
func asNil(e *api.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func (c *Client) sendJobs(server string, jobs []*PlacedJob) ([]Enqueued, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit+requestLimit)
	defer cancel()
	in := enqueueCall{Jobs: make([]PlacedJob, len(jobs))}
	for i, j := range jobs {
		in.Jobs[i] = *j
	}
	var out enqueueAnswer
	err := c.ask(ctx, server, "/v1/enqueue", &in, &out)
	return out.Jobs, err
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
