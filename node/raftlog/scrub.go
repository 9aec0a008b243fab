package raftlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/hashicorp/raft"
)

// Scrub reads every table of the database from the disk, past Pebble's cache, and then every entry of every
// group, and verifies the checksums of both. It returns the first damage or failed read.
func (d *DB) Scrub(ctx context.Context) error {
	if err := d.scrubTables(ctx); err != nil {
		return fmt.Errorf("raftlog: scrub: %w", err)
	}
	it, err := d.pebble.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: logKey(0, 0), UpperBound: logKey(maxGroups, 0)})
	if err != nil {
		return fmt.Errorf("raftlog: scrub: %w", err)
	}
	var log raft.Log
	for it.First(); it.Valid() && ctx.Err() == nil; it.Next() {
		if err = decode(it.Value(), &log); err != nil {
			err = fmt.Errorf("raftlog: scrub: entry %d: %w", indexOf(it.Key()), err)
			break
		}
	}
	return errors.Join(err, it.Close(), ctx.Err())
}

// scrubTables reads the tables that the database consists of, each once, though several may be parts of one. One
// that compaction has removed meanwhile is no part of it any more.
func (d *DB) scrubTables(ctx context.Context) error {
	levels, err := d.pebble.SSTables()
	if err != nil {
		return err
	}
	read := map[string]bool{}
	for _, tables := range levels {
		for _, t := range tables {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			path := d.disk.PathJoin(d.dir, fmt.Sprintf("%s.sst", t.BackingSSTNum))
			if read[path] {
				continue
			}
			read[path] = true
			if err := d.scrubTable(ctx, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (d *DB) scrubTable(ctx context.Context, path string) error {
	file, err := d.disk.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	table, err := sstable.NewReader(ctx, readable, sstable.ReaderOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", path, errors.Join(err, readable.Close()))
	}
	if err := errors.Join(table.ValidateBlockChecksums(), table.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
