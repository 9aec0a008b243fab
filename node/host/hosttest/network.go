package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"picloud/node/host"
)

// Network checks that a provider keeps the contract of host.Network. Make returns the networks of
// two machines, which may be the same one, and the name by which the first dials the second.
func Network(t *testing.T, make func(t *testing.T) (a, b host.Network, bName string)) {
	for _, c := range []struct {
		name string
		run  func(*pairOfHosts, *testing.T)
	}{
		{"stream carries bytes both ways and closes by halves", (*pairOfHosts).streamBothWays},
		{"large transfers arrive whole while both ends send", (*pairOfHosts).largeTransfers},
		{"addresses of the two ends agree", (*pairOfHosts).addresses},
		{"dial is refused where nobody listens", (*pairOfHosts).dialRefused},
		{"dial of an unknown name is not found", (*pairOfHosts).dialUnknown},
		{"dial with a cancelled context gives up", (*pairOfHosts).dialCancelled},
		{"a taken port is in use until it is closed", (*pairOfHosts).portInUse},
		{"deadlines end reads and accepts, and can be moved", (*pairOfHosts).deadlines},
		{"a full peer blocks writes until a deadline or a read", (*pairOfHosts).backPressure},
		{"close unblocks whoever waits", (*pairOfHosts).closeUnblocks},
		{"close with unread bytes resets the peer", (*pairOfHosts).closeUnread},
		{"writes to a closed peer fail", (*pairOfHosts).writeAfterPeerClosed},
		{"many streams at once", (*pairOfHosts).manyStreams},
		{"packets carry bytes and sender", (*pairOfHosts).packets},
		{"packets have limits and deadlines", (*pairOfHosts).packetLimits},
		{"net/http runs over it", (*pairOfHosts).httpOverIt},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, name := make(t)
			c.run(&pairOfHosts{t: t, a: a, b: b, name: name}, t)
		})
	}
}

type pairOfHosts struct {
	t    *testing.T
	a, b host.Network
	name string
}

// patience is how long something may take that should happen at once.
const patience = 20 * time.Second

func (p *pairOfHosts) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pairOfHosts) listen() (net.Listener, string) {
	p.t.Helper()
	l, err := p.b.Listen("tcp", ":0")
	p.must(err)
	p.t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	p.must(err)
	return l, net.JoinHostPort(p.name, port)
}

func (p *pairOfHosts) dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.a.DialContext(ctx, "tcp", address)
}

// stream opens a stream from a to b.
func (p *pairOfHosts) stream() (a, b net.Conn) {
	p.t.Helper()
	l, address := p.listen()
	a, err := p.dial(address)
	p.must(err)
	b, err = l.Accept()
	p.must(err)
	for _, c := range []net.Conn{a, b} {
		p.must(c.SetDeadline(time.Now().Add(patience)))
		p.t.Cleanup(func() { c.Close() })
	}
	return a, b
}

func (p *pairOfHosts) expectRead(c net.Conn, want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		p.t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func (p *pairOfHosts) expectTimeout(err error, what string) {
	p.t.Helper()
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		p.t.Fatalf("%s: %v, want a timeout", what, err)
	}
}

func (p *pairOfHosts) streamBothWays(t *testing.T) {
	a, b := p.stream()
	for i, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		message := fmt.Sprint("message ", i)
		n, err := io.WriteString(ends[0], message)
		if p.must(err); n != len(message) {
			t.Fatalf("wrote %d of %d bytes", n, len(message))
		}
		p.expectRead(ends[1], message)
	}
	p.must(a.(interface{ CloseWrite() error }).CloseWrite())
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("after the peer closed its half: %d, %v, want EOF", n, err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("write after CloseWrite: %v, want EPIPE", err)
	}
	_, err := io.WriteString(b, "the other half works")
	p.must(err)
	p.must(b.Close())
	rest, err := io.ReadAll(a)
	if p.must(err); string(rest) != "the other half works" {
		t.Fatalf("read %q", rest)
	}
}

func (p *pairOfHosts) largeTransfers(t *testing.T) {
	a, b := p.stream()
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	var all sync.WaitGroup
	for _, c := range []net.Conn{a, b} {
		all.Go(func() {
			if n, err := c.Write(data); n != len(data) || err != nil {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
		})
		all.Go(func() {
			got := make([]byte, len(data))
			if n, err := io.ReadFull(c, got); err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			} else if string(got) != string(data) {
				t.Error("what was read differs from what was written")
			}
		})
	}
	all.Wait()
}

func (p *pairOfHosts) addresses(t *testing.T) {
	a, b := p.stream()
	al, ar, bl, br := a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr()
	if al.String() != br.String() || ar.String() != bl.String() {
		t.Fatalf("a is %v to %v, b is %v to %v", al, ar, bl, br)
	}
	for _, addr := range []net.Addr{al, ar, bl, br} {
		if tcp, ok := addr.(*net.TCPAddr); !ok || tcp.Port == 0 || tcp.IP.IsUnspecified() {
			t.Fatalf("%v (%T) is not an address of a stream", addr, addr)
		}
	}
	l, _ := p.listen()
	c, err := p.dial(l.Addr().String())
	p.must(err) // by address as well as by name
	p.must(c.Close())
}

