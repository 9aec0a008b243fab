package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"picloud/scenarios/history"
)

// ClientConfig says what the clients of one machine do.
type ClientConfig struct {
	Nodes       []string
	First       int            // number of the first client, where there are clients on other machines too
	Count       int            // clients that work at the same time
	Weights     map[string]int // of the kinds of operations
	Mixes       []string       `json:",omitempty"` // in their place, one after the other: of MixNames; the clouds are Scanners
	KeysInUse   int            // at one time
	RetireAfter int            // operations, after which a new key takes the place of one
	Pause       time.Duration  // mean time between two operations of a client
	Together    bool           // all clients wait for the same moments, a pause apart
	Anywhere    int64          // share of operations that ask any node first, as a load balancer that knows no leader does, ppm
	Timeout     time.Duration  // after which a client gives up
	FinalReads  time.Duration  // since the run began, when every key that was ever used is read once more
	Until       time.Duration  // since the run began: no operation begins after it
	Epoch       int64          // wall-clock time at which the run began, ns since 1970
}

// Validate says what is wrong with the configuration.
func (c ClientConfig) Validate() error {
	total := 0
	for kind, weight := range c.Weights {
		if err := (Command{Kind: history.Kind(kind), Key: "k", Value: "v"}).Validate(); err != nil || weight < 0 {
			return fmt.Errorf("kv: weight %d for the operation %q", weight, kind)
		}
		total += weight
	}
	if c.Anywhere < 0 || c.Anywhere > 1e6 {
		return fmt.Errorf("kv: %d ppm of the operations cannot ask any node first", c.Anywhere)
	}
	for _, name := range c.Mixes {
		if _, known := mixes()[name]; !known {
			return fmt.Errorf("kv: there is no mix %q: there are %v", name, MixNames())
		}
	}
	if total == 0 && len(c.Mixes) == 0 || c.Count <= 0 || c.KeysInUse <= 0 || c.RetireAfter <= 0 || c.Timeout <= 0 || len(c.Nodes) == 0 {
		return errors.New("kv: clients need nodes, a count, weights, keys and a timeout")
	}
	return nil
}

// Cloud carries out the commands of one client, which come one at a time. The result is what stood under
// the key before; why is for people, and says why the outcome is not ok.
type Cloud interface {
	Do(ctx context.Context, c Command) (outcome history.Outcome, result, why string)
}

// Clients loads the cloud until its time is over and records every operation. Each client has the cloud
// that connect returns for it.
func Clients(ctx context.Context, c ClientConfig, connect func() Cloud, record func(history.Operation)) error {
	if err := c.Validate(); err != nil {
		return err
	}
	keys := &keys{config: c, used: make([]int, c.KeysInUse)}
	every := keys.every
	var records *records
	if len(c.Mixes) > 0 {
		records = newRecords(c)
		every = records.every
	}
	var all sync.WaitGroup
	for n := range c.Count {
		all.Go(func() {
			cl := &client{config: c, number: c.First + n, keys: keys, records: records, every: every, record: record, cloud: connect()}
			if records != nil {
				cl.insertAll(ctx)
			}
			final := c.FinalReads > 0
			for ctx.Err() == nil {
				pause := cl.pause()
				if final {
					pause = min(pause, max(0, c.FinalReads-c.SinceStart()))
				}
				time.Sleep(pause)
				if c.SinceStart() >= c.Until {
					return // what begins now might have no end in this run
				}
				if final && c.SinceStart() >= c.FinalReads {
					final = false
					cl.readAll(ctx)
					continue
				}
				if records != nil {
					cl.doMixed(ctx)
					continue
				}
				cl.do(ctx, cl.draw())
			}
		})
	}
	all.Wait()
	return nil
}

// keys hands out keys: a few are in use at a time, and each retires after some operations, so that
// the history of a key stays short enough to judge.
type keys struct {
	config ClientConfig
	mu     sync.Mutex
	used   []int // operations begun in each place
	frozen bool  // no new keys: every one that was used is about to be read once more
}

// every returns all keys that are ever used: from the first call on there are no new ones.
func (k *keys) every() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.frozen = true
	var all []string
	for place, used := range k.used {
		for generation := 0; generation*k.config.RetireAfter < used; generation++ {
			all = append(all, keyName(place, generation))
		}
	}
	return all
}

func keyName(place, generation int) string { return fmt.Sprintf("k%d.%d", place, generation) }

func (k *keys) draw() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	place := rand.IntN(len(k.used))
	if k.frozen {
		return keyName(place, max(k.used[place]-1, 0)/k.config.RetireAfter)
	}
	generation := k.used[place] / k.config.RetireAfter
	k.used[place]++
	return keyName(place, generation)
}

// client does one operation at a time.
type client struct {
	config ClientConfig
	number int
	keys   *keys
	every  func() []string // all keys that are ever used
	cloud  Cloud
	record func(history.Operation)
	count  int
	seen   string // the last value read, for compare-and-swap
	seenAt string // its key

	records *records // nil if there are no mixes
}

// SinceStart returns the time since the run began.
func (c *ClientConfig) SinceStart() time.Duration {
	return time.Duration(time.Now().UnixNano() - c.Epoch)
}

// pause draws how long the client waits before its next operation.
func (c *client) pause() time.Duration {
	if c.config.Together && c.config.Pause > 0 {
		return c.config.Pause - c.config.SinceStart()%c.config.Pause
	}
	return time.Duration(rand.Int64N(2*int64(c.config.Pause) + 1))
}

// readAll reads this client's share of all keys, each until it succeeds.
func (c *client) readAll(ctx context.Context) {
	for i, key := range c.every() {
		for i%c.config.Count == c.number-c.config.First && ctx.Err() == nil && c.config.SinceStart() < c.config.Until {
			if c.do(ctx, history.Operation{Client: c.number, Kind: history.Read, Key: key}) == history.OK {
				break
			}
			time.Sleep(c.pause())
		}
	}
}

// do does one operation, from the first try until its outcome is known or its time is up.
func (c *client) do(ctx context.Context, op history.Operation) history.Outcome {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	op.Call = c.config.SinceStart()
	op.Outcome, op.Result, op.Error = c.cloud.Do(ctx, Command{Kind: op.Kind, Key: op.Key, Value: op.Value, Expect: op.Expect})
	op.Return = c.config.SinceStart()
	if op.Outcome != history.OK || op.Kind == history.Write || op.Kind == history.Delete {
		op.Result = ""
	} else {
		c.seen, c.seenAt = op.Result, op.Key
	}
	c.record(op)
	return op.Outcome
}

// draw decides what the next operation is. Values are unique in the run.
func (c *client) draw() history.Operation {
	c.count++
	op := history.Operation{Client: c.number, Kind: c.drawKind(), Key: c.keys.draw()}
	switch op.Kind {
	case history.CAS:
		op.Value = c.value()
		if c.seen != "" {
			op.Key, op.Expect = c.seenAt, c.seen
		}
	case history.Write:
		op.Value = c.value()
	}
	return op
}

// value returns one that nobody else writes, nor this client in another operation.
func (c *client) value() string {
	return fmt.Sprintf("%d-%d", c.number, c.count)
}

func (c *client) drawKind() history.Kind {
	kinds := []history.Kind{history.Read, history.Write, history.CAS, history.Delete}
	total := 0
	for _, kind := range kinds {
		total += c.config.Weights[string(kind)]
	}
	n := rand.IntN(total)
	for _, kind := range kinds {
		if n -= c.config.Weights[string(kind)]; n < 0 {
			return kind
		}
	}
	panic("unreachable")
}
