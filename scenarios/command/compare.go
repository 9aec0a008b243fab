package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"picloud/reports"
	"picloud/scenarios/compare"
)

// etcdFolder is where a checkout keeps etcd.
const etcdFolder = ".cache/etcd"

// Bench measures the store against etcd.
func Bench(ctx context.Context, args []string) error {
	f := flags("bench", `bench [-seconds N] [-runs N] [-reads PERCENT] [-loops N] [-connections N] [-value BYTES] [-groups N] [-out FOLDER]

Measures the store against etcd: three nodes of each as real processes on this machine, with their data on
the same disk, both with syncs, and loaded alike: loops that put values under new keys and read them
linearizably, each request after the answer to the last. The stores take turns, and each run of ours is
compared with etcd's after it: throughput, median, p99, CPU time of the servers for each request, and bytes
written to disk for each byte acknowledged. The first time it builds etcd (`+compare.EtcdVersion+`), which takes minutes and
needs its modules. Writes FOLDER/bench.json.

Examples:
  picloud bench
  picloud bench -seconds 5 -runs 1
  picloud bench -reads 0 -loops 256 -connections 16`)
	c := compare.Config{}
	seconds := f.Int("seconds", 30, "measured of each run, after a few to warm up")
	f.IntVar(&c.Runs, "runs", 5, "runs of each store")
	f.IntVar(&c.ReadPercent, "reads", 50, "percent of the requests that read")
	f.IntVar(&c.Loops, "loops", 64, "requests under way at one time")
	f.IntVar(&c.Connections, "connections", 8, "clients that the loops share, each with its own connections")
	f.IntVar(&c.ValueBytes, "value", 256, "bytes of a value")
	f.IntVar(&c.Groups, "groups", 1, "groups of our store: etcd is one, up makes three")
	out := f.String("out", "out", "the folder for bench.json, and for the servers' data while they run")
	drives := f.Bool("drive", false, "load our store as standard input says: bench starts itself so")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if *drives {
		return compare.Drive(ctx)
	}
	c.Measure, c.Folder = time.Duration(*seconds)*time.Second, filepath.Join(*out, "bench-data")
	root, err := checkout()
	if err != nil {
		return errors.New("bench: it builds programs, which it can only inside a checkout of the project")
	}
	if c.Program, err = os.Executable(); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	folder := filepath.Join(root, etcdFolder)
	if _, err := os.Stat(filepath.Join(folder, "etcd")); err != nil {
		fmt.Fprintf(os.Stderr, "building etcd %s in %s; the first time takes minutes\n", compare.EtcdVersion, folder)
	}
	if c.Etcd, err = compare.Build(ctx, folder, os.Stderr); err != nil {
		return err
	}
	return contest(ctx, c, *out)
}

// contest compares, shows and writes down.
func contest(ctx context.Context, c compare.Config, out string) error {
	fmt.Println(compare.Head)
	report, err := compare.Compare(ctx, c, func(n int, store string) {
		tell("run %d of %d: %s, for %s", n, 2*c.Runs, store, c.Measure)
	}, func(r compare.Run) {
		tell("")
		fmt.Println(compare.Row(r))
	})
	tell("")
	if err != nil {
		return err
	}
	fmt.Print("\n", report.Table())
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return reports.WriteFile(filepath.Join(out, "bench.json"), append(b, '\n'))
}
