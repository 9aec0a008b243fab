// Package proof finds processors that compute wrongly and do not say so. Such a core passes for a healthy one: what it writes has the
// right form, and is found to be wrong when somebody else computes it again, as when a user logs in whose password it has hashed. So
// a node tests each of its cores over and over, computes a share of its hashes twice, and has another node compute what lasts for
// years. README.md is for those who run a cloud.
//
// Invariants:
//   - A core is condemned only for what was seen on it again: one wrong hash is a suspicion.
//   - Who is condemned stays so, over restarts, until a person takes the finding out of the ledger.
//   - A node writes findings about itself only, so a row of the ledger has one writer.
//   - Nothing here decides by a majority of nodes of one batch: they may lie alike.
package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/presence"
)

// Config is how a node tests itself. The zero value of a field but the first two is its default.
type Config struct {
	Port   string
	Batch  string        // of the processor: those that were made together may have the same fault
	Every  time.Duration // between two exams of all cores; 10 s
	Verify bool          // what lasts is computed by another node, or else by the second implementation, before it is acknowledged
	Sample int           // of so many hashes one is computed twice; 64
}

func (c Config) withDefaults() Config {
	c.Every = cmp.Or(c.Every, 10*time.Second)
	c.Sample = cmp.Or(c.Sample, 64)
	return c
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	d := c.withDefaults()
	if n, err := strconv.Atoi(c.Port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("proof: %q is not a port", c.Port)
	}
	switch {
	case c.Batch == "" || len(c.Batch) > 63 || strings.ContainsFunc(c.Batch, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("proof: a batch is 1 to 63 printable characters without spaces, not %.80q", c.Batch)
	case d.Every < time.Second || d.Every > 4*time.Minute: // an alert looks at five minutes
		return fmt.Errorf("proof: exams are 1s to 4m apart, not %s", c.Every)
	case d.Sample < 1:
		return fmt.Errorf("proof: one hash of 1 or more is computed twice, not of %d", c.Sample)
	}
	return nil
}

// Maker is who has computed something that is kept.
type Maker struct {
	Node   string `json:"node"`
	Batch  string `json:"batch"`
	Start  int64  `json:"start_ms"`         // of the node's process
	Second bool   `json:"second,omitempty"` // by the second implementation, which faults of the processor's SHA-256 do not reach
}

// Checker tests the processor of one node. A nil one tests nothing: then a node believes its processor. It may be used by many
// goroutines.
type Checker struct {
	config  Config
	self    Maker
	cores   host.Cores
	effort  host.Effort
	store   api.Store
	log     *slog.Logger
	peers   *peers
	heavy   chan struct{} // slots for what takes a core for about a second
	metrics *metrics
	doubts  chan doubt

	// What is tested: crypto/sha256, but for tests.
	first  func([]byte) [Size]byte
	derive func(*Derivation) ([]byte, error)

	sums   atomic.Int64 // that were computed
	looked atomic.Int64 // when a refused password was looked at again, ns since the start
	began  time.Time

	mu        sync.Mutex
	findings  map[place]*Finding
	unwritten map[place]bool
	loaded    bool          // what the ledger says of this node is known
	condemned chan struct{} // closed once this node is
	tell      []func()      // when it is
}

const (
	heavyAtOnce = 2
	mostDoubts  = 16 // that wait to be looked into; more add nothing
)

// New returns the checker of a node.
func New(c Config, h *host.Host, store api.Store, registerer prometheus.Registerer) (*Checker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	k := &Checker{config: c.withDefaults(), cores: h.Cores, effort: h.Effort, first: first, store: store, log: h.Log, metrics: newMetrics(),
		heavy: make(chan struct{}, heavyAtOnce), doubts: make(chan doubt, mostDoubts), began: time.Now(),
		findings: map[place]*Finding{}, unwritten: map[place]bool{}, condemned: make(chan struct{})}
	k.self = Maker{Node: h.Name, Batch: c.Batch, Start: k.began.UnixMilli()}
	k.derive = func(d *Derivation) ([]byte, error) { return d.Derive(h.Effort) }
	k.peers = newPeers(h.Network, c.Batch)
	if err := k.metrics.register(registerer); err != nil {
		return nil, err
	}
	return k, nil
}

// Self returns this node as a maker.
func (k *Checker) Self() Maker { return k.self }

// Verifies tells whether what lasts is to be computed by another one too.
func (k *Checker) Verifies() bool { return k != nil && k.config.Verify }

// Condemned tells whether this node's processor computes wrongly.
func (k *Checker) Condemned() bool {
	if k == nil {
		return false
	}
	select {
	case <-k.condemned:
		return true
	default:
		return false
	}
}

// WhenCondemned has something done once this node is condemned, at once if it is already. It must not wait.
func (k *Checker) WhenCondemned(do func()) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Condemned() {
		do()
		return
	}
	k.tell = append(k.tell, do)
}

// Refusal returns the error of what this node will not compute, as it would last and may be wrong; nil while it is not condemned.
func (k *Checker) Refusal(doing string) error {
	if !k.Condemned() {
		return nil
	}
	return api.Errorf(api.Condemned, doing, "", "the processor of %s computes wrongly: another node must do it", k.self.Node)
}

// Sum256 computes the SHA-256 of data, and of every so many twice. On a node that is condemned the second implementation does it.
func (k *Checker) Sum256(data []byte) [Size]byte {
	switch {
	case k == nil:
		return first(data)
	case k.Condemned():
		return Sum2(data)
	case k.sums.Add(1)%int64(k.config.Sample) != 0:
		return k.first(data)
	}
	return k.Both(data)
}

// Both computes the SHA-256 of data by both implementations, and returns what the second one says.
func (k *Checker) Both(data []byte) [Size]byte {
	switch {
	case k == nil:
		return first(data)
	case k.Condemned():
		return Sum2(data)
	}
	got, want := k.first(data), Sum2(data)
	k.metrics.sampled.Inc()
	if got != want {
		k.doubt(doubt{by: bySample, mismatch: &mismatch{append([]byte(nil), data[:min(len(data), mostRetested)]...), got, want}})
	}
	return want
}

// Run tests the cores, serves those of other nodes who want something verified, and finds such nodes, until the context ends, or its port
// fails.
func (k *Checker) Run(ctx context.Context, l net.Listener) error {
	ctx, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { k.watch(ctx) })
	all.Go(func() { presence.Follow(ctx, k.store, k.log, Service, k.peers.know) })
	all.Go(func() {
		i := presence.Instance{Service: Service, ID: fmt.Sprintf("%s-%d", k.self.Node, k.self.Start), Address: net.JoinHostPort(k.self.Node, k.config.Port),
			Checked: true, Batch: k.self.Batch}
		if err := presence.Announce(ctx, k.store, k.log, i, k.condemned); err != nil {
			k.log.Error("nobody knows that this node verifies", "error", err)
		}
	})
	err := k.serve(ctx, l)
	end()
	all.Wait()
	k.peers.close()
	return err
}

// atOnce does something heavy once there is room for it.
func (k *Checker) atOnce(ctx context.Context, do func() error) error {
	select {
	case k.heavy <- struct{}{}:
	case <-ctx.Done():
		return api.Errorf(api.Unavailable, "compute", "", "too much is being computed: %s", ctx.Err())
	}
	defer func() { <-k.heavy }()
	return do()
}

// errNobody says that no node of another batch has answered.
var errNobody = errors.New("there is no node of another batch")
