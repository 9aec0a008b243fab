package hosttest

import (
	"io"
	"net"
	"testing"
	"time"

	"picloud/node/host"
)

// Meter checks that a provider counts what a process uses of the machine.
func Meter(t *testing.T, h *host.Host) {
	read := func(t *testing.T) host.Usage {
		t.Helper()
		u, err := h.Meter.Usage()
		must(t, err)
		return u
	}
	t.Run("levels are within their limits", func(t *testing.T) {
		u := read(t)
		if u.MemoryUsed <= 0 || u.MemoryUsed > u.MemoryLimit || u.DiskFree <= 0 || u.DiskFree > u.DiskTotal {
			t.Errorf("%+v", u)
		}
	})
	t.Run("work uses the processor", func(t *testing.T) {
		before, sum := read(t), 0
		for until := time.Now().Add(patience); read(t).CPU < before.CPU+20*time.Millisecond; {
			for i := range 100_000 {
				sum += len(make([]byte, i&1023))
			}
			if time.Sleep(time.Millisecond); time.Now().After(until) {
				t.Fatalf("it stays at %s (%d)", before.CPU, sum)
			}
		}
	})
	t.Run("what is sent and received counts", func(t *testing.T) {
		before := read(t)
		const size = 300_000
		carry(t, h, size)
		if after := read(t); after.NetworkSent < before.NetworkSent+size || after.NetworkReceived < before.NetworkReceived+size {
			t.Errorf("%d bytes took it from %+v to %+v", size, before, after)
		}
	})
	t.Run("a file takes room on the disk", func(t *testing.T) {
		const size = 8 << 20
		for range 5 { // others may use a real disk at the same time
			before := read(t)
			put(t, h.Disk, "large", string(make([]byte, size)))
			after := read(t)
			must(t, h.Disk.Remove("large"))
			if after.DiskFree <= before.DiskFree-size/2 {
				return
			}
		}
		t.Error("and the room that is left stays the same")
	})
}

// carry sends bytes from the machine to itself.
func carry(t *testing.T, h *host.Host, size int64) {
	l, err := h.Network.Listen("tcp", ":0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	c, err := h.Network.DialContext(t.Context(), "tcp", net.JoinHostPort(h.Name, port))
	must(t, err)
	go func() {
		c.Write(make([]byte, size))
		c.Close()
	}()
	other, err := l.Accept()
	must(t, err)
	n, err := io.Copy(io.Discard, other)
	must(t, err)
	same(t, "bytes", n, size)
	must(t, other.Close())
}
