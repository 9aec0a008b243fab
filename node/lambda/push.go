package lambda

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
	"picloud/node/web"
)

// The headers of a job that is pushed. What is left of its time stands in web.TimeoutHeader.
const (
	IDHeader        = "Picloud-Job-Id" // the same in each attempt
	QueueHeader     = "Picloud-Job-Queue"
	KindHeader      = "Picloud-Job-Kind"
	AttemptHeader   = "Picloud-Job-Attempt"   // 1 for the first
	PartitionHeader = "Picloud-Job-Partition" // into which the effect is written
)

// mostAnswer bounds the bytes of an answer: an effect as large as a transaction may be, in JSON.
const mostAnswer = 2 * api.MaxTxnBytes

// Push is a function that a program does, which serves HTTP and is announced as a service.
type Push struct {
	Queue    string
	Kind     string
	Service  string
	Path     string        // of the request; / if it is empty
	Deadline time.Duration // 30 s if zero
	AtOnce   int           // 4 if zero
}

func (p *Push) validate() error {
	switch {
	case p.Service == "" || strings.ContainsAny(p.Service, "/ "):
		return fmt.Errorf("%.80q is not a service", p.Service)
	case p.Path != "" && p.Path[0] != '/' || strings.ContainsAny(p.Path, "?# "):
		return fmt.Errorf("%.80q is not a path", p.Path)
	}
	f := Function{Queue: p.Queue, Kind: p.Kind, Deadline: p.Deadline, AtOnce: p.AtOnce, Do: func(context.Context, *Run) (*Effect, error) { return nil, nil }}
	return f.validate()
}

// pusher sends jobs to programs.
type pusher struct {
	transport *http.Transport
	services  map[string]*service // does not change once the server runs
}

func newPusher(network host.Network) *pusher {
	p := &pusher{services: map[string]*service{}}
	p.transport = &http.Transport{IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16, DialContext: web.Dialer(network, p.checks)}
	return p
}

func (p *pusher) close() { p.transport.CloseIdleConnections() }

// service returns what is known of a service.
func (p *pusher) service(name string) *service {
	if p.services[name] == nil {
		p.services[name] = &service{name: name}
	}
	return p.services[name]
}

// follow keeps known who serves, and calls changed whenever that may have changed.
func (p *pusher) follow(follow func(service string, tell func([]presence.Instance)), changed func()) {
	var all sync.WaitGroup
	for _, s := range p.services {
		all.Go(func() { follow(s.name, func(list []presence.Instance) { s.set(list); changed() }) })
	}
	all.Wait()
}

// instances returns how many instances each service has.
func (p *pusher) instances() map[string]int {
	n := map[string]int{}
	for name, s := range p.services {
		n[name] = len(s.known())
	}
	return n
}

// checks tells whether who serves at an address takes checked streams.
func (p *pusher) checks(address string) bool {
	for _, s := range p.services {
		if slices.ContainsFunc(s.known(), func(i presence.Instance) bool { return i.Address == address && i.Checked }) {
			return true
		}
	}
	return false
}

// service is a service and those of its instances that want new jobs.
type service struct {
	name string

	mu   sync.Mutex
	list []presence.Instance
}

func (s *service) set(list []presence.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(slices.Clone(list), func(i presence.Instance) bool { return i.Draining })
}

func (s *service) known() []presence.Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// ready tells whether anybody can be sent a job.
func (s *service) ready() bool { return len(s.known()) > 0 }

// function returns the function that pushes jobs.
func (p *pusher) function(c Push) Function {
	s := p.service(c.Service)
	return Function{Queue: c.Queue, Kind: c.Kind, Deadline: c.Deadline, AtOnce: c.AtOnce, Do: func(ctx context.Context, r *Run) (*Effect, error) {
		list := slices.Clone(s.known())
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		err := error(api.Errorf(api.Unavailable, "push a job to", c.Service, "no instance is known"))
		for _, i := range list {
			var e *Effect
			if e, err = p.push(ctx, i.Address, cmp.Or(c.Path, "/"), r); !errors.As(err, new(web.NotReached)) {
				return e, err
			}
		}
		return nil, err
	}}
}

// push sends a job to a program and waits for its answer.
func (p *pusher) push(ctx context.Context, address, path string, r *Run) (*Effect, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, bytes.NewReader(r.Job.Payload))
	if err != nil {
		return nil, err
	}
	for header, value := range map[string]string{"Content-Type": "application/octet-stream", IDHeader: r.ID, QueueHeader: r.Job.Queue, KindHeader: r.Job.Kind,
		AttemptHeader: strconv.Itoa(r.Attempt), PartitionHeader: r.Partition} {
		q.Header.Set(header, value)
	}
	if until, is := ctx.Deadline(); is {
		web.SetTimeout(q.Header, time.Until(until))
	}
	answer, err := p.transport.RoundTrip(q)
	if err != nil {
		return nil, fmt.Errorf("push to %s: %w", address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("push to %s: %w", address, err)
	case answer.StatusCode/100 != 2:
		return nil, fmt.Errorf("push to %s: status %d: %.200q", address, answer.StatusCode, body)
	case len(body) > mostAnswer:
		return nil, fmt.Errorf("push to %s: the answer has over %d bytes", address, mostAnswer)
	}
	e, err := readEffect(body)
	if err != nil {
		return nil, fmt.Errorf("push to %s: the answer is no effect: %w", address, err)
	}
	return e, nil
}

// readEffect reads the effect in an answer; nil if it is empty.
func readEffect(body []byte) (*Effect, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	e := &Effect{}
	if err := web.FromJSON(bytes.NewReader(body), e); err != nil {
		return nil, err
	}
	return e, nil
}
