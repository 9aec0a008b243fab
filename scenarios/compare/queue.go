package compare

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/node/queue"
	"picloud/scenarios/compare/load"
	"picloud/scenarios/shelf"
)

// Queue is the comparison of the work queues with NATS' JetStream and beanstalkd: jobs are put, taken, and done at once.
type Queue struct {
	Program      string // picloud, which our nodes run
	NATS         string // what NATS().Build has built
	Connections  int
	Loops        int // jobs under way at one time
	PayloadBytes int
	Groups       int // of our store
	Copies       int // that ours keeps, each on a node of its own
	Partitions   int // of our queue
}

// Contest returns the comparison. Beanstalkd must be installed.
func (c *Queue) Contest() (*Contest, error) {
	if c.PayloadBytes < load.LeastPayload {
		return nil, fmt.Errorf("compare: jobs of %d bytes, each has at least %d", c.PayloadBytes, load.LeastPayload)
	}
	if c.Copies < 1 || c.Copies > len(nodes()) {
		return nil, fmt.Errorf("compare: %d copies of jobs, it must be 1 to %d", c.Copies, len(nodes()))
	}
	path, err := installed("beanstalkd")
	if err != nil {
		return nil, err
	}
	return &Contest{Name: "queue", Durable: true, About: map[string]string{
		"request":    fmt.Sprintf("a job, from when it is put until it is done: %d at one time, put by %d clients, with as many workers, which are done with it at once", c.Loops, c.Connections),
		"payload":    fmt.Sprintf("%d bytes", c.PayloadBytes),
		"ours":       fmt.Sprintf("nodes with store and queue: %d, each with a copy; syncs; %d groups; the queue has %d partitions", c.Copies, c.Groups, c.Partitions),
		"nats":       NATS().Version + ", three servers, a work queue stream with three replicas, sync_interval: always; acknowledgements are acknowledged",
		"beanstalkd": version(path, "-v") + ", one server, not replicated; -f 0, a sync for each write",
	}, Contestants: []Contestant{{Ours, c.ours}, {"nats", c.nats}, {"beanstalkd", func(folder string) (*Entry, error) { return c.beanstalkd(path, folder) }}}}, nil
}

// benchQueue is the queue that is loaded.
const benchQueue = "bench"

func (c *Queue) ours(folder string) (*Entry, error) {
	names := nodes()[:c.Copies]
	p, err := shelf.FindPlace(names, 3)
	if err != nil {
		return nil, err
	}
	configs := map[string]node.Config{}
	for _, name := range names {
		configs[name] = node.Config{Nodes: names, StorePort: p.Ports[0], HTTP: p.Ports[1], Store: &node.Store{Groups: groups(c.Groups, names)},
			Queue: &node.Queue{Port: p.Ports[2], Queues: []node.WorkQueue{{Name: benchQueue, Namespace: "bench", Partitions: c.Partitions}}}}
	}
	servers, err := ourNodes(c.Program, folder, p, configs)
	return &Entry{servers, c.load(p, c.Program, "bench", "-drive", "queue")}, err
}

func (c *Queue) load(p shelf.Place, command ...string) func(load.Span) ([]string, any) {
	return func(s load.Span) ([]string, any) {
		return command, load.JobsConfig{Span: s, Addresses: p.Addresses, Port: p.Ports[0], Connections: c.Connections, Loops: c.Loops,
			Workers: c.Loops / c.Connections, PayloadBytes: c.PayloadBytes}
	}
}

// DriveQueue loads our queue, as another process says on standard input.
func DriveQueue(ctx context.Context) error { return load.Main(ctx, load.Queues(openQueue)) }

func openQueue(c load.JobsConfig) (load.Queue, error) {
	network := &host.RealNetwork{Names: c.Addresses}
	s, err := client.New(network, client.Config{Nodes: slices.Sorted(maps.Keys(c.Addresses)), Port: c.Port})
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	q := &ourQueue{store: s, client: queue.NewClient(network, s, slog.New(slog.DiscardHandler)), end: end,
		wanted: make(chan struct{}, c.Workers), jobs: make(chan *queue.Delivery, c.Workers)}
	q.all.Go(func() { q.client.Run(ctx) })
	q.all.Go(func() { q.fetch(ctx, c.Workers) })
	return q, nil
}

// ourQueue is our queue as the load sees it. As a node that runs functions does, it asks for as many jobs as it has workers
// that are free.
type ourQueue struct {
	store  *client.Client
	client *queue.Client
	end    context.CancelFunc
	all    sync.WaitGroup
	wanted chan struct{}
	jobs   chan *queue.Delivery
}

func (q *ourQueue) fetch(ctx context.Context, workers int) {
	free := 0
	for ctx.Err() == nil {
		if free == 0 {
			select {
			case <-q.wanted:
				free++
			case <-ctx.Done():
				return
			}
		}
		for more := true; more; {
			select {
			case <-q.wanted:
				free++
			default:
				more = false
			}
		}
		got, err := q.client.Reserve(ctx, []string{benchQueue}, free, 0)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
		}
		for _, d := range got {
			free--
			q.jobs <- d
		}
	}
}

func (q *ourQueue) Put(ctx context.Context, payload []byte) error {
	done, err := q.client.Enqueue(ctx, queue.PlacedJob{Job: queue.Job{Queue: benchQueue, Kind: "job", Payload: payload}})
	if err == nil && done[0].Error != nil {
		err = done[0].Error
	}
	return err
}

func (q *ourQueue) Take(ctx context.Context) (load.Job, error) {
	select {
	case q.wanted <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case d := <-q.jobs:
		return ourJob{d}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *ourQueue) Close() error {
	q.end()
	q.all.Wait()
	q.store.Close()
	return nil
}

type ourJob struct{ *queue.Delivery }

func (j ourJob) Payload() []byte { return j.Job.Payload }

func (j ourJob) Done(ctx context.Context) error { return j.Delivery.Done(ctx, nil, []api.Op(nil), nil) }

func (c *Queue) beanstalkd(path, folder string) (*Entry, error) {
	p, err := shelf.FindPlace([]string{"beanstalkd"}, 1)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return nil, err
	}
	server := Server{Name: "beanstalkd", Serve: serve(path, "-l", p.Addresses["beanstalkd"], "-p", p.Ports[0], "-b", data, "-f", "0")}
	return &Entry{[]Server{server}, c.load(p, c.Program, "bench", "-drive", "beanstalkd")}, nil
}

// nats is a cluster of NATS servers.
func (c *Queue) nats(folder string) (*Entry, error) {
	p, err := shelf.FindPlace(nodes(), 2)
	if err != nil {
		return nil, err
	}
	var routes []string
	for _, name := range nodes() {
		routes = append(routes, fmt.Sprintf("%q", "nats-route://"+net.JoinHostPort(p.Addresses[name], p.Ports[1])))
	}
	entry := &Entry{Load: c.load(p, c.NATS, "drive")}
	for _, name := range nodes() {
		file := filepath.Join(folder, name+".conf")
		config := fmt.Sprintf(`server_name: %s
listen: %q
jetstream {store_dir: %q, sync_interval: always}
cluster {name: bench, listen: %q, routes: [%s]}
`, name, net.JoinHostPort(p.Addresses[name], p.Ports[0]), filepath.Join(folder, name), net.JoinHostPort(p.Addresses[name], p.Ports[1]), strings.Join(routes, ", "))
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			return nil, err
		}
		entry.Servers = append(entry.Servers, Server{Name: name, Serve: serve(c.NATS, file)})
	}
	return entry, nil
}
