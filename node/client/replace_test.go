package client_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/api"
	"picloud/node/owned"
)

// spoil changes bytes in the middle of every file of a folder whose name has an ending, and says how many
// files there are.
func spoil(t *testing.T, disk *vfs.MemFS, ending string) (files int) {
	t.Helper()
	names, err := disk.List("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ending) {
			continue
		}
		f, err := disk.OpenReadWrite("store/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		files++
		if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 64), info.Size()/2); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return files
}

// suspect leaves what a process leaves that found damage.
func suspect(t *testing.T, disk *vfs.MemFS, node string) {
	t.Helper()
	if err := owned.Write(disk, "store-damaged", owned.Owner{Cloud: "picloud", Node: node}, map[string]string{"why": "a read went wrong"}); err != nil {
		t.Fatal(err)
	}
}

// TestADamagedNodeComesBackAsANewMember spoils or takes away what a node has, one node after the other: each
// gets everything again from the others, and in the end every copy is a good one.
func TestADamagedNodeComesBackAsANewMember(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	names := []string{"pi-1", "pi-2", "pi-3"}
	s := newShelf(t, api.Spread([][]string{names, names}), names...)
	s.startAll()
	c := s.client()
	written := 0
	write := func(n int) {
		for range n {
			key := fmt.Sprintf("p%d/k%d", written%7, written)
			if _, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Put, Key: key, Value: bytes.Repeat([]byte("v"), 300)}}}); err != nil {
				t.Fatal(err)
			}
			written++
		}
	}
	for i, harm := range []struct {
		name string
		do   func(disk *vfs.MemFS, node string)
	}{
		{"a spoilt write-ahead log", func(disk *vfs.MemFS, node string) { spoil(t, disk, ".log") }},
		{"a spoilt manifest", func(disk *vfs.MemFS, node string) {
			names, _ := disk.List("store")
			i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, "MANIFEST") })
			spoil(t, disk, names[i])
		}},
		{"a spoilt table that a process found, and ended", func(disk *vfs.MemFS, node string) {
			if spoil(t, disk, ".sst") == 0 {
				t.Fatal("there is no table to spoil")
			}
			suspect(t, disk, node)
		}},
		{"another card", func(disk *vfs.MemFS, node string) {
			names, _ := disk.List("")
			for _, name := range names {
				if err := disk.RemoveAll(name); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"a false alarm", func(disk *vfs.MemFS, node string) { suspect(t, disk, node) }},
	} {
		name := names[i%len(names)]
		write(120)
		s.stop(name)
		harm.do(s.disks[name], name)
		write(20)
		s.start(name)
		for group := range uint32(2) {
			s.voter(ctx, group, name, harm.name)
		}
		if _, err := s.disks[name].Stat("store-damaged"); err == nil {
			t.Errorf("after %s the disk is still taken for damaged", harm.name)
		}
	}
	for p := range 7 {
		reply, err := c.Txn(ctx, &api.Txn{Then: []api.Op{{Kind: api.Scan, Key: fmt.Sprint("p", p)}}})
		if err != nil || len(reply.Results[0].Records) != written/7 {
			t.Errorf("partition %d has %d of %d records, %v", p, len(reply.Results[0].Records), written/7, err)
		}
	}
}

// voter waits until a node votes in a group.
func (s *shelf) voter(ctx context.Context, group uint32, name, after string) {
	s.t.Helper()
	c := s.client()
	for {
		m, err := c.Members(ctx, api.MembersCall{Group: group})
		if err == nil && slices.Contains(m.Voters, name) && s.joined(ctx, group, name) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			s.t.Fatalf("after %s %s is not a member of group %d again: %+v, %v", after, name, group, m, err)
		}
	}
}

// joined tells whether a node answers for a group.
func (s *shelf) joined(ctx context.Context, group uint32, name string) bool {
	shards, err := s.clientOf(name).Shards(ctx)
	return err == nil && shards.Shards[group].FirstHand
}