func (p *pairOfHosts) dialRefused(t *testing.T) {
	l, address := p.listen()
	p.must(l.Close())
	_, err := p.dial(address)
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) ||
		op.Op != "dial" || op.Addr == nil {
		t.Fatalf("%v (%T), want ECONNREFUSED in a dial error with an address", err, err)
	}
}

func (p *pairOfHosts) dialUnknown(t *testing.T) {
	_, err := p.dial("no-such-machine:80")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound {
		t.Fatalf("%v, want a name that is not found", err)
	}
	if _, err := p.dial("no port"); err == nil {
		t.Fatal("an address without a port was dialled")
	}
	if _, err := p.a.DialContext(context.Background(), "carrier-pigeon", p.name+":80"); err == nil {
		t.Fatal("an unknown network was dialled")
	}
}

func (p *pairOfHosts) dialCancelled(t *testing.T) {
	_, address := p.listen()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.a.DialContext(ctx, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want a cancelled context", err)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := p.a.DialContext(ctx, "tcp", address)
	p.expectTimeout(err, "dial after its deadline")
}

func (p *pairOfHosts) portInUse(t *testing.T) {
	l, address := p.listen()
	_, port, _ := net.SplitHostPort(address)
	if _, err := p.b.Listen("tcp", ":"+port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("second listener: %v, want EADDRINUSE", err)
	}
	p.must(l.Close())
	again, err := p.b.Listen("tcp", ":"+port)
	p.must(err)
	p.must(again.Close())
}

func (p *pairOfHosts) deadlines(t *testing.T) {
	a, b := p.stream()
	buf := make([]byte, 8)
	p.must(a.SetReadDeadline(time.Now().Add(10 * time.Millisecond)))
	_, err := a.Read(buf)
	p.expectTimeout(err, "read")
	_, err = io.WriteString(b, "late")
	p.must(err)
	_, err = a.Read(buf)
	p.expectTimeout(err, "read after the deadline, whatever has arrived")
	p.must(a.SetReadDeadline(time.Time{}))
	p.expectRead(a, "late")
	p.must(a.SetReadDeadline(time.Unix(1, 0)))
	_, err = a.Read(buf)
	p.expectTimeout(err, "read with a deadline long ago")
	_, err = a.Write([]byte("writes have a deadline of their own"))
	p.must(err)

	l, _ := p.listen()
	bounded := l.(interface{ SetDeadline(time.Time) error })
	p.must(bounded.SetDeadline(time.Now().Add(10 * time.Millisecond)))
	_, err = l.Accept()
	p.expectTimeout(err, "accept")
}

func (p *pairOfHosts) backPressure(t *testing.T) {
	a, b := p.stream()
	chunk := make([]byte, 256<<10)
	p.must(a.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)))
	var written int64
	for {
		n, err := a.Write(chunk)
		if written += int64(n); err != nil {
			p.expectTimeout(err, "write to a peer that does not read")
			break
		}
		if written > 1<<30 {
			t.Fatal("a gigabyte went into buffers")
		}
	}
	p.must(a.SetWriteDeadline(time.Now().Add(patience)))
	done := make(chan error, 1)
	go func() {
		_, err := a.Write(chunk)
		a.Close()
		done <- err
	}()
	got, err := io.Copy(io.Discard, b)
	p.must(err)
	p.must(<-done)
	if got != written+int64(len(chunk)) {
		t.Fatalf("read %d bytes, %d were written", got, written+int64(len(chunk)))
	}
}

func (p *pairOfHosts) closeUnblocks(t *testing.T) {
	a, _ := p.stream()
	l, _ := p.listen()
	packets, err := p.a.ListenPacket("udp", ":0")
	p.must(err)
	for _, w := range []struct {
		what  string
		wait  func() error
		close func() error
	}{
		{"read", func() error { _, err := a.Read(make([]byte, 1)); return err }, a.Close},
		{"accept", func() error { _, err := l.Accept(); return err }, l.Close},
		{"packet", func() error {
			_, _, err := packets.ReadFrom(make([]byte, 1))
			return err
		}, packets.Close},
	} {
		done := make(chan error, 1)
		go func() { done <- w.wait() }()
		time.Sleep(time.Millisecond) // so that it usually waits; either order must do
		p.must(w.close())
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v, want net.ErrClosed", w.what, err)
		}
		if err := w.wait(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after close: %v, want net.ErrClosed", w.what, err)
		}
		if err := w.close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s closed twice: %v, want net.ErrClosed", w.what, err)
		}
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v, want net.ErrClosed", err)
	}
	if err := a.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("deadline after close: %v, want net.ErrClosed", err)
	}
}

