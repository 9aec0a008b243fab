package machine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"picloud/node/host"
	"picloud/sim/channel"
	simnet "picloud/sim/net"
)

// inLab runs a test with a process on pi-1 and one on pi-2, on time that moves when all wait.
func inLab(t *testing.T, run func(t *testing.T, l *lab, a, b host.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.stop()
		a, _ := l.process("pi-1")
		b, _ := l.process("pi-2")
		run(t, l, a, b)
	})
}

func dial(t *testing.T, n host.Network, address string) (net.Conn, error) {
	t.Helper()
	return n.DialContext(t.Context(), "tcp", address)
}

// connected opens a stream from a to b on port 80.
func connected(t *testing.T, a, b host.Network) (ca, cb net.Conn) {
	t.Helper()
	l, err := b.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ca, err = dial(t, a, "pi-2:80"); err != nil {
		t.Fatal(err)
	}
	if cb, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return ca, cb
}

func (l *lab) apply(t *testing.T, f simnet.Fault) (heal func()) {
	t.Helper()
	var a *simnet.Applied
	var err error
	l.inKernel(func() { a, err = l.net.Apply(t.Name(), f) })
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.inKernel(a.Heal) }
}

func TestDialIntoSilence(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		l.apply(t, simnet.WireCut{})
		start := time.Now()
		_, err := dial(t, a, "pi-2:80")
		var timeout net.Error
		if !errors.Is(err, syscall.ETIMEDOUT) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v, want ETIMEDOUT", err)
		}
		if took := time.Since(start); took < 126*time.Second || took > 128*time.Second {
			t.Errorf("took %v, want 127 s", took)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = a.DialContext(ctx, "tcp", "pi-2:80")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want a timeout after a second", err, time.Since(start))
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = a.DialContext(ctx, "tcp", "pi-2:80"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want a cancelled context", err)
		}
		if left := len(a.(*network).conns); left != 0 {
			t.Errorf("%d streams are left", left)
		}
	})
}

func TestDialOfAnAddressThatNobodyHas(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		_, err := dial(t, a, netip.MustParseAddrPort("10.99.0.1:80").String())
		if !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("%v, want EHOSTUNREACH", err)
		}
	})
}

// TestResetIsToldOnce: bytes that came before it are read, one caller learns why, and after that
// reads find the end and writes a broken pipe.
func TestResetIsToldOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		ca, cb := connected(t, a, b)
		defer ca.Close()
		defer cb.Close()
		io.WriteString(cb, "before")
		time.Sleep(time.Second)
		l.apply(t, simnet.Reset{PPM: 1_000_000})
		time.Sleep(time.Second)
		buf := make([]byte, 16)
		if n, err := ca.Read(buf); string(buf[:n]) != "before" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		if _, err := ca.Write(buf); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("first to ask: %v, want ECONNRESET", err)
		}
		if _, err := ca.Read(buf); err != io.EOF {
			t.Errorf("read after that: %v, want EOF", err)
		}
		if _, err := ca.Write(buf); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after that: %v, want EPIPE", err)
		}
	})
}

// TestWriteIntoPartition: the send buffer takes 256 KiB, then writes wait; all arrives after the
// partition, at the next retransmission.
func TestWriteIntoPartition(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		ca, cb := connected(t, a, b)
		defer ca.Close()
		defer cb.Close()
		heal := l.apply(t, simnet.Split([]string{"pi-1"}, []string{"pi-2"}))
		data := make([]byte, 300<<10)
		ca.SetWriteDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		n, err := ca.Write(data)
		var timeout net.Error
		if n != 256<<10 || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Minute {
			t.Errorf("wrote %d bytes, %v after %v; want a full buffer and a timeout", n, err, time.Since(start))
		}
		heal()
		healed := time.Now()
		if _, err := io.ReadFull(cb, make([]byte, n)); err != nil {
			t.Error(err)
		}
		// Tries were at 0.2, 0.6, ... 51 s; the next is at 102.2 s.
		if waited := time.Since(healed); waited < 42*time.Second || waited > 43*time.Second {
			t.Errorf("arrived %v after the partition, want 42.2 s", waited)
		}
	})
}

func TestCloseReadLeavesWhatHasArrived(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		ca, cb := connected(t, a, b)
		defer ca.Close()
		defer cb.Close()
		io.WriteString(cb, "early")
		time.Sleep(time.Second)
		if err := ca.(interface{ CloseRead() error }).CloseRead(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(ca); string(got) != "early" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := io.WriteString(ca, "still writes"); err != nil {
			t.Error(err)
		}
	})
}

// TestKilledPeer: a process whose peer is killed reads what was sent, then the end.
func TestKilledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.stop()
		a, _ := l.process("pi-1")
		b, peer := l.process("pi-2")
		ca, cb := connected(t, a, b)
		defer ca.Close()
		io.WriteString(cb, "last words")
		l.inKernel(func() { l.net.Host("pi-2").Gone(peer) })
		if got, err := io.ReadAll(ca); string(got) != "last words" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		cb.Close()
	})
}

// TestPacketsDropWhenNobodyReads: the socket's buffer is bounded, and works again once it is read.
func TestPacketsDropWhenNobodyReads(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		pa, err := a.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		pb, err := b.ListenPacket("udp", ":53")
		if err != nil {
			t.Fatal(err)
		}
		defer pa.Close()
		defer pb.Close()
		for range 2 {
			for range 1000 {
				if _, err := pa.WriteTo(make([]byte, 1000), host.PacketAddr("pi-2:53")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Millisecond)
			}
			got := 0
			pb.SetReadDeadline(time.Now().Add(time.Second))
			for {
				if _, _, err := pb.ReadFrom(make([]byte, 2000)); err != nil {
					break
				}
				got++
			}
			if got != 208<<10/1000 {
				t.Errorf("read %d packets, want a buffer's worth", got)
			}
		}
		if _, err := pa.WriteTo([]byte("x"), host.PacketAddr("pi-9:53")); err == nil {
			t.Error("a packet went to an unknown name")
		}
	})
}

// TestDataForAStreamThatWasJustClosed: the mail goroutine may hold the stream when another closes it.
func TestDataForAStreamThatWasJustClosed(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab, a, b host.Network) {
		ca, cb := connected(t, a, b)
		defer ca.Close()
		if _, err := ca.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(cb, make([]byte, 400)); err != nil {
			t.Fatal(err)
		}
		cb.Close()
		cb.(*conn).handle(channel.Frame{Op: channel.NetData, Data: make([]byte, 1000)})
		if kept := cb.(*conn).in; kept != nil {
			t.Errorf("a closed stream keeps %d bytes", len(kept))
		}
	})
}
