package kv

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"picloud/scenarios/history"
)

// Mix is what a client does of a hundred operations.
type Mix struct {
	Read, Update, Insert, Scan, Modify int
	Latest                             bool // the newest records are the most popular; if not, who is popular has nothing to do with age
}

// mixes returns the six core workloads of YCSB, by name. Source: B. F. Cooper et al., "Benchmarking Cloud Serving Systems with YCSB",
// SoCC 2010, table 2, and the files workloads/workloada to workloadf of github.com/brianfrankcooper/YCSB.
func mixes() map[string]Mix {
	return map[string]Mix{
		"ycsb-a": {Read: 50, Update: 50},
		"ycsb-b": {Read: 95, Update: 5},
		"ycsb-c": {Read: 100},
		"ycsb-d": {Read: 95, Insert: 5, Latest: true},
		"ycsb-e": {Scan: 95, Insert: 5},
		"ycsb-f": {Read: 50, Modify: 50},
	}
}

// MixNames returns the names of the mixes, in order.
func MixNames() []string { return slices.Sorted(maps.Keys(mixes())) }

const (
	zipfian     = 0.99 // ZIPFIAN_CONSTANT of YCSB's ZipfianGenerator: the nth record is asked for n^-0.99 times as often as the first
	longestScan = 100  // maxscanlength of workloade; lengths are uniform
	weightOfTop = 1 << 30
)

// Scanner is a cloud that reads records of a range at one instant.
type Scanner interface {
	// Scan reads up to `most` records from a key on, of its partition: their keys and what stands under them.
	Scan(ctx context.Context, from string, most int) (found map[string]string, outcome history.Outcome, why string)
}

// records are what the mixes read and change. A record has a key until it was asked for so often that the history of the key is long; the next
// update gives it a new one. YCSB's records keep theirs.
type records struct {
	config ClientConfig
	mu     sync.Mutex
	list   []record
	sums   []int64 // [n]: of the weights of the first n+1 ranks
	frozen bool    // no new keys: every one that was used is about to be read once more
}

type record struct {
	generation int
	used       int // operations on the key
}

func newRecords(c ClientConfig) *records {
	r := &records{config: c}
	for range c.KeysInUse {
		r.grow()
	}
	return r
}

// grow adds a record, and its rank.
func (r *records) grow() {
	weight := int64(math.Round(weightOfTop * math.Pow(float64(len(r.list)+1), -zipfian))) // whole numbers are the same on all processors
	if n := len(r.sums); n > 0 {
		weight += r.sums[n-1]
	}
	r.list, r.sums = append(r.list, record{}), append(r.sums, weight)
}

// rank returns whose turn it is by popularity, for a number below the sum of all weights.
func (r *records) rank(n int64) int {
	at, exact := slices.BinarySearch(r.sums, n)
	if exact {
		at++
	}
	return at
}

// choose returns the place of a record. Where age does not matter, hashes spread the popular ones over all places, as in YCSB's
// ScrambledZipfianGenerator.
func (r *records) choose(latest bool) int {
	rank := r.rank(rand.Int64N(r.sums[len(r.sums)-1]))
	if latest {
		return len(r.list) - 1 - rank
	}
	h := fnv.New64a()
	fmt.Fprint(h, rank)
	return int(h.Sum64() % uint64(len(r.list)))
}

// read returns the key of a record that is to be read.
func (r *records) read(latest bool) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.choose(latest)
	r.list[place].used++
	return recordName(place, r.list[place].generation)
}

// update returns the key of a record that is to be changed.
func (r *records) update() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	place := r.choose(false)
	one := &r.list[place]
	if one.used >= r.config.RetireAfter && !r.frozen {
		*one = record{generation: one.generation + 1}
	}
	one.used++
	return recordName(place, one.generation)
}

// insert returns the key of a new record; of one that there is, once all are about to be read.
func (r *records) insert() string {
	r.mu.Lock()
	if r.frozen {
		r.mu.Unlock()
		return r.update()
	}
	defer r.mu.Unlock()
	r.grow()
	return recordName(len(r.list)-1, 0)
}

// every returns all keys that are ever used: from the first call on there are no new ones.
func (r *records) every() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = true
	var all []string
	for place := range r.list {
		for generation := range r.list[place].generation + 1 {
			all = append(all, recordName(place, generation))
		}
	}
	return all
}

// recordPartitions is over how many partitions records are spread: a scan goes through one.
const recordPartitions = 4

func recordName(place, generation int) string {
	return fmt.Sprintf("records-%d/%06d.%d", place%recordPartitions, place, generation)
}

// insertAll writes this client's share of the records that there are at first.
func (c *client) insertAll(ctx context.Context) {
	for place := c.number - c.config.First; place < c.config.KeysInUse && ctx.Err() == nil; place += c.config.Count {
		c.count++
		c.do(ctx, history.Operation{Client: c.number, Kind: history.Write, Key: recordName(place, 0), Value: c.value()})
	}
}

// mix returns the mix whose turn it is: they share the time until all is read once more, and the last goes on.
func (c *client) mix() Mix {
	names := c.config.Mixes
	turn := len(names) - 1
	if c.config.FinalReads > 0 {
		turn = min(turn, int(int64(c.config.SinceStart())*int64(len(names))/int64(c.config.FinalReads)))
	}
	return mixes()[names[turn]]
}

// doMixed does an operation of the mix.
func (c *client) doMixed(ctx context.Context) {
	c.count++
	m := c.mix()
	op := history.Operation{Client: c.number, Kind: history.Write, Value: c.value()}
	switch n := rand.IntN(100); {
	case n < m.Read:
		c.do(ctx, history.Operation{Client: c.number, Kind: history.Read, Key: c.records.read(m.Latest)})
	case n < m.Read+m.Update:
		op.Key = c.records.update()
		c.do(ctx, op)
	case n < m.Read+m.Update+m.Insert:
		op.Key = c.records.insert()
		c.do(ctx, op)
	case n < m.Read+m.Update+m.Insert+m.Scan:
		c.scan(ctx, c.records.read(false), 1+rand.IntN(longestScan))
	default:
		c.modify(ctx, op)
	}
}

// modify reads a record and changes it, if nobody else has meanwhile. YCSB writes it whatever stands there by then.
func (c *client) modify(ctx context.Context, op history.Operation) {
	op.Kind, op.Key = history.CAS, c.records.update()
	if c.do(ctx, history.Operation{Client: c.number, Kind: history.Read, Key: op.Key}) == history.OK {
		op.Expect = c.seen
		c.do(ctx, op)
	}
}

// scan reads records from a key on. Of each that was found, and of the first in any case, a read is written down.
func (c *client) scan(ctx context.Context, from string, most int) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	op := history.Operation{Client: c.number, Kind: history.Read, Call: c.config.SinceStart()}
	found, outcome, why := c.cloud.(Scanner).Scan(ctx, from, most)
	op.Return, op.Outcome, op.Error = c.config.SinceStart(), outcome, why
	if found == nil {
		found = map[string]string{}
	}
	found[from] += "" // what is absent has the empty value
	for _, key := range slices.Sorted(maps.Keys(found)) {
		op.Key, op.Result = key, found[key]
		c.record(op)
	}
}
