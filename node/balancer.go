package node

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"picloud/node/abuse"
	"picloud/node/lb"
	"picloud/node/web"
)

// LB is the role that passes requests on to the servers of services.
type LB struct {
	Port   string  `yaml:"port"`          // for HTTP; 80 if it is left out
	TLS    *TLS    `yaml:"tls,omitempty"` // for HTTPS beside it
	Routes []Route `yaml:"routes"`

	Policy Policy `yaml:"policy,omitempty"`
}

// TLS is where and how a node speaks TLS, with HTTP/1.1 and HTTP/2.
type TLS struct {
	Port        string `yaml:"port"`        // 443 if it is left out
	Certificate string `yaml:"certificate"` // the chain, in PEM
	Key         string `yaml:"key"`         // in PEM
}

// Route is an lb.Route in a file.
type Route struct {
	Host     string   `yaml:"host,omitempty"`
	Prefix   string   `yaml:"prefix,omitempty"`
	Service  string   `yaml:"service"`
	Priority string   `yaml:"priority,omitempty"`
	Timeout  Duration `yaml:"timeout,omitempty"`
	Tenant   string   `yaml:"tenant,omitempty"` // the application whose condemned addresses are turned away; none if it is left out
}

// Policy is an lb.Policy in a file.
type Policy struct {
	HealthPath    string   `yaml:"health-path,omitempty"`
	HealthEvery   Duration `yaml:"health-every,omitempty"`
	HealthTimeout Duration `yaml:"health-timeout,omitempty"`
	Rise          int      `yaml:"rise,omitempty"`
	Fall          int      `yaml:"fall,omitempty"`
	SlowStart     Duration `yaml:"slow-start,omitempty"`
	InFlight      int      `yaml:"in-flight,omitempty"`
	Queue         int      `yaml:"queue,omitempty"`
	QueueWait     Duration `yaml:"queue-wait,omitempty"`
	RetryPercent  int      `yaml:"retry-percent,omitempty"`
	HedgePercent  int      `yaml:"hedge-percent,omitempty"`
	Eject         Duration `yaml:"eject,omitempty"`
	Replay        int64    `yaml:"replay-bytes,omitempty"`
}

func (c *LB) config() lb.Config {
	p := &c.Policy
	config := lb.Config{Policy: lb.Policy{HealthPath: p.HealthPath, HealthEvery: p.HealthEvery.Duration, HealthTimeout: p.HealthTimeout.Duration,
		Rise: p.Rise, Fall: p.Fall, SlowStart: p.SlowStart.Duration, InFlight: p.InFlight, Queue: p.Queue, QueueWait: p.QueueWait.Duration,
		RetryPercent: p.RetryPercent, HedgePercent: p.HedgePercent, Eject: p.Eject.Duration, Replay: p.Replay}}
	for _, r := range c.Routes {
		config.Routes = append(config.Routes, lb.Route{Host: r.Host, Prefix: r.Prefix, Service: r.Service,
			Priority: lb.Priority(r.Priority), Timeout: r.Timeout.Duration, Tenant: r.Tenant})
	}
	return config
}

// validate puts defaults where nothing stands, and says what is wrong.
func (c *LB) validate() error {
	c.Port = cmp.Or(c.Port, "80")
	if c.TLS != nil {
		c.TLS.Port = cmp.Or(c.TLS.Port, "443")
		if _, err := tls.X509KeyPair([]byte(c.TLS.Certificate), []byte(c.TLS.Key)); err != nil {
			return fmt.Errorf("node: lb.tls: %w", err)
		}
	}
	config := c.config()
	return config.Validate()
}

// beginLB starts the load balancer, which finds servers through the store.
func (n *node) beginLB(run func(string, func(context.Context) error)) error {
	c := n.config.LB
	s, err := n.client()
	if err != nil {
		return err
	}
	config := c.config()
	condemned, err := abuse.NewCondemned(s, config.Tenants(), n.host.Log)
	if err != nil {
		return err
	}
	run("lb.doors", func(ctx context.Context) error { condemned.Run(ctx); return nil })
	b, err := lb.New(config, n.host.Network, condemned, n.metrics, n.host.Log)
	if err != nil {
		return err
	}
	run("lb", func(ctx context.Context) error { return b.Run(ctx, s) })
	listen := func(role, port string, over func(net.Listener) net.Listener) error {
		l, err := n.listen(port)
		if err != nil {
			return err
		}
		run(role, func(ctx context.Context) error { return web.Serve(ctx, over(l), b) })
		return nil
	}
	if err := listen("lb.http", c.Port, func(l net.Listener) net.Listener { return l }); err != nil || c.TLS == nil {
		return err
	}
	pair, err := tls.X509KeyPair([]byte(c.TLS.Certificate), []byte(c.TLS.Key))
	if err != nil {
		return fmt.Errorf("node: lb.tls: %w", err)
	}
	secure := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
	return listen("lb.https", c.TLS.Port, func(l net.Listener) net.Listener { return tls.NewListener(l, secure) })
}

// ports returns the ports that the role listens on, by their keys.
func (c *LB) ports() map[string]string {
	p := map[string]string{"lb.port": c.Port}
	if c.TLS != nil {
		p["lb.tls.port"] = c.TLS.Port
	}
	return p
}
