package lb

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"picloud/node/web"
)

// Priority says who is served first when not all can be.
type Priority string

// The priorities, the first one first.
const (
	Critical   Priority = "critical"
	Normal     Priority = "normal"
	Background Priority = "background"
)

// priorities in the order in which they are served.
var priorities = [...]Priority{Critical, Normal, Background}

func (p Priority) rank() int {
	for i, q := range priorities {
		if p == q {
			return i
		}
	}
	return -1
}

// Route says which service answers which requests. Of all that fit the longest host wins, then the longest prefix.
type Route struct {
	Host     string        // of the request, without a port; any if it is empty
	Prefix   string        // of its path, in whole components; / if it is empty
	Service  string        // as its instances announce it
	Priority Priority      // Normal if it is empty
	Timeout  time.Duration // until the answer begins; 15 s if zero
	Tenant   string        // of abuse protection, whose condemned addresses are turned away; nobody is if it is empty
}

// Tenants returns the tenants of the routes.
func (c *Config) Tenants() []string {
	var names []string
	for i := range c.Routes {
		if name := c.Routes[i].Tenant; name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Policy is how servers are treated. The zero value of a field is its default.
type Policy struct {
	HealthPath    string        // asked of each server; /healthz
	HealthEvery   time.Duration // 1 s
	HealthTimeout time.Duration // 1 s
	Rise, Fall    int           // how many answers in a row bring a server in (2), and take it out (3)
	SlowStart     time.Duration // after which a server that came in gets its full share; 10 s
	InFlight      int           // requests that one server has at a time, at most; 256
	Queue         int           // requests that wait for a server of one service, at most; 256
	QueueWait     time.Duration // how long one waits at most; 500 ms
	RetryPercent  int           // of all requests, how many more may be second attempts; 20
	HedgePercent  int           // of all reads, how many more may be sent twice as the first answer is late; 5
	Eject         time.Duration // how long a server is left out that does worse than the others, the first time; 10 s
	Replay        int64         // bytes of a body that are kept to send it again; 64 KiB
}

// Config is a load balancer's configuration.
type Config struct {
	Routes []Route
	Policy Policy
}

func (p Policy) withDefaults() Policy {
	p.HealthPath = cmp.Or(p.HealthPath, web.HealthPath)
	p.HealthEvery = cmp.Or(p.HealthEvery, time.Second)
	p.HealthTimeout = cmp.Or(p.HealthTimeout, time.Second)
	p.Rise, p.Fall = cmp.Or(p.Rise, 2), cmp.Or(p.Fall, 3)
	p.SlowStart = cmp.Or(p.SlowStart, 10*time.Second)
	p.InFlight, p.Queue = cmp.Or(p.InFlight, 256), cmp.Or(p.Queue, 256)
	p.QueueWait = cmp.Or(p.QueueWait, 500*time.Millisecond)
	p.RetryPercent, p.HedgePercent = cmp.Or(p.RetryPercent, 20), cmp.Or(p.HedgePercent, 5)
	p.Eject = cmp.Or(p.Eject, 10*time.Second)
	p.Replay = cmp.Or(p.Replay, 64<<10)
	return p
}

// Validate says what is wrong with the policy.
func (p *Policy) Validate() error {
	switch {
	case p.HealthPath != "" && p.HealthPath[0] != '/':
		return fmt.Errorf("lb: the health path %.80q does not begin with a slash", p.HealthPath)
	case min(p.HealthEvery, p.HealthTimeout, p.SlowStart, p.QueueWait, p.Eject) < 0:
		return fmt.Errorf("lb: a time of the policy is negative")
	case min(p.Rise, p.Fall, p.InFlight, p.Queue) < 0:
		return fmt.Errorf("lb: a number of the policy is negative")
	case min(p.RetryPercent, p.HedgePercent) < 0 || max(p.RetryPercent, p.HedgePercent) > 100:
		return fmt.Errorf("lb: %d %% second attempts and %d %% hedges are not each 0 to 100 %%", p.RetryPercent, p.HedgePercent)
	case p.Replay < 0 || p.Replay > 16<<20:
		return fmt.Errorf("lb: %d bytes are kept of a body, not 0 to %d", p.Replay, 16<<20)
	}
	return nil
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if len(c.Routes) == 0 {
		return fmt.Errorf("lb: there are no routes")
	}
	seen := map[[2]string]bool{}
	for i := range c.Routes {
		r := &c.Routes[i]
		if err := r.validate(); err != nil {
			return fmt.Errorf("lb: routes[%d]: %w", i, err)
		}
		place := [2]string{strings.ToLower(r.Host), r.prefix()}
		if seen[place] {
			return fmt.Errorf("lb: routes[%d]: there is a route for %s%s already", i, r.Host, r.prefix())
		}
		seen[place] = true
	}
	return c.Policy.Validate()
}

func (r *Route) validate() error {
	switch {
	case strings.ContainsAny(r.Host, "/: "):
		return fmt.Errorf("%.80q is not a host without a port", r.Host)
	case r.Prefix != "" && r.Prefix[0] != '/':
		return fmt.Errorf("the prefix %.80q does not begin with a slash", r.Prefix)
	case r.Service == "" || strings.ContainsAny(r.Service, "/ "):
		return fmt.Errorf("%.80q is not a service", r.Service)
	case r.Priority != "" && r.Priority.rank() < 0:
		return fmt.Errorf("a priority is critical, normal or background, not %.20q", r.Priority)
	case r.Timeout < 0:
		return fmt.Errorf("the timeout %s is negative", r.Timeout)
	case strings.ContainsAny(r.Tenant, "/ "):
		return fmt.Errorf("%.80q is not a tenant", r.Tenant)
	}
	return nil
}

// prefix returns the prefix without a slash at its end: empty for all paths.
func (r *Route) prefix() string { return strings.TrimRight(r.Prefix, "/") }

func (r *Route) timeout() time.Duration { return cmp.Or(r.Timeout, 15*time.Second) }

func (r *Route) priority() Priority { return cmp.Or(r.Priority, Normal) }

// fits tells whether the route is for a request to a host, in small letters and without a port.
func (r *Route) fits(host, path string) bool {
	if r.Host != "" && strings.ToLower(r.Host) != host {
		return false
	}
	rest, is := strings.CutPrefix(path, r.prefix())
	return is && (rest == "" || rest[0] == '/')
}

// routeOf returns the route of a request, nil if there is none. The routes are in their order (see better).
func routeOf(routes []Route, r *http.Request) *Route {
	host := strings.ToLower(hostOf(r.Host))
	for i := range routes {
		if routes[i].fits(host, r.URL.Path) {
			return &routes[i]
		}
	}
	return nil
}

// better orders routes such that the first that fits is the one.
func better(a, b Route) int {
	return cmp.Or(cmp.Compare(len(b.Host), len(a.Host)), cmp.Compare(len(b.prefix()), len(a.prefix())))
}

// hostOf returns a host without its port.
func hostOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}
