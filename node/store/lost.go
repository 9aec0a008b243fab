package store

import (
	"context"

	"picloud/node/api"
	"picloud/node/raftnet"
	"picloud/node/rpc"
)

// A node whose disk is damaged, and which too few others are left to let go, serves nothing: neither what it has nor
// anything made up. It says so to whoever asks. When a majority of a group's members say that, what the group holds is lost to the
// cloud, until people bring a copy back.

// sayLost opens the port, and answers each request with an error that says that this copy is lost, until it is stopped.
func (s *Store) sayLost(why error) (stop func() error, err error) {
	if s.port == nil {
		if s.port, err = raftnet.Listen(s.network(), s.config.Node, s.config.Port); err != nil {
			return nil, err
		}
	}
	l, err := s.port.Listener(raftnet.Requests, 0)
	if err != nil {
		return nil, err
	}
	lost := func(context.Context, []byte) ([]byte, error) {
		return nil, api.Errorf(api.Lost, "use", "the copy of "+s.config.Node, "it is damaged, and the others have not let the node go: %s", why)
	}
	methods := s.methods()
	for name := range methods {
		methods[name] = s.counted(name, lost)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&rpc.Server{Methods: methods, Log: s.log, MaxCalls: maxCalls}).Serve(ctx, l) }()
	return func() error {
		cancel()
		if err := <-ended; err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	}, nil
}
