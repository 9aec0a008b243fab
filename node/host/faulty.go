package host

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host/orders"
)

// Faulty is a layer over a machine's disk and network which breaks them as it is ordered. It is put there only for a
// process that was told to be broken, and is transparent for as long as nothing was ordered.
//
// It breaks nothing that does not heal: what is stored stays as it is, and what was sent arrives, late.
type Faulty struct {
	disk diskFaults
	ways *ways
}

// NewFaulty returns the layer of a machine, by the names and addresses that the network has.
func NewFaulty(name string, machines map[string]string) *Faulty {
	return &Faulty{ways: newWays(name, machines)}
}

// Disk returns a disk with the layer over it.
func (f *Faulty) Disk(d vfs.FS) vfs.FS { return &faultyDisk{d, &f.disk} }

// Network returns a network with the layer over it.
func (f *Faulty) Network(n Network) Network { return &faultyNetwork{n, f.ways} }

// Serve takes orders at a Unix socket, until the server is closed.
func (f *Faulty) Serve(socket string) (*orders.Server, error) {
	return orders.Serve(socket, orders.New(f.Apply, orders.Lease))
}

// Apply begins a fault. Kinds of disks have the catalogue's names: disk-full, disk-inodes, disk-readonly, disk-gone, disk-stall,
// disk-slow (factor), disk-fsync-fail (count), disk-read-error (rate), disk-corrupt-read (count). So have those of the
// ways between this machine and another one (net-delay, net-bandwidth, net-loss, net-corrupt, flap, connect-refused,
// connect-hang, reset, half-open), but for net-cut: nothing passes.
func (f *Faulty) Apply(o orders.Order) (orders.Effect, error) {
	if strings.HasPrefix(o.Kind, "disk-") {
		return f.disk.apply(&o)
	}
	return f.ways.apply(&o)
}

const million = 1_000_000

// chance draws with a chance in parts per million.
func chance(ppm int64) bool { return rand.Int64N(million) < ppm }

// spoil flips one bit of bytes that are not none.
func spoil(b []byte) { b[rand.IntN(len(b))] ^= 1 << rand.IntN(8) }

// tally counts what a fault does, and perhaps how often it may do it yet.
type tally struct {
	felt  atomic.Int64
	left  atomic.Int64
	first func() // is told the first time
}

// feel counts once more.
func (t *tally) feel() {
	if t.felt.Add(1) == 1 && t.first != nil {
		t.first()
	}
}

// take says whether a fault that happens a number of times happens now, and counts it.
func (t *tally) take() bool {
	if t.left.Add(-1) < 0 {
		return false
	}
	t.feel()
	return true
}

// sleep waits for a time, but not longer than until a channel is closed.
func sleep(d time.Duration, over <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-over:
	}
}
