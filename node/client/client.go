// Package client is how programs use the store: it knows which group holds what and who leads it, and
// tries again where that is safe.
//
// Invariants: a transaction takes effect once, however often it was sent; an error other than Unknown
// means that it has not taken effect and will not; nothing is returned that some replica has not said.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/raftnet"
	"picloud/node/rpc"
	"picloud/node/wire"
)

// Config says where the store is.
type Config struct {
	Nodes []string // some that are asked first
	Port  string   // of all nodes
	// Attempt is how long one node has to answer before another is asked; 700 ms if zero.
	Attempt time.Duration
}

// Validate says what is wrong with the configuration.
func (c *Config) Validate() error {
	if len(c.Nodes) == 0 || c.Port == "" || c.Attempt < 0 {
		return errors.New("client: a store has nodes, a port and a time for an attempt")
	}
	return nil
}

// Client uses a store. It may be used by many goroutines.
type Client struct {
	config Config
	peers  *rpc.Peers

	mu     sync.Mutex
	shards *api.ShardMap // nil until it is known
	groups map[uint32]*group
}

var _ api.Store = (*Client)(nil)

// New returns a client that reaches the store by a network.
func New(network host.Network, c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Attempt == 0 {
		c.Attempt = 700 * time.Millisecond
	}
	checked := wire.Network{Network: network}
	return &Client{
		config: c,
		peers: rpc.NewPeers(func(ctx context.Context, node string) (net.Conn, error) {
			return raftnet.Dial(ctx, checked, net.JoinHostPort(node, c.Port), raftnet.Requests, 0)
		}),
		groups: map[uint32]*group{},
	}, nil
}

// Close ends all that is under way.
func (c *Client) Close() { c.peers.Close() }

// group is what a client knows of a group.
type group struct {
	number  uint32
	session session

	mu      sync.Mutex
	members []string
	leader  string // who is asked first; empty for any
}

// ask returns whom to ask: the leader as far as it is known.
func (g *group) ask() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leader != "" {
		return g.leader
	}
	return g.members[rand.IntN(len(g.members))]
}

// anybody returns some member.
func (g *group) anybody() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[rand.IntN(len(g.members))]
}

// heard notes what a node's answer says of the group's leader.
func (g *group) heard(node string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var e *api.Error
	switch {
	case err == nil:
		g.leader = node
	case errors.As(err, &e) && e.Kind == api.NotLeader && e.Leader != "" && e.Leader != node:
		g.leader = e.Leader
	case g.leader == node:
		g.leader = "" // it does not lead, does not answer, or does not know
	}
}

func (g *group) all() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members
}

func (g *group) setMembers(members []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = members
}

