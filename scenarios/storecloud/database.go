package storecloud

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"picloud/node"
	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/wait"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// Database is where a database listens.
type Database struct {
	HTTP, RESP string // host:port
}

// The ports of the database that runs on a machine of clients. Neither protocol has a sum over what it sends, so in
// a world whose wires change bits it is asked over loopback, as an application on a Pi does.
const (
	ownHTTP = "8080"
	ownRESP = "6379"
)

// beginDatabase starts a database on the machine of the clients, and has them use it. The context that it returns
// ends with the database, if that cannot go on.
func beginDatabase(ctx context.Context, h *host.Host, c *ClientConfig) (_ context.Context, end func() error) {
	config := &node.Config{Nodes: c.Nodes, StorePort: c.Port, HTTP: ownHTTP, DB: &node.DB{RESP: ownRESP}}
	c.Databases = append(c.Databases, Database{HTTP: "localhost:" + ownHTTP, RESP: "localhost:" + ownRESP})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- node.Run(ctx, h, config)
		cancel()
	}()
	return ctx, func() error {
		cancel()
		return <-ended
	}
}

// shared is registers of which a third each lies in the store, as documents of the database, and as strings of
// its Redis. Which one a key belongs to its name says, so the history of a key is of one thing.
type shared [3]kv.Cloud

// Do runs one command where its key lies.
func (s shared) Do(ctx context.Context, c kv.Command) (outcome history.Outcome, result, why string) {
	return s[way(c.Key)].Do(ctx, c)
}

// way returns the way to a key: by the number of its place, as kv names keys.
func way(key string) int {
	place, _, _ := strings.Cut(strings.TrimPrefix(key, "k"), ".")
	n, err := strconv.Atoi(place)
	if err != nil {
		panic(fmt.Sprintf("storecloud: the key %q has no place", key))
	}
	return n % 3
}

// Registers returns one client's way to registers, through databases too if there are any.
func Registers(h *host.Host, store api.Store, databases []Database) kv.Cloud {
	if len(databases) == 0 {
		return register{store}
	}
	return shared{register{store}, newDocuments(h.Network, databases), newTexts(h.Network, databases)}
}

// retryPause is the mean time before a request is sent again.
const retryPause = 100 * time.Millisecond

// pause waits before another attempt. It returns false if there is no time for one.
func pause(ctx context.Context) bool {
	return wait.For(ctx, rand.N(2*retryPause))
}
