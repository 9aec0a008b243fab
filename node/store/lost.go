package store

import (
	"context"
	"time"

	"picloud/node/api"
	"picloud/node/raftnet"
	"picloud/node/rpc"
	"picloud/node/wait"
)

// A node whose disk is damaged, and which too few others are left to let go, serves nothing: neither what it has nor
// anything made up. It says so to whoever asks. When a majority of a group's members say that, what the group holds is lost to the
// cloud, until people bring a copy back.

// standStill is for a node that cannot tell from its disk what lies on it, as a file that says so is damaged. It changes nothing, says that
// this copy is lost, and looks again now and then: reads go wrong for a moment too. It returns nil once the disk is open. A node that is
// alone, or that something else keeps from starting, has that error at once.
func (s *Store) standStill(ctx context.Context, why error) error {
	for api.KindOf(why) == api.Damaged && len(others(s.config.Nodes, s.config.Node)) > 0 && ctx.Err() == nil {
		s.metrics.damage.Set(1)
		s.log.Error("the disk is damaged, and the node does not start from it", "why", why.Error())
		stop, err := s.sayLost(why)
		if err != nil {
			return err
		}
		wait.For(ctx, readIdentityAgain)
		if err := stop(); err != nil {
			return err
		}
		if why = s.openDisk(ctx); why == nil {
			s.log.Info("the disk is whole after all")
		}
	}
	return why
}

// readIdentityAgain is how often.
const readIdentityAgain = 10 * time.Second

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
