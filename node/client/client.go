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
	"slices"
	"strings"
	"sync"
	"time"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/raftnet"
	"picloud/node/rpc"
	"picloud/node/wait"
	"picloud/node/wire"
)

// Config says where the store is.
type Config struct {
	Nodes []string // some that are asked first
	Port  string   // of all nodes
	// Attempt is how long one node has to answer before another is asked, beside the time for what is sent to it; 700 ms if zero.
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

var (
	_ api.Store = (*Client)(nil)
	_ api.Feed  = (*Client)(nil)
)

// New returns a client that reaches the store by a network.
func New(network host.Network, c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Attempt == 0 {
		c.Attempt = 700 * time.Millisecond
	}
	return &Client{config: c, peers: raftnet.Peers(wire.Network{Network: network}, c.Port), groups: map[uint32]*group{}}, nil
}

// Close ends all that is under way.
func (c *Client) Close() { c.peers.Close() }

// group is what a client knows of a group.
type group struct {
	number  uint32
	session session

	mu      sync.Mutex
	members []string
	leader  string   // who is asked first; empty for any
	lost    []string // members that said last that their copies are lost
}

// ask returns whom to ask: some member, or the leader as far as it is known.
func (g *group) ask(anybody bool) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leader != "" && !anybody {
		return g.leader
	}
	return g.members[rand.IntN(len(g.members))]
}

// heard notes what a node's answer says of the group's leader.
func (g *group) heard(node string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = slices.DeleteFunc(g.lost, func(n string) bool { return n == node || err == nil })
	if api.KindOf(err) == api.Lost {
		g.lost = append(g.lost, node)
	}
	switch leader := hint(err); {
	case err == nil:
		g.leader = node
	case leader != "" && leader != node:
		g.leader = leader
	case g.leader == node:
		g.leader = "" // it does not lead, does not answer, or does not know
	}
}

// again is the function of that name, but that a group, if it is known, has lost its data for good once so many members have said it that
// the others are no majority.
func (g *group) again(err error) (retry, doubt bool) {
	if g == nil {
		return again(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if api.KindOf(err) == api.Lost && len(g.lost) > (len(g.members)-1)/2 {
		return false, false
	}
	return again(err)
}

// inTheEnd returns the error with which a call ends whose time is over: that of the last attempt, or that members have lost their copies,
// which is why nobody serves.
func (g *group) inTheEnd(err error) error {
	if g == nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.lost) == 0 {
		return err
	}
	return api.Errorf(api.Lost, "use", fmt.Sprint("group ", g.number), "the copies of %s are damaged, and the others do not serve: %s", strings.Join(g.lost, " and "), err)
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
		var err error
		if m, err = c.Shards(ctx); err != nil {
			return nil, err
		}
	}
	shard, err := m.Of(partition)
	if err != nil {
		return nil, err
	}
	return c.group(shard.Group), nil
}

// group returns what is known of a group, nil if there is none.
func (c *Client) group(number uint32) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.groups[number]
}

// Shards asks one node after another for the shard map, until of each group one that has a member of it has
// said who the others are. The map is not to be changed.
func (c *Client) Shards(ctx context.Context) (*api.ShardMap, error) {
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
		return nil, last
	}
	c.setShards(merged)
	return merged, nil
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
	return c.within(ctx, c.config.Attempt, node, method, body)
}

// byteTime is how much longer a call may take for each byte of its body: a slow way takes as long for one that is large.
const byteTime = time.Microsecond

// within calls a node, which has a time to answer once it has the body.
func (c *Client) within(ctx context.Context, limit time.Duration, node, method string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Duration(len(body))*byteTime)
	defer cancel()
	return c.peers.Call(ctx, node, method, body)
}

// pause waits a moment before another attempt, and returns false if the time is over.
func pause(ctx context.Context, tries int) bool {
	most := min(10*time.Millisecond<<min(tries, 5), 200*time.Millisecond)
	return wait.For(ctx, most/2+rand.N(most/2))
}

// again tells whether an error may be gone when the call is made again, and whether the call may have
// taken effect.
func again(err error) (retry, doubt bool) {
	switch api.KindOf(err) {
	case api.NotLeader, api.Unavailable, api.NotFound, api.Lost:
		return true, false
	case api.Unknown:
		return true, true
	}
	return false, false
}

// question is a call without an effect.
type question struct {
	partition string // whose group is asked
	method    string
	anybody   bool // in the group, not only its leader
	limit     time.Duration
	body      func(group uint32) []byte
}

// call asks one node after the other until one answers, each for as long as the limit says.
func (c *Client) call(ctx context.Context, q question) ([]byte, error) {
	for tries := 0; ; tries++ {
		g, err := c.of(ctx, q.partition)
		if err == nil {
			node := g.ask(q.anybody)
			var answer []byte
			if answer, err = c.within(ctx, q.limit, node, q.method, q.body(g.number)); err == nil {
				if !q.anybody {
					g.heard(node, nil)
				}
				return answer, nil
			}
			g.heard(node, err)
			if kind := api.KindOf(err); kind == api.WrongGroup || kind == api.NotFound || tries%8 == 7 {
				c.forgetShards()
			}
		}
		retry, _ := g.again(err)
		if !retry && api.KindOf(err) != api.WrongGroup {
			return nil, err
		}
		if hint(err) != "" && tries < 3 {
			continue
		}
		if !pause(ctx, tries) {
			return nil, g.inTheEnd(err)
		}
	}
}

// hint returns whom an error says to ask instead, nothing if it does not say that.
func hint(err error) string {
	var e *api.Error
	if errors.As(err, &e) && e.Kind == api.NotLeader {
		return e.Leader
	}
	return ""
}

// forgetShards makes the next call ask for the shard map again.
func (c *Client) forgetShards() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shards = nil
}

// Applied asks one node what entries of some groups it has applied last; 0 for a group that it has no member of.
func (c *Client) Applied(ctx context.Context, node string, groups []uint32) ([]uint64, error) {
	n, bad, err := api.AskOfEach(groups, func(question []byte) ([]byte, error) {
		return c.attempt(ctx, node, api.MethodApplied, question)
	})
	if bad {
		err = api.Errorf(api.Internal, "ask how far it is", node, "%s", err)
	}
	return n, err
}

// Members asks for the members of a group, or to change them.
func (c *Client) Members(ctx context.Context, call api.MembersCall) (*api.Membership, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	if _, err := c.Shards(ctx); err != nil {
		return nil, err
	}
	g := c.group(call.Group)
	if g == nil {
		return nil, api.Errorf(api.NotFound, "look for the group", fmt.Sprint(call.Group), "there is none")
	}
	for tries := 0; ; tries++ {
		node := g.ask(false)
		ask := c.peers.Call // a change takes its time
		if call == (api.MembersCall{Group: call.Group}) {
			ask = c.attempt
		}
		answer, err := ask(ctx, node, api.MethodMembers, body)
		g.heard(node, err)
		if err == nil {
			m := &api.Membership{}
			return m, json.Unmarshal(answer, m)
		}
		if retry, doubt := g.again(err); !retry || doubt || !pause(ctx, tries) {
			return nil, err
		}
		if tries%4 == 3 {
			if _, err := c.Shards(ctx); err != nil {
				return nil, err
			}
		}
	}
}
