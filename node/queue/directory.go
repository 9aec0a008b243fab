package queue

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"picloud/node/api"
	"picloud/node/presence"
)

// place decides in which of a queue's partitions a job is to lie, any of some if nothing says which; or what is wrong.
func (j *PlacedJob) place(of api.Partitions, some []string) *api.Error {
	const doing = "enqueue a job"
	switch {
	case j.Partition != "" && j.Owner != "":
		return api.Errorf(api.BadRequest, doing, "", "it has a partition or an owner, not both")
	case j.Partition != "" && !slices.Contains(of.All(), j.Partition):
		return api.Errorf(api.BadRequest, doing, "", "%.80q is not a partition of %s", j.Partition, j.Queue)
	case j.Owner != "":
		j.Partition = of.Of(j.Owner)
	case j.Partition == "" && j.Unique != "":
		j.Partition = of.Of(j.Unique)
	case j.Partition == "":
		if len(some) == 0 {
			some = of.All()
		}
		j.Partition = some[rand.IntN(len(some))]
	}
	j.Owner = ""
	return nil
}

// know takes note of the servers there are.
func (c *Client) know(list []presence.Instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers = slices.DeleteFunc(slices.Clone(list), func(i presence.Instance) bool { return i.Draining })
	c.rich, c.asked = nil, time.Time{}
	close(c.changed)
	c.changed = make(chan struct{})
}

// known returns the addresses of the servers there are, beginning with another one each time.
func (c *Client) known() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.servers)
	addresses := make([]string, n)
	c.turn++
	for i := range addresses {
		addresses[i] = c.servers[(c.turn+i)%n].Address
	}
	return addresses
}

// askAgain is how long what servers say of their queues is believed when a queue is not among them.
const askAgain = 5 * time.Second

// partitionsOf returns the partitions of a queue, if a server has said which they are.
func (c *Client) partitionsOf(ctx context.Context, queue string) (api.Partitions, bool) {
	c.mu.Lock()
	p, known := c.queues[queue]
	old := time.Since(c.asked) > askAgain && (!known || c.asked.IsZero()) && len(c.servers) > 0
	if old {
		c.asked = time.Now()
	}
	c.mu.Unlock()
	if !old {
		return p, known
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	for _, server := range c.known() {
		var out queuesAnswer
		if err := c.ask(ctx, server, "/v1/queues", nil, &out); err != nil {
			continue
		}
		queues := map[string]api.Partitions{}
		for _, q := range out.Queues {
			queues[q.Queue] = api.Partitions{Namespace: q.Namespace, Count: q.Partitions}
		}
		c.mu.Lock()
		c.queues = queues
		c.mu.Unlock()
		p, known = queues[queue]
		break
	}
	return p, known
}

// ownerOf returns the server that looks after a partition; after tries that were in vain, or if none is given, any.
func (c *Client) ownerOf(partition string, tries int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.servers)
	if n == 0 {
		return ""
	}
	if partition == "" || tries > 1 {
		return c.servers[rand.IntN(n)].Address
	}
	return c.addressOf(partition)
}

// addressOf returns the address of the server that looks after a partition, as far as is known. The lock is held.
func (c *Client) addressOf(partition string) string {
	ids := make([]string, len(c.servers))
	for i := range c.servers {
		ids[i] = c.servers[i].ID
	}
	best := owner(ids, partition)
	i := slices.IndexFunc(c.servers, func(s presence.Instance) bool { return s.ID == best })
	return c.servers[i].Address
}

// handing returns the servers that hand out jobs of some queues, all where that is not known, and what is closed when there
// are others.
func (c *Client) handing(ctx context.Context, queues []string) ([]string, <-chan struct{}) {
	all := false
	var of []api.Partitions
	for _, q := range queues {
		p, known := c.partitionsOf(ctx, q)
		all = all || !known
		of = append(of, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var addresses []string
	for i := range c.servers {
		if all {
			addresses = append(addresses, c.servers[i].Address)
		}
	}
	for _, p := range of {
		if !all && len(c.servers) > 0 {
			for _, partition := range p.All() {
				addresses = append(addresses, c.addressOf(partition))
			}
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), c.changed
}