func (p *pairOfHosts) closeUnread(t *testing.T) {
	a, b := p.stream()
	_, err := io.WriteString(a, "read this, but not that")
	p.must(err)
	p.expectRead(b, "read this")
	p.must(b.Close())
	_, err = io.ReadAll(a)
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" {
		t.Fatalf("%v, want ECONNRESET in a read error", err)
	}
}

func (p *pairOfHosts) writeAfterPeerClosed(t *testing.T) {
	a, b := p.stream()
	p.must(b.Close())
	for end := time.Now().Add(patience); ; {
		_, err := a.Write([]byte("is anybody there?"))
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return
		}
		p.must(err)
		if time.Now().After(end) {
			t.Fatal("writes to a closed peer go on")
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *pairOfHosts) manyStreams(t *testing.T) {
	const streams = 50
	l, address := p.listen()
	var all sync.WaitGroup
	all.Go(func() {
		for range streams {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			all.Go(func() {
				defer c.Close()
				if _, err := io.Copy(c, c); err != nil {
					t.Error(err)
				}
			})
		}
	})
	for i := range streams {
		all.Go(func() {
			c, err := p.dial(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			want := strings.Repeat(fmt.Sprint(i, " "), 1000)
			go func() {
				io.WriteString(c, want)
				c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || string(got) != want {
				t.Errorf("stream %d: %d bytes came back, %v", i, len(got), err)
			}
		})
	}
	all.Wait()
}

func (p *pairOfHosts) packetSockets() (a, b net.PacketConn, toB host.PacketAddr) {
	p.t.Helper()
	a, err := p.a.ListenPacket("udp", ":0")
	p.must(err)
	b, err = p.b.ListenPacket("udp", ":0")
	p.must(err)
	for _, c := range []net.PacketConn{a, b} {
		p.must(c.SetDeadline(time.Now().Add(patience)))
		p.t.Cleanup(func() { c.Close() })
	}
	_, port, err := net.SplitHostPort(b.LocalAddr().String())
	p.must(err)
	return a, b, host.PacketAddr(net.JoinHostPort(p.name, port))
}

func (p *pairOfHosts) packets(t *testing.T) {
	a, b, toB := p.packetSockets()
	_, err := a.WriteTo([]byte("ping"), toB)
	p.must(err)
	buf := make([]byte, 64)
	n, from, err := b.ReadFrom(buf)
	p.must(err)
	sender, ok := from.(*net.UDPAddr)
	if string(buf[:n]) != "ping" || !ok || sender.Port != a.LocalAddr().(*net.UDPAddr).Port {
		t.Fatalf("got %q from %v (%T), want ping from %v", buf[:n], from, from, a.LocalAddr())
	}
	_, err = b.WriteTo([]byte("a longer pong"), from)
	p.must(err)
	if n, _, err = a.ReadFrom(buf[:8]); err != nil || string(buf[:n]) != "a longer" {
		t.Fatalf("got %q, %v, want what fits", buf[:n], err)
	}
}

func (p *pairOfHosts) packetLimits(t *testing.T) {
	a, b, toB := p.packetSockets()
	if _, err := a.WriteTo(make([]byte, 65508), toB); !errors.Is(err, syscall.EMSGSIZE) {
		t.Fatalf("packet over the limit: %v, want EMSGSIZE", err)
	}
	_, err := a.WriteTo(make([]byte, 65507), toB)
	p.must(err)
	n, _, err := b.ReadFrom(make([]byte, 1<<16))
	if p.must(err); n != 65507 {
		t.Fatalf("got %d bytes of 65507", n)
	}
	p.must(b.SetReadDeadline(time.Now().Add(10 * time.Millisecond)))
	_, _, err = b.ReadFrom(make([]byte, 1))
	p.expectTimeout(err, "read of packets")
	_, port, _ := net.SplitHostPort(string(toB))
	if _, err := p.b.ListenPacket("udp", ":"+port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("second socket on a port: %v, want EADDRINUSE", err)
	}
}

func (p *pairOfHosts) httpOverIt(t *testing.T) {
	l, address := p.listen()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	transport := &http.Transport{DialContext: p.a.DialContext}
	client := &http.Client{Transport: transport, Timeout: patience}
	for i := range 5 {
		body := strings.NewReader(strings.Repeat("x", i*100_000))
		resp, err := client.Post("http://"+address+"/path", "text/plain", body)
		p.must(err)
		got, err := io.ReadAll(resp.Body)
		p.must(err)
		resp.Body.Close()
		if want := fmt.Sprintf("POST /path %d", i*100_000); string(got) != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	client.CloseIdleConnections()
	p.must(server.Shutdown(context.Background()))
	if err := <-served; err != http.ErrServerClosed {
		t.Fatal(err)
	}
}
