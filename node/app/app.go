// Package app runs applications: it serves what they answer over HTTP, runs what they do beside that, and makes them
// known to load balancers. An application is compiled in, or a program of its own that serves HTTP. README.md is for
// those who write one.
//
// Invariants:
//   - An instance is announced only while it says that it is well, and says that it drains before it stops serving. On a node whose
//     processor computes wrongly it drains from then on.
//   - A request that panics is answered, and ends neither the instance nor the node.
//   - What an application has begun ends when its node stops: requests first, then what goes on beside them.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/abuse"
	"picloud/node/api"
	"picloud/node/cache"
	"picloud/node/host"
	"picloud/node/lambda"
	"picloud/node/proof"
)

// App is an application that is compiled in.
type App interface {
	// Handler answers requests. A request's context ends when nobody waits for the answer any more.
	Handler() http.Handler
	// Functions do what requests have put into queues. They run on nodes that have the role lambda, where the
	// application answers no requests.
	Functions() []lambda.Function
	// Run does what is to be done beside requests, until the context ends. What it returns before that is an
	// error that the node logs, and it is run again after a while.
	Run(ctx context.Context) error
	// Healthy says why the application cannot serve now.
	Healthy(ctx context.Context) error
}

// Kit is what an application is given.
type Kit struct {
	Node    string // the machine's name
	Store   api.Store
	Cache   cache.Reader   // of the store
	Abuse   abuse.Guard    // what may be stored and shown, for applications that ask
	Proof   *proof.Checker // of the node's processor, for what lasts; nil where nothing is tested
	Network host.Network
	Effort  host.Effort
	Log     *slog.Logger
	Metrics prometheus.Registerer // see MetricsOf
	Options map[string]string     // of the configuration; the application says which it knows
}

// New makes an application.
type New func(Kit) (App, error)

// MetricsOf returns where an application registers its metrics. They carry the role for which it was made: a node may
// make it twice, to serve requests and to run its functions.
func MetricsOf(of prometheus.Registerer, role string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"role": role}, of)
}

// Config is how an instance of an application is run.
type Config struct {
	Name    string // of the application, and of the service by which load balancers find it
	Port    string
	Options map[string]string // for an application that is compiled in

	// Program is a program of its own in place of an application that is compiled in.
	Program *host.Program

	MaxBody int64         // bytes of a request's body; 8 MiB if zero
	Drain   time.Duration // between saying that it drains and serving no more; 2 s if zero
	Grace   time.Duration // for a program to end by itself; 5 s if zero
}

const (
	defaultMaxBody = 8 << 20
	defaultDrain   = 2 * time.Second
	defaultGrace   = 5 * time.Second
)

func (c Config) withDefaults() Config {
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.Drain == 0 {
		c.Drain = defaultDrain
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	return c
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if !validName(c.Name) {
		return fmt.Errorf("app: an application's name is 1 to 63 of a-z, 0-9 and -, not %.80q", c.Name)
	}
	if n, err := strconv.Atoi(c.Port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("app: %s: %q is not a port", c.Name, c.Port)
	}
	switch {
	case c.Program != nil && c.Program.Path == "":
		return fmt.Errorf("app: %s: the program has no path", c.Name)
	case c.Program != nil && len(c.Options) > 0:
		return fmt.Errorf("app: %s: a program has arguments and environment, no options", c.Name)
	case c.MaxBody < 0 || c.MaxBody > 1<<30:
		return fmt.Errorf("app: %s: the largest body is 1 to %d bytes, not %d", c.Name, 1<<30, c.MaxBody)
	case c.Drain < 0 || c.Grace < 0:
		return fmt.Errorf("app: %s: a time is negative", c.Name)
	}
	return nil
}

func validName(name string) bool {
	ok := len(name) > 0 && len(name) <= 63
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	return ok
}
