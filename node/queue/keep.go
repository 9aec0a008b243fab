package queue

import (
	"context"
	"time"

	"picloud/node/api"
)

// Heartbeat lets a reservation last; see Delivery.
func (c *Client) Heartbeat(ctx context.Context, d *Delivery, hold time.Duration) error {
	if hold == 0 {
		hold = d.Hold
	}
	if err := validHold(hold.Milliseconds()); err != nil {
		return err
	}
	return c.settle(ctx, d, settling{Verb: "heartbeat", Hold: hold.Milliseconds()}, func(s settler) error {
		return s.heartbeat(ctx, *d.ticket(), hold)
	})
}

// Done ends a job with its effect; see Delivery.
func (c *Client) Done(ctx context.Context, d *Delivery, e *Effect) error {
	if _, err := e.addition(d.Partition); err != nil {
		return err
	}
	in := settling{Verb: "done"}
	if err := in.pack(e); err != nil {
		return err
	}
	return c.settle(ctx, d, in, func(s settler) error {
		return s.done(ctx, *d.ticket(), e)
	})
}

// orNone returns nil for an effect that has nothing in it.
func (e *Effect) orNone() *Effect {
	if e == nil || len(e.If)+len(e.Then)+len(e.Jobs) == 0 {
		return nil
	}
	return e
}

// Release gives a job back; see Delivery.
func (c *Client) Release(ctx context.Context, d *Delivery) error {
	return c.settle(ctx, d, settling{Verb: "release"}, func(s settler) error { return s.release(ctx, *d.ticket()) })
}

// Fail says that an attempt failed; see Delivery. How long the job sleeps then is for servers to say, so it needs one.
func (c *Client) Fail(ctx context.Context, d *Delivery, why string) error {
	if len(why) > maxError {
		why = why[:maxError]
	}
	return c.settle(ctx, d, settling{Verb: "fail", Why: why}, nil)
}

// settle has the server that handed out a job treat its reservation, then another if it is not there; and if none is, the
// store itself, if that can be done. What has been tried may have taken effect: whoever comes second finds it so, and
// does not know then who it was.
func (c *Client) settle(ctx context.Context, d *Delivery, s settling, direct func(settler) error) error {
	s.Queue, s.Partition, s.ID, s.Token = d.Job.Queue, d.Partition, d.ID, d.Token
	servers := c.known()
	doubt := false
	var err error
	for i, server := range append([]string{d.server}, servers...) {
		if server == "" || i > 0 && server == d.server {
			continue
		}
		var out settled
		asking, cancel := patience(ctx)
		if out, err = c.settles.of(server, s.Partition).do(asking, &s); err == nil && out.Error != nil {
			err = out.Error
		}
		cancel()
		switch api.KindOf(err) {
		case api.Unavailable:
		case api.Unknown:
			doubt = true
		default:
			return sure(err, doubt)
		}
		if direct != nil || ctx.Err() != nil {
			break
		}
	}
	switch {
	case direct != nil && ctx.Err() == nil:
		err = direct(settler{directly{c.store}, c.store})
	case err == nil:
		err = api.Errorf(api.Unavailable, s.Verb, d.ID, "no queue server is known")
	}
	return sure(err, doubt)
}

// patience returns a context for one server to answer in. Who calls has some time left then for whoever is asked next: a machine without
// power refuses nothing, it is only silent.
func patience(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := answerLimit
	if until, is := ctx.Deadline(); is {
		limit = min(limit, time.Until(until)/2)
	}
	return context.WithTimeout(ctx, limit)
}

// sure makes an error say what is known for certain: what is over may be so because of what was tried before.
func sure(err error, doubt bool) error {
	if doubt && api.KindOf(err) == api.NotFound {
		return api.Errorf(api.Unknown, "end the attempt", "", "it has ended, by this or by another")
	}
	return err
}

func (c *Client) sendSettles(server string, list []*settling) ([]settled, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit+requestLimit)
	defer cancel()
	in := settleCall{}
	for _, s := range list {
		in.Reservations = append(in.Reservations, *s)
	}
	var out settleAnswer
	err := c.ask(ctx, server, "/v1/settle", &in, &out)
	return out.Reservations, err
}

// size returns about how many bytes it has.
func (s *settling) size() int {
	n := len(s.ID) + len(s.Why) + len(s.Changes)
	if s.Effect != nil {
		for i := range s.Effect.Jobs {
			n += len(s.Effect.Jobs[i].Payload)
		}
	}
	return n
}
