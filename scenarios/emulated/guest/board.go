package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/pi"
	"picloud/node/wait"
)

// useBoard is a program that uses the board for a while as a node does, and by the same parts: it has a relay, reads all that there
// is to read each second, and feeds the watchdog. It ends with a signal.
func useBoard(args []string) (err error) {
	f := flag.NewFlagSet("board", flag.ContinueOnError)
	pin := f.String("relay", "", "the pin of a relay")
	open := f.Bool("open", false, "the relay is open, not closed")
	timeout := f.Duration("watchdog", 0, "the time-out of the watchdog, which is left alone without it")
	if err := f.Parse(args); err != nil {
		return err
	}
	parts, err := pi.Open(pi.Config{})
	if err != nil {
		return err
	}
	b, err := board.Open(parts, hw.Config{Relays: []hw.Relay{{Feeds: "neighbour", Pin: *pin}}})
	if err != nil {
		return errors.Join(err, parts.Close())
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.SetRelay("neighbour", !*open); err != nil {
		return err
	}
	feed := func() error { return nil }
	if *timeout > 0 {
		w, err := b.StartWatchdog(*timeout)
		if err != nil {
			return err
		}
		fmt.Println("board: the watchdog waits", w.Timeout())
		feed = w.Feed
		defer func() { fmt.Println("board: disarm", w.Disarm()) }()
	}
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer end()
	for wait.For(ctx, time.Second) {
		b.Read()
		if err := feed(); err != nil {
			return err
		}
	}
	return nil
}
