package rpc

import (
	"context"
	"net"
	"sync"
)

// Peers is a client of each of many servers, by name. It may be used by many goroutines.
type Peers struct {
	dial func(ctx context.Context, name string) (net.Conn, error)

	mu      sync.Mutex
	clients map[string]*Client
	closed  bool
}

// NewPeers returns clients of the servers that dial reaches.
func NewPeers(dial func(ctx context.Context, name string) (net.Conn, error)) *Peers {
	return &Peers{dial: dial, clients: map[string]*Client{}}
}

// Call calls a server by name; see Client.Call.
func (p *Peers) Call(ctx context.Context, name, method string, body []byte) ([]byte, error) {
	return p.client(name).Call(ctx, method, body)
}

func (p *Peers) client(name string) *Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[name]
	if c == nil {
		c = NewClient(name, func(ctx context.Context) (net.Conn, error) { return p.dial(ctx, name) })
		p.clients[name] = c
		if p.closed {
			c.Close()
		}
	}
	return c
}

// Close closes all connections, for ever.
func (p *Peers) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.clients {
		c.Close()
	}
}
