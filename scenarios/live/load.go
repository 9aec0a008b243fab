package live

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host"
	"picloud/reports"
	"picloud/scenarios"
	"picloud/scenarios/checks"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
	"picloud/scenarios/shelf"
	"picloud/scenarios/storecloud"
)

// The machines of the clients, as the scenario names them: the first changes what there is, the second watches
// for as long as something may change, and reads. What is read at the end is read by the second too.
const (
	worker  = "client-1"
	watcher = "client-2"
)

// load has clients work while nodes are killed, and on until there is enough to judge.
func (r *run) load(ctx context.Context, p shelf.Place) error {
	working, stopWork := context.WithCancel(ctx)
	watching, stopWatch := context.WithCancel(ctx)
	defer stopWork()
	defer stopWatch()
	work, watch := r.clients(p), r.clients(p)
	work.Watchers = 0
	watch.First, watch.Count, watch.Appenders = work.Count+work.Appenders, 1, 0
	watch.Weights = map[string]int{string(history.Read): 1}
	var workers, watchers sync.WaitGroup
	var failed [3]error
	workers.Go(func() { failed[0] = storecloud.Clients(working, r.host(worker, p), work, r.seen.add) })
	watchers.Go(func() { failed[1] = storecloud.Clients(watching, r.host(watcher, p), watch, r.seen.add) })
	err := r.breakAll(ctx, p)
	if err = errors.Join(err, r.heal()); err != nil {
		stopWork()
		stopWatch()
		workers.Wait()
		watchers.Wait()
		return err
	}
	r.wait(ctx, r.end(), r.served)
	stopWork()
	workers.Wait()
	failed[2] = r.readAll(ctx, p, watch.First+watch.Count)
	r.wait(ctx, r.end(), r.told)
	stopWatch()
	watchers.Wait()
	return errors.Join(failed[:]...)
}

// end is when a run ends that does not end by itself.
func (r *run) end() time.Duration { return time.Duration(r.scenario.Duration) }

// served says whether clients are served again after the last kill.
func (r *run) served() bool {
	want := r.scenario.Checks.Live
	return checks.Live(r.seen.history(), checks.Liveness{
		From: r.scenario.HealedAt() + time.Duration(want.After), To: r.end(),
		Within: time.Duration(want.Within), SharePPM: int64(want.Share), Minimum: want.Minimum,
	}).Status == reports.Pass
}

// told says whether the watchers were told of all that was read.
func (r *run) told() bool {
	return checks.Watched(checks.ToldIn(r.log.bytes()), r.seen.history(), 1).Status == reports.Pass
}

// readAll reads every key and every list once more, each until it succeeds. Nobody changes them any more.
func (r *run) readAll(ctx context.Context, p shelf.Place, number int) error {
	h := r.host(watcher, p)
	store, err := client.New(h.Network, client.Config{Nodes: r.nodes(), Port: p.Ports[0]})
	if err != nil {
		return err
	}
	defer store.Close()
	registers := storecloud.Registers(h, store, r.databases(p))
	for _, o := range reads(r.seen.history()) {
		o.Client = number
		r.wait(ctx, r.end(), func() bool {
			read := r.read(ctx, store, registers, o)
			r.seen.add(read)
			return read.Outcome == history.OK
		})
	}
	return nil
}

// reads returns the reads of all that stands in a history: keys, and lists as transactions.
func reads(h history.History) []history.Operation {
	found := map[string]history.Operation{}
	for i := range h {
		o := &h[i]
		if o.Kind != history.Txn {
			found[o.Key] = history.Operation{Kind: history.Read, Key: o.Key}
		}
		for _, s := range o.Steps {
			found[s.Key] = history.Operation{Kind: history.Txn, Key: o.Key, Steps: []history.Step{{Key: s.Key}}}
		}
	}
	var all []history.Operation
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[name])
	}
	return all
}

// read does one of these reads.
func (r *run) read(ctx context.Context, store api.Store, registers kv.Cloud, o history.Operation) history.Operation {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.scenario.Clients.Timeout))
	defer cancel()
	o.Call = r.now()
	if o.Kind == history.Read {
		o.Outcome, o.Result, o.Error = registers.Do(ctx, kv.Command{Kind: history.Read, Key: o.Key})
		o.Return = r.now()
		return o
	}
	list := o.Steps[0].Key
	reply, err := store.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Get, Key: list}}})
	if o.Return = r.now(); err != nil {
		o.Outcome, o.Error = history.Failed, err.Error() // a read has no effect
		return o
	}
	o.Outcome = history.OK
	for _, rec := range reply.Results[0].Records {
		o.Steps = []history.Step{{Key: list, Read: strings.Split(string(rec.Value), ",")}}
	}
	return o
}

// host returns this process as a machine of clients.
func (r *run) host(name string, p shelf.Place) *host.Host {
	var network host.Network = &host.RealNetwork{Names: p.Addresses}
	if layer := r.layers[name]; layer != nil {
		network = layer.Network(network)
	}
	return &host.Host{
		Name: name, Network: network,
		Log: slog.New(slog.NewJSONHandler(r.log.of(name+"#1"), nil)),
	}
}

// forEver is longer than a run: clients are ended from outside.
const forEver = 1000 * time.Hour

// clients returns what the clients of a machine do.
func (r *run) clients(p shelf.Place) storecloud.ClientConfig {
	load, store := &r.scenario.Clients, r.scenario.Store
	return storecloud.ClientConfig{
		ClientConfig: kv.ClientConfig{
			Nodes: r.nodes(), Count: load.Count / len(r.scenario.MachinesOf(scenarios.RoleClient)),
			Weights:   load.Operations.Weights(),
			KeysInUse: load.Keys.InUse, RetireAfter: load.Keys.RetireAfter,
			Pause: time.Duration(load.Pause), Timeout: time.Duration(load.Timeout),
			Until: forEver, Epoch: r.began.UnixNano(),
		},
		Port: p.Ports[0], Appenders: store.Appenders, Watchers: store.Watchers, Partitions: store.Partitions, Groups: len(store.Groups),
		Databases: r.databases(p),
	}
}

// databases returns where the nodes' databases listen.
func (r *run) databases(p shelf.Place) []storecloud.Database {
	var all []storecloud.Database
	for _, name := range r.nodes() {
		all = append(all, storecloud.Database{HTTP: net.JoinHostPort(name, p.Ports[1]), RESP: net.JoinHostPort(name, p.Ports[2])})
	}
	return all
}

// seen is what the clients saw.
type seen struct {
	mu  sync.Mutex
	all history.History
	ok  int
}

func (s *seen) add(o history.Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all = append(s.all, o); o.Outcome == history.OK {
		s.ok++
	}
}

// succeeded returns how many operations have.
func (s *seen) succeeded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ok
}

// history returns what was seen until now, in order.
func (s *seen) history() history.History {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := slices.Clone(s.all)
	h.Sort()
	return h
}