// of returns the group that holds a partition.
func (c *Client) of(ctx context.Context, partition string) (*group, error) {
	c.mu.Lock()
	m := c.shards
	c.mu.Unlock()
	if m == nil {
		if err := c.learn(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shards == nil { // somebody found that it was wrong
		return nil, api.Errorf(api.Unavailable, "look for the shard map", "", "it is asked for")
	}
	shard, err := c.shards.Of(partition)
	if err != nil {
		return nil, err
	}
	return c.groups[shard.Group], nil
}

// learn asks one node after another for the shard map, until of each group one that has a member of it
// has said who the others are.
func (c *Client) learn(ctx context.Context) error {
	var last error = api.Errorf(api.Unavailable, "look for the shard map", "", "nobody was asked")
	var merged *api.ShardMap
	for _, node := range c.known() {
		body, err := c.attempt(ctx, node, api.MethodShards, nil)
		if err != nil {
			last = err
			continue
		}
		m, err := api.DecodeShardMap(body)
		if err != nil {
			last = api.Errorf(api.Internal, "look for the shard map", "of "+node, "%s", err)
			continue
		}
		if merged = merge(merged, m); !slices.ContainsFunc(merged.Shards, func(s api.Shard) bool { return !s.FirstHand }) {
			break
		}
	}
	if merged == nil {
		return last
	}
	c.setShards(merged)
	return nil
}

// Shards asks for the shard map.
func (c *Client) Shards(ctx context.Context) (*api.ShardMap, error) {
	if err := c.learn(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shards == nil {
		return nil, api.Errorf(api.Unavailable, "look for the shard map", "", "it is asked for")
	}
	m := *c.shards
	return &m, nil
}

// known returns all nodes that the client has heard of, in random order.
func (c *Client) known() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := slices.Clone(c.config.Nodes)
	for _, number := range slices.Sorted(maps.Keys(c.groups)) {
		nodes = append(nodes, c.groups[number].all()...)
	}
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes
}

// merge adds to a map what another one knows first hand.
func merge(m, other *api.ShardMap) *api.ShardMap {
	if m == nil {
		return other
	}
	for i := range m.Shards {
		for _, s := range other.Shards {
			if s.Group == m.Shards[i].Group && s.FirstHand && !m.Shards[i].FirstHand {
				m.Shards[i].Members, m.Shards[i].FirstHand = s.Members, true
			}
		}
	}
	return m
}

func (c *Client) setShards(m *api.ShardMap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards = m
	for i := range m.Shards {
		s := &m.Shards[i]
		if c.groups[s.Group] == nil {
			c.groups[s.Group] = &group{number: s.Group, session: newSession()}
		}
		c.groups[s.Group].setMembers(s.Members)
	}
}

// pollFor is how long a node may keep a watch waiting before another is asked.
const pollFor = 4 * time.Second

// attempt calls a node, which has some time to answer.
func (c *Client) attempt(ctx context.Context, node, method string, body []byte) ([]byte, error) {
	limit := c.config.Attempt
	if method == api.MethodEvents {
		limit = pollFor
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.peers.Call(ctx, node, method, body)
}

// pause waits a moment before another attempt, and returns false if the time is over.
func pause(ctx context.Context, tries int) bool {
	most := min(10*time.Millisecond<<min(tries, 5), 200*time.Millisecond)
	select {
	case <-time.After(most/2 + rand.N(most/2)):
		return true
	case <-ctx.Done():
		return false
	}
}

// again tells whether an error may be gone when the call is made again, and whether the call may have
// taken effect.
func again(err error) (retry, doubt bool) {
	switch api.KindOf(err) {
	case api.NotLeader, api.Unavailable, api.NotFound:
		return true, false
	case api.Unknown:
		return true, true
	}
	return false, false
}

// call calls the leader of a partition's group, or anybody in it, until it answers. The body is made for
// the group; the call has no effect.
func (c *Client) call(ctx context.Context, partition, method string, anybody bool, body func(group uint32) []byte) ([]byte, error) {
	for tries := 0; ; tries++ {
		g, err := c.of(ctx, partition)
		if err == nil {
			node := g.anybody()
			if !anybody {
				node = g.ask()
			}
			var answer []byte
			if answer, err = c.attempt(ctx, node, method, body(g.number)); err == nil {
				if !anybody {
					g.heard(node, nil)
				}
				return answer, nil
			}
			g.heard(node, err)
			if kind := api.KindOf(err); kind == api.WrongGroup || kind == api.NotFound || tries%8 == 7 {
				c.forgetShards()
			}
		}
		if retry, _ := again(err); !retry && api.KindOf(err) != api.WrongGroup {
			return nil, err
		}
		if hinted(err) && tries < 3 {
			continue
		}
		if !pause(ctx, tries) {
			return nil, err
		}
	}
}

// hinted tells whether an error says whom to ask instead.
func hinted(err error) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Kind == api.NotLeader && e.Leader != ""
}

// forgetShards makes the next call ask for the shard map again.
func (c *Client) forgetShards() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards = nil
}

// Members asks for the members of a group, or to change them.
func (c *Client) Members(ctx context.Context, call api.MembersCall) (*api.Membership, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	if err := c.learn(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	g := c.groups[call.Group]
	c.mu.Unlock()
	if g == nil {
		return nil, api.Errorf(api.NotFound, "look for the group", fmt.Sprint(call.Group), "there is none")
	}
	for tries := 0; ; tries++ {
		node := g.ask()
		answer, err := c.peers.Call(ctx, node, api.MethodMembers, body)
		g.heard(node, err)
		if err == nil {
			m := &api.Membership{}
			return m, json.Unmarshal(answer, m)
		}
		if retry, doubt := again(err); !retry || doubt || !pause(ctx, tries) {
			return nil, err
		}
		if tries%4 == 3 {
			if err := c.learn(ctx); err != nil {
				return nil, err
			}
		}
	}
}
