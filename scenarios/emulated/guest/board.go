package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"time"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/pi"
	"picloud/node/wait"
)

// openRelay opens the relay at a pin, which cuts a machine off, and then reads all that there is to read each second, as a node does, until
// a signal ends it.
func openRelay(pin string) (err error) {
	parts, err := pi.Open(pi.Config{})
	if err != nil {
		return err
	}
	b, err := board.Open(parts, hw.Config{Relays: []hw.Relay{{Feeds: "neighbour", Pin: pin}}})
	if err != nil {
		return errors.Join(err, parts.Close())
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.SetRelay("neighbour", false); err != nil {
		return err
	}
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer end()
	for wait.For(ctx, time.Second) {
		b.Read()
	}
	return nil
}
