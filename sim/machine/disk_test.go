package machine

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host/hosttest"
	"picloud/sim/channel"
	"picloud/sim/disk"
)

func TestSimulatedDisk(t *testing.T) {
	for _, profile := range []disk.Profile{disk.SDA1, disk.NVMe} {
		t.Run(profile.String(), func(t *testing.T) {
			hosttest.Disk(t, func(t *testing.T) vfs.FS {
				_, d := newDiskPump(t, 1, disk.Config{Profile: profile}).boot()
				return d
			})
		})
	}
}

// A cache of a few pages puts every read to the device.
func TestSimulatedDiskWithTinyCache(t *testing.T) {
	hosttest.Disk(t, func(t *testing.T) vfs.FS {
		cfg := disk.Config{CacheBytes: 4 * 4096, DirtyBytes: 8192, Writeback: time.Millisecond}
		_, d := newDiskPump(t, 1, cfg).boot()
		return d
	})
}

const anyCategory = vfs.WriteCategoryUnspecified

// newSyncedFile returns an open file whose content and name are durable.
func newSyncedFile(t *testing.T, d *Disk, name, content string) vfs.File {
	t.Helper()
	f, err := d.Create(name, anyCategory)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(d, "/")
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func syncDir(d *Disk, name string) error {
	dir, err := d.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func TestFullDiskIsSeenByTheWriter(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{Capacity: 8 * 4096})
	_, d := p.boot()
	f := newSyncedFile(t, d, "a", "start")
	n, err := f.Write(make([]byte, 10*4096))
	if n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(n, err)
	}
	if _, err := f.WriteAt([]byte("fits"), 0); err != nil {
		t.Fatal("an overwrite needs no room:", err)
	}
	full := p.apply(t, disk.Fault{Kind: disk.Full})
	if _, err := f.WriteAt([]byte("x"), 5*4096); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if _, err := d.Create("b", anyCategory); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if !vfs.IsNoSpaceError(err) {
		t.Fatal("pebble does not know the error for what it is")
	}
	p.heal(full)
	if _, err := f.WriteAt([]byte("x"), 5*4096); err != nil {
		t.Fatal(err)
	}
	if full.Felt() != 2 {
		t.Fatal("felt", full.Felt())
	}
}

func TestReadOnlyDiskReads(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{})
	_, d := p.boot()
	f := newSyncedFile(t, d, "a", "start")
	readOnly := p.apply(t, disk.Fault{Kind: disk.ReadOnly})
	_, writeErr := f.Write([]byte("x"))
	_, createErr := d.Create("b", anyCategory)
	_, lockErr := d.Lock("a")
	for _, err := range []error{writeErr, createErr, lockErr, d.Remove("a"), d.MkdirAll("x/y", 0o755)} {
		if !errors.Is(err, syscall.EROFS) {
			t.Error(err)
		}
	}
	b := make([]byte, 5)
	if _, err := f.ReadAt(b, 0); err != nil || string(b) != "start" {
		t.Fatal(string(b), err)
	}
	if readOnly.Felt() != 5 {
		t.Error("felt", readOnly.Felt())
	}
	p.heal(readOnly)
	if err := d.Remove("a"); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedWriteIsReportedByTheNextSync(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{Capacity: 8 * 4096})
	g, _ := p.boot()
	// A process that looks at an old state of the card, as one does within a slice of its run.
	stale := p.card.State()
	d := &Disk{port: g, state: func() channel.DiskState { return stale }}
	f := newSyncedFile(t, d, "a", "start")
	for i := range int64(3) {
		if _, err := f.WriteAt(make([]byte, 6*4096), i*6*4096); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal("an error is reported once:", err)
	}
}

func TestReadAtLoopsOverShortReads(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{})
	_, d := p.boot()
	f := newSyncedFile(t, d, "a", "twelve bytes")
	p.apply(t, disk.Fault{Kind: disk.Evict})
	short := p.apply(t, disk.Fault{Kind: disk.ShortRead, Times: 1})
	b := make([]byte, 12)
	if n, err := f.ReadAt(b, 0); n != 12 || err != nil || string(b) != "twelve bytes" {
		t.Fatal(n, err)
	}
	if short.Felt() != 1 {
		t.Fatal("felt", short.Felt())
	}
}

func TestLockEndsWithItsProcess(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{})
	g, d := p.boot()
	if _, err := d.Lock("LOCK"); err != nil {
		t.Fatal(err)
	}
	_, other := p.boot()
	if _, err := other.Lock("LOCK"); !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
	p.on(func() { p.card.Gone(g) })
	if _, err := other.Lock("LOCK"); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsOfADyingCard(t *testing.T) {
	p := newDiskPump(t, 1, disk.Config{})
	_, d := p.boot()
	f := newSyncedFile(t, d, "a", "content")
	gone := p.apply(t, disk.Fault{Kind: disk.Gone})
	_, writeErr := f.Write([]byte("x"))
	for _, err := range []error{writeErr, f.Sync(), d.Remove("a")} {
		if !errors.Is(err, syscall.EIO) {
			t.Error(err)
		}
	}
	p.heal(gone)
	if b, err := io.ReadAll(mustOpen(t, d, "a")); err != nil || string(b) != "content" {
		t.Fatal(string(b), err)
	}
	if _, err := d.Open("b"); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, d *Disk, name string) vfs.File {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
