// Package load measures a replicated key-value store: clients put values under new keys and read what they have
// put, each its next request when it has the answer to the last.
//
// It imports nothing but the standard library, because it is also built into the program that drives etcd: both
// stores are loaded by this code, and measured by it.
//
// Invariants: a read that finds something else than was put ends the run; what is counted was begun and answered
// by one clock, and CPU time and bytes are those of the same time.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Config says what is loaded, and how.
type Config struct {
	Addresses   map[string]string // of the servers, by name
	Port        string            // of all servers
	Processes   []int             // of all servers
	Connections int               // clients of the store's own kind, each with its connections
	Loops       int               // requests under way at one time, spread over the connections
	ValueBytes  int
	ReadPercent int
	Warm        time.Duration // before it is measured
	Measure     time.Duration
}

// Store is a client of a store. It may be used by many goroutines.
type Store interface {
	// Put returns when the value is as durable as the store makes it.
	Put(ctx context.Context, key string, value []byte) error
	// Get is linearizable.
	Get(ctx context.Context, key string) ([]byte, error)
	Close() error
}

// Main is a program that drives a store: a Config comes on standard input, a Result goes to standard output, both
// as JSON.
func Main(ctx context.Context, open func(Config) (Store, error)) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c Config
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("load: read the configuration: %w", err)
	}
	var stores []Store
	for range c.Connections {
		s, err := open(c)
		if err != nil {
			return fmt.Errorf("load: open a connection: %w", err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	result, err := Run(ctx, c, stores)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// Run loads a store, through its clients, and measures.
func Run(ctx context.Context, c Config, stores []Store) (*Result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for _, s := range stores {
		if err := ready(ctx, s); err != nil {
			return nil, err
		}
	}
	pool := make([]byte, poolBytes+c.ValueBytes)
	rand.NewChaCha8([32]byte{}).Read(pool) // nothing is to be gained by compressing it
	began := time.Now()
	loops := make([]loop, c.Loops)
	var all sync.WaitGroup
	for i := range loops {
		l := &loops[i]
		*l = loop{config: &c, store: stores[i%len(stores)], number: i, pool: pool, began: began}
		all.Go(func() {
			if err := l.run(ctx); err != nil {
				stop(err)
			}
		})
	}
	w, err := watch(ctx, &c, began)
	if err != nil {
		stop(err)
	}
	stop(nil)
	all.Wait()
	if err != nil {
		return nil, err
	}
	return w.result(loops), nil
}

// readyLimit is how long the store may take until it serves.
const readyLimit = time.Minute

// ready waits until the store takes a write by a client.
func ready(ctx context.Context, s Store) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		err := put(ctx, s, "ready/now", nil)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("load: wait until the store serves: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// requestLimit is how long a request may take.
const requestLimit = 10 * time.Second

func put(ctx context.Context, s Store, key string, value []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return s.Put(ctx, key, value)
}

func get(ctx context.Context, s Store, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return s.Get(ctx, key)
}

// loop makes one request after another.
type loop struct {
	config *Config
	store  Store
	number int
	pool   []byte // values are parts of it
	began  time.Time

	put    []int // numbers of the values that were put
	done   []request
	failed []time.Duration // when requests failed
	why    error           // the last of them
}

// request is one that was answered.
type request struct {
	read bool
	at   time.Duration // when it was answered
	took time.Duration
}

// run goes on until the context ends. An error is a defect of the store.
func (l *loop) run(ctx context.Context) error {
	draw := rand.New(rand.NewPCG(uint64(l.number), 1))
	for n := 0; ctx.Err() == nil; n++ {
		read := len(l.put) > 0 && draw.IntN(100) < l.config.ReadPercent
		before := time.Now()
		var err error
		if read {
			err = l.read(ctx, l.put[draw.IntN(len(l.put))])
		} else if err = put(ctx, l.store, l.key(n), l.value(n)); err == nil {
			l.put = append(l.put, n)
		}
		now := time.Now()
		switch {
		case errors.Is(err, errWrong):
			return err
		case err == nil:
			l.done = append(l.done, request{read, now.Sub(l.began), now.Sub(before)})
		case ctx.Err() == nil:
			l.failed, l.why = append(l.failed, now.Sub(l.began)), err
		}
	}
	return nil
}

// errWrong says that the store gave back something else than was put.
var errWrong = errors.New("something else was read than was put")

func (l *loop) read(ctx context.Context, n int) error {
	value, err := get(ctx, l.store, l.key(n))
	if err == nil && !bytes.Equal(value, l.value(n)) {
		err = fmt.Errorf("load: read %s: %w", l.key(n), errWrong)
	}
	return err
}

// key returns a key that is put once.
func (l *loop) key(n int) string { return fmt.Sprintf("loop-%04d-%08d/value", l.number, n) }

// poolBytes is how many places there are in the pool where a value may begin.
const poolBytes = 1 << 20

func (l *loop) value(n int) []byte {
	return l.pool[(l.number*104729+n*7919)%poolBytes:][:l.config.ValueBytes]
}
