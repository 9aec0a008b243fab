package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// JobsConfig says which work queue is loaded, and how.
type JobsConfig struct {
	Span
	Addresses    map[string]string // of the servers, by name
	Port         string            // of all servers
	Connections  int               // clients of the queue's own kind, each with its connections
	Loops        int               // jobs under way at one time, spread over the connections
	Workers      int               // of each connection, which do one job after another
	PayloadBytes int               // LeastPayload or more
}

// Queue is a client of a work queue. It may be used by many goroutines.
type Queue interface {
	// Put returns when the job is as durable as the queue makes it.
	Put(ctx context.Context, payload []byte) error
	// Take waits for a job.
	Take(ctx context.Context) (Job, error)
	Close() error
}

// Job is one that was taken.
type Job interface {
	Payload() []byte
	// Done returns when the queue has taken note that the job is done.
	Done(ctx context.Context) error
}

// Queues returns what loads a work queue, for Main: loops put jobs, workers of the same program take them and say at once
// that they are done. A request is a job from when it is put until it is done.
func Queues(open func(JobsConfig) (Queue, error)) func(context.Context, JobsConfig) (*Result, error) {
	return func(ctx context.Context, c JobsConfig) (*Result, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		b := &bench{config: &c, pending: map[uint64]chan struct{}{}}
		var all sync.WaitGroup
		defer func() { cancel(nil); all.Wait() }()
		works := make([]Work, c.Loops)
		for i := range c.Connections {
			q, err := open(c)
			if err != nil {
				return nil, fmt.Errorf("load: open a connection: %w", err)
			}
			defer q.Close()
			for n := i; n < c.Loops; n += c.Connections {
				works[n] = &putter{bench: b, queue: q}
			}
			for range c.Workers {
				all.Go(func() {
					if err := b.work(ctx, q); err != nil {
						cancel(err)
					}
				})
			}
		}
		if err := Ready(ctx, func(ctx context.Context) error { _, _, err := works[0].Next(ctx); return err }); err != nil {
			return nil, err
		}
		r, err := Measure(ctx, c.Span, works)
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return r, err
	}
}

// bench knows which jobs wait to be done.
type bench struct {
	config *JobsConfig

	mu      sync.Mutex
	pending map[uint64]chan struct{} // by the number that a job's payload begins with
}

// work does jobs until the context ends.
func (b *bench) work(ctx context.Context, q Queue) error {
	for ctx.Err() == nil {
		job, err := q.Take(ctx)
		if err != nil {
			if ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			continue
		}
		p := job.Payload()
		if len(p) != b.config.PayloadBytes {
			return fmt.Errorf("load: a job of %d bytes: %w", len(p), ErrWrong)
		}
		limited, cancel := context.WithTimeout(ctx, requestLimit)
		err = job.Done(limited)
		cancel()
		if err != nil {
			continue // it comes again
		}
		n := binary.BigEndian.Uint64(p)
		b.mu.Lock()
		if c := b.pending[n]; c != nil {
			close(c)
			delete(b.pending, n)
		}
		b.mu.Unlock()
	}
	return nil
}

// LeastPayload is the size of a job's number, with which it begins.
const LeastPayload = 8

// putter puts jobs and waits until they are done.
type putter struct {
	bench *bench
	queue Queue
}

// Next puts one.
func (p *putter) Next(ctx context.Context) (read bool, acked int, err error) {
	b := p.bench
	n, done := rand.Uint64(), make(chan struct{})
	payload := make([]byte, b.config.PayloadBytes)
	binary.BigEndian.PutUint64(payload, n)
	for i := 8; i < len(payload); i++ {
		payload[i] = byte(n >> (i % 57))
	}
	b.mu.Lock()
	b.pending[n] = done
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.pending, n)
	}()
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if err := p.queue.Put(ctx, payload); err != nil {
		return false, 0, err
	}
	select {
	case <-done:
		return false, len(payload), nil
	case <-ctx.Done():
		return false, 0, errors.New("load: a job was not done in time")
	}
}
