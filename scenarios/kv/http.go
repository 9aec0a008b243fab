package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"picloud/node/host"
	"picloud/node/wire"
	"picloud/scenarios/history"
)

// OverHTTP returns the way to a cloud that serves commands by Serve.
func OverHTTP(h *host.Host, c ClientConfig) func() Cloud {
	network := wire.Network{Network: h.Network}
	return func() Cloud {
		return &overHTTP{
			nodes: c.Nodes, anywhere: c.Anywhere,
			leader: c.Nodes[rand.IntN(len(c.Nodes))],
			http: &http.Client{Transport: &http.Transport{
				DialContext:         network.DialContext,
				MaxIdleConnsPerHost: 1,
				IdleConnTimeout:     30 * time.Second,
			}},
		}
	}
}

type overHTTP struct {
	nodes    []string
	anywhere int64 // see ClientConfig
	http     *http.Client
	leader   string // who is asked first
}

func (c *overHTTP) anyNode() string { return c.nodes[rand.IntN(len(c.nodes))] }

// anyOther returns a node that was not asked last, if there is one.
func (c *overHTTP) anyOther() string {
	others := slices.DeleteFunc(slices.Clone(c.nodes), func(n string) bool { return n == c.leader })
	if len(others) == 0 {
		return c.leader
	}
	return others[rand.IntN(len(others))]
}

// Do sends the command to one node after another for as long as it has certainly had no effect.
func (c *overHTTP) Do(ctx context.Context, cmd Command) (outcome history.Outcome, result, why string) {
	if rand.Int64N(1e6) < c.anywhere {
		c.leader = c.anyNode()
	}
	body, err := json.Marshal(cmd)
	if err != nil {
		return history.Failed, "", err.Error()
	}
	for {
		sent, before, leader, err := c.send(ctx, body)
		switch {
		case err == nil && leader == "":
			return history.OK, before, ""
		case err != nil && sent && cmd.Kind != history.Read:
			c.leader = c.anyOther() // this one may hang
			return history.Unknown, "", err.Error()
		case err != nil && ctx.Err() != nil:
			c.leader = c.anyOther()
			return history.Failed, "", err.Error()
		}
		if leader == "" || leader == tryAnother || leader == c.leader {
			leader = c.anyNode()
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return history.Failed, "", "no leader in time"
			}
		}
		c.leader = leader
	}
}

// tryAnother stands for a leader that is not known.
const tryAnother = "?"

// send sends a command to the node that is taken for the leader. It tells whether the command may
// have taken effect, and who should be asked instead if it has not.
func (c *overHTTP) send(ctx context.Context, body []byte) (sent bool, before, leader string, err error) {
	ctx, connected := withConnected(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.leader+":"+Port+path, bytes.NewReader(body))
	if err != nil {
		return false, "", "", err
	}
	request.GetBody = nil // never sent twice behind our back
	reply, err := c.http.Do(request)
	if err != nil {
		return connected(), "", "", err
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxBody))
	if err != nil {
		return true, "", "", err
	}
	switch reply.StatusCode {
	case http.StatusOK:
		var a answer
		if err := json.Unmarshal(data, &a); err != nil {
			return true, "", "", err
		}
		return true, a.Before, "", nil
	case http.StatusMisdirectedRequest:
		if leader := reply.Header.Get(headerLeader); leader != "" {
			return false, "", leader, nil
		}
		return false, "", tryAnother, nil
	}
	return true, "", "", fmt.Errorf("status %d: %s", reply.StatusCode, bytes.TrimSpace(data))
}
