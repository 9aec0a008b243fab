// Package load measures servers under load: loops make requests, each its next one when it has the answer to the last. Those
// of this package load a replicated key-value store: they put values under new keys and read what they have put.
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
	"fmt"
	"math/rand/v2"
	"time"
)

// Config says which store is loaded, and how.
type Config struct {
	Span
	Addresses   map[string]string // of the servers, by name
	Port        string            // of all servers
	Connections int               // clients of the store's own kind, each with its connections
	Loops       int               // requests under way at one time, spread over the connections
	ValueBytes  int
	ReadPercent int
}

// Store is a client of a store. It may be used by many goroutines.
type Store interface {
	// Put returns when the value is as durable as the store makes it.
	Put(ctx context.Context, key string, value []byte) error
	// Get is linearizable.
	Get(ctx context.Context, key string) ([]byte, error)
	Close() error
}

// Stores returns what loads a store, for Main.
func Stores(open func(Config) (Store, error)) func(context.Context, Config) (*Result, error) {
	return func(ctx context.Context, c Config) (*Result, error) {
		var stores []Store
		for range c.Connections {
			s, err := open(c)
			if err != nil {
				return nil, fmt.Errorf("load: open a connection: %w", err)
			}
			defer s.Close()
			stores = append(stores, s)
		}
		return Run(ctx, c, stores)
	}
}

// Run loads a store, through its clients, and measures.
func Run(ctx context.Context, c Config, stores []Store) (*Result, error) {
	for _, s := range stores {
		if err := Ready(ctx, func(ctx context.Context) error { return put(ctx, s, "ready/now", nil) }); err != nil {
			return nil, err
		}
	}
	pool := make([]byte, poolBytes+c.ValueBytes)
	rand.NewChaCha8([32]byte{}).Read(pool) // nothing is to be gained by compressing it
	works := make([]Work, c.Loops)
	for i := range works {
		works[i] = &work{config: &c, store: stores[i%len(stores)], number: i, pool: pool, draw: rand.New(rand.NewPCG(uint64(i), 1))}
	}
	return Measure(ctx, c.Span, works)
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

// work puts values and reads them.
type work struct {
	config *Config
	store  Store
	number int
	pool   []byte // values are parts of it
	draw   *rand.Rand

	tried int   // values
	put   []int // numbers of those that were put
}

// Next puts a value or reads one.
func (w *work) Next(ctx context.Context) (read bool, acked int, err error) {
	if len(w.put) > 0 && w.draw.IntN(100) < w.config.ReadPercent {
		return true, 0, w.read(ctx, w.put[w.draw.IntN(len(w.put))])
	}
	n := w.tried
	w.tried++
	key, value := w.key(n), w.value(n)
	if err := put(ctx, w.store, key, value); err != nil {
		return false, 0, err
	}
	w.put = append(w.put, n)
	return false, len(key) + len(value), nil
}

func (w *work) read(ctx context.Context, n int) error {
	value, err := get(ctx, w.store, w.key(n))
	if err == nil && !bytes.Equal(value, w.value(n)) {
		err = fmt.Errorf("load: read %s: %w", w.key(n), ErrWrong)
	}
	return err
}

// key returns a key that is put once.
func (w *work) key(n int) string { return fmt.Sprintf("loop-%04d-%08d/value", w.number, n) }

// poolBytes is how many places there are in the pool where a value may begin.
const poolBytes = 1 << 20

func (w *work) value(n int) []byte {
	return w.pool[(w.number*104729+n*7919)%poolBytes:][:w.config.ValueBytes]
}
