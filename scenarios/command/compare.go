package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/compare"
)

// foreignFolder is where a checkout keeps others' programs, each in a folder of its name.
const foreignFolder = ".cache"

// comparison is one that bench can make.
type comparison struct {
	name string
	make func(ctx context.Context) (*compare.Contest, error)
}

// contests returns the comparisons in the order in which they are made.
func contests(store *compare.Store, copies int) []comparison {
	return []comparison{
		{"store", func(ctx context.Context) (c *compare.Contest, err error) {
			store.Etcd, err = buildForeign(ctx, compare.Etcd())
			return store.Contest(), err
		}},
		{"lb", func(context.Context) (*compare.Contest, error) {
			return (&compare.Balancer{Program: store.Program, Loops: store.Loops, AnswerBytes: 1024}).Contest()
		}},
		{"queue", func(ctx context.Context) (*compare.Contest, error) {
			nats, err := buildForeign(ctx, compare.NATS())
			if err != nil {
				return nil, err
			}
			return (&compare.Queue{Program: store.Program, NATS: nats, Loops: store.Loops, Connections: store.Connections, PayloadBytes: store.ValueBytes,
				Groups: store.Groups, Copies: copies, Partitions: 1}).Contest()
		}},
		{"cache", func(context.Context) (*compare.Contest, error) {
			return (&compare.Cache{Program: store.Program, Connections: store.Connections, Loops: store.Loops, ValueBytes: store.ValueBytes}).Contest()
		}},
	}
}

// drive is what other processes of a comparison do. The bench starts itself for that.
func drive(ctx context.Context, what string) error {
	name, rest, _ := strings.Cut(strings.TrimSpace(what), " ")
	words := strings.Fields(rest)
	switch name {
	case "store":
		return compare.DriveStore(ctx)
	case "lb":
		return compare.DriveBalancer(ctx)
	case "queue":
		return compare.DriveQueue(ctx)
	case "cache":
		return compare.DriveCache(ctx)
	case "memcached":
		return compare.DriveMemcached(ctx)
	case "beanstalkd":
		return compare.DriveBeanstalkd(ctx)
	case "lb-proxy":
		if len(words) > 1 {
			return compare.ServeProxy(ctx, words[0], words[1:])
		}
	case "lb-server":
		if len(words) == 2 {
			if n, err := strconv.Atoi(words[1]); err == nil {
				return compare.ServeBehindBalancer(ctx, words[0], n)
			}
		}
	}
	return fmt.Errorf("bench: nothing drives %q", what)
}

// Bench measures parts of the cloud against what people would use in their place.
func Bench(ctx context.Context, args []string) error {
	f := flags("bench", `bench [-only NAMES] [-seconds N] [-runs N] [-loops N] [-reads PERCENT] [-connections N] [-value BYTES] [-groups N] [-copies N] [-out FOLDER]

Measures parts of the cloud against what people would use in their place, as real processes on this machine.
They take turns, and each run of ours is compared with the others' after it: throughput, median, p99, and
CPU time of the servers for each request. Writes FOLDER/bench-NAME.json.

  store  against etcd (`+compare.Etcd().Version+`): three nodes of each with their data on the same disk, both with syncs; loops
         put values under new keys and read them linearizably, each request after the answer to the last.
         Also bytes written to disk for each byte acknowledged. The first time it builds etcd, which takes
         minutes and needs its modules.
  lb     the load balancer against HAProxy and nginx, and against the standard library's reverse proxy alone, before
         two servers that answer at once. Needs Debian's packages haproxy and nginx-light.
  queue  the work queues against NATS' JetStream (`+compare.NATS().Version+`), three nodes of each, and beanstalkd, which is one; all with a
         sync before each answer. Loops put jobs, and workers are done with them at once. The first time it builds
         NATS, which needs its modules; and it needs Debian's package beanstalkd.
  cache  the cache against memcached, one server of each; loops read what both have in memory, ours through the client that
         applications use. Needs Debian's package memcached.

Examples:
  picloud bench
  picloud bench -only lb -seconds 5 -runs 1
  picloud bench -only queue -copies 1
  picloud bench -only store -reads 0 -loops 256 -connections 16`)
	s := &compare.Store{}
	only := f.String("only", "", "names of comparisons, separated by commas; all if it is empty")
	seconds := f.Int("seconds", 30, "measured of each run, after a few to warm up")
	runs := f.Int("runs", 5, "runs of each")
	f.IntVar(&s.Loops, "loops", 64, "requests under way at one time")
	f.IntVar(&s.ReadPercent, "reads", 50, "store: percent of the requests that read")
	f.IntVar(&s.Connections, "connections", 8, "store: clients that the loops share, each with its own connections")
	f.IntVar(&s.ValueBytes, "value", 256, "store: bytes of a value")
	f.IntVar(&s.Groups, "groups", 1, "store: groups of ours; etcd is one, up makes three")
	copies := f.Int("copies", 3, "queue: copies of each job that ours keeps, one for each node; JetStream keeps three, and beanstalkd one")
	out := f.String("out", "out", "the folder for the results, and for the servers' data while they run")
	drives := f.String("drive", "", "for bench itself, which starts its clients and its small servers so")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *drives != "" {
		return drive(ctx, *drives)
	}
	var err error
	if s.Program, err = os.Executable(); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	chosen, err := named(contests(s, *copies), "comparison", func(c comparison) string { return c.name }, *only)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	for _, c := range chosen {
		contest, err := c.make(ctx)
		if err != nil {
			return err
		}
		contest.Runs, contest.Measure, contest.Folder = *runs, time.Duration(*seconds)*time.Second, filepath.Join(*out, "bench-data")
		if err := hold(ctx, contest, *out); err != nil {
			return err
		}
	}
	return nil
}

// buildForeign sees that somebody else's program is there, and returns it.
func buildForeign(ctx context.Context, f *compare.Foreign) (string, error) {
	root, err := checkout()
	if err != nil {
		return "", errors.New("bench: it builds programs, which it can only inside a checkout of the project")
	}
	folder := filepath.Join(root, foreignFolder, f.Name)
	if _, err := os.Stat(filepath.Join(folder, f.Name)); err != nil {
		fmt.Fprintf(os.Stderr, "building %s %s in %s; the first time takes minutes\n", f.Name, f.Version, folder)
	}
	return f.Build(ctx, folder, os.Stderr)
}

// hold compares, shows and writes down.
func hold(ctx context.Context, c *compare.Contest, out string) error {
	fmt.Printf("%s\n%s\n", c.Name, compare.Head)
	report, err := c.Hold(ctx, func(n, of int, name string) {
		tell("run %d of %d: %s, for %s", n, of, name, c.Measure)
	}, func(r compare.Run) {
		tell("")
		fmt.Println(compare.Row(r))
	})
	tell("")
	if err != nil {
		return err
	}
	fmt.Print("\n", report.Table(), "\n")
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return reports.WriteFile(filepath.Join(out, "bench-"+c.Name+".json"), append(b, '\n'))
}
