package client_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/api"
	"picloud/node/client"
	"picloud/node/host/hosttest"
	"picloud/node/raftnet"
	"picloud/node/rpc"
	"picloud/node/wire"
)

// TestWhatIsLargeMayTakeLongerToArrive writes a value of 1 MiB over a way that takes a second and a half for it, to a node that is well.
func TestWhatIsLargeMayTakeLongerToArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := hosttest.NewMemory()
		port, err := raftnet.Listen(wire.Network{Network: network("pi-1")}, "pi-1", "7000")
		if err != nil {
			t.Fatal(err)
		}
		defer port.Close()
		l, err := port.Listener(raftnet.Requests, 0)
		if err != nil {
			t.Fatal(err)
		}
		says := func(b []byte) rpc.Handler {
			return func(context.Context, []byte) ([]byte, error) { return b, nil }
		}
		shards, err := api.Spread([][]string{{"pi-1"}}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		defer func() { cancel(); <-served }()
		server := &rpc.Server{Log: slog.New(slog.DiscardHandler), MaxCalls: 100, Methods: map[string]rpc.Handler{
			api.MethodShards:  says(shards),
			api.MethodSession: says(api.Numbers{1}.Encode()),
			api.MethodTxn: func(context.Context, []byte) ([]byte, error) {
				time.Sleep(1500 * time.Millisecond)
				return (&api.Reply{Succeeded: true, Revision: 1, Results: make([]api.Result, 1)}).Encode(), nil
			},
		}}
		go func() { served <- server.Serve(ctx, l) }()
		c, err := client.New(network("pi-2"), client.Config{Nodes: []string{"pi-1"}, Port: "7000"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		limited, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		if _, err := c.Txn(limited, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: "a/1", Value: make([]byte, api.MaxValueBytes)}}}); err != nil {
			t.Errorf("it is told: %v", err)
		}
	})
}
