package host_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/host/orders"
)

func TestADiskWithALayerKeepsTheContract(t *testing.T) {
	hosttest.Disk(t, func(t *testing.T) vfs.FS { return host.NewFaulty("pi-1", nil).Disk(realDisk(t)) })
}

func TestASyncedDiskWithALayerKeepsTheContract(t *testing.T) {
	hosttest.Disk(t, func(t *testing.T) vfs.FS {
		d, err := host.NewSyncedDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return host.NewFaulty("pi-1", nil).Disk(d)
	})
}

// machines are two whose processes are one. Of packets, the sender's address is that of both.
func machines() map[string]string { return map[string]string{"pi-1": "127.0.0.1", "pi-2": "127.0.0.2"} }

// pair is a machine with a layer, and another one.
func pair() (layer *host.Faulty, a, b host.Network) {
	layer = host.NewFaulty("pi-1", machines())
	a = layer.Network(&host.RealNetwork{Address: "127.0.0.1", Names: machines()})
	return layer, a, &host.RealNetwork{Address: "127.0.0.2", Names: machines()}
}

func TestANetworkWithALayerKeepsTheContract(t *testing.T) {
	hosttest.Network(t, func(*testing.T) (a, b host.Network, bName string) {
		names := map[string]string{"pi-2": "127.0.0.1"}
		n := host.NewFaulty("pi-1", names).Network(&host.RealNetwork{Names: names})
		return n, n, "pi-2"
	})
}

// TestANetworkInMildWeatherKeepsTheContract: streams whose bytes are held for a moment are streams.
func TestANetworkInMildWeatherKeepsTheContract(t *testing.T) {
	hosttest.Network(t, func(t *testing.T) (a, b host.Network, bName string) {
		names := map[string]string{"pi-2": "127.0.0.1"}
		layer := host.NewFaulty("pi-1", names)
		for _, way := range [][2]string{{"pi-1", "pi-2"}, {"pi-2", "pi-1"}} {
			e, err := layer.Apply(orders.Order{Kind: "net-delay", From: way[0], To: way[1], Params: map[string]int64{"delay": 1, "jitter": 2}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Heal)
		}
		n := layer.Network(&host.RealNetwork{Names: names})
		return n, n, "pi-2"
	})
}

func begin(t *testing.T, layer *host.Faulty, o orders.Order) orders.Effect {
	t.Helper()
	e, err := layer.Apply(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// felt says what is wrong if a fault was not felt.
func felt(t *testing.T, e orders.Effect, kind string) {
	t.Helper()
	if e.Felt() == 0 {
		t.Errorf("%s was not felt", kind)
	}
}

// diskWork is what a test does to a disk on which the file "there" has five bytes.
func diskWork(d vfs.FS, what string) error {
	c := vfs.WriteCategoryUnspecified
	if what == "create" {
		f, err := d.Create("new", c)
		if err == nil {
			f.Close()
		}
		return err
	}
	if what == "folder" {
		return d.MkdirAll("folder", 0o755)
	}
	if what == "stat" {
		_, err := d.Stat("there")
		return err
	}
	if what == "remove" {
		return d.Remove("other")
	}
	f, err := d.Open("there")
	if what != "read" {
		f, err = d.OpenReadWrite("there", c)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	switch what {
	case "read":
		_, err = f.ReadAt(make([]byte, 5), 0)
	case "write over":
		_, err = f.WriteAt([]byte("x"), 0)
	case "append":
		_, err = f.WriteAt([]byte("x"), 5)
	case "sync":
		err = f.Sync()
	}
	return err
}

func TestADiskFaultDoesWhatItSaysAndHeals(t *testing.T) {
	all := []string{"create", "folder", "stat", "read", "write over", "append", "sync", "remove"}
	for _, test := range []struct {
		kind   string
		params map[string]int64
		err    error
		hits   []string
	}{
		{"disk-full", nil, syscall.ENOSPC, []string{"create", "folder", "append"}},
		{"disk-inodes", nil, syscall.ENOSPC, []string{"create", "folder"}},
		{"disk-readonly", nil, syscall.EROFS, []string{"create", "folder", "write over", "append", "remove", "sync"}}, // they open to write
		{"disk-gone", nil, syscall.EIO, all},
		{"disk-fsync-fail", map[string]int64{"count": 1}, syscall.EIO, []string{"sync"}},
		{"disk-read-error", map[string]int64{"rate": 1_000_000}, syscall.EIO, []string{"read"}},
		{"disk-slow", map[string]int64{"factor": 2}, nil, nil},
	} {
		for _, what := range all {
			layer := host.NewFaulty("pi-1", nil)
			d := layer.Disk(realDisk(t))
			put(t, d, "there", "bytes")
			put(t, d, "other", "bytes")
			e := begin(t, layer, orders.Order{Kind: test.kind, Params: test.params})
			err := diskWork(d, what)
			var hit bool
			for _, h := range test.hits {
				hit = hit || h == what
			}
			if hit != (err != nil) || hit && !errors.Is(err, test.err) {
				t.Errorf("%s: %s gives %v", test.kind, what, err)
			}
			if hit || test.kind == "disk-slow" {
				felt(t, e, test.kind)
			}
			e.Heal()
			if err := diskWork(d, what); err != nil && what != "remove" {
				t.Errorf("%s: %s after it was healed: %v", test.kind, what, err)
			}
		}
	}
}

func put(t *testing.T, d vfs.FS, name, content string) {
	t.Helper()
	f, err := d.Create(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write([]byte(content))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskSaysSo(t *testing.T) {
	layer := host.NewFaulty("pi-1", nil)
	d := layer.Disk(realDisk(t))
	e := begin(t, layer, orders.Order{Kind: "disk-full"})
	defer e.Heal()
	if usage, err := d.GetDiskUsage("/"); err != nil || usage.AvailBytes != 0 || usage.TotalBytes == 0 {
		t.Errorf("%+v, %v", usage, err)
	}
}

func TestAReadThatIsSpoiltSpoilsNothing(t *testing.T) {
	layer := host.NewFaulty("pi-1", nil)
	d := layer.Disk(realDisk(t))
	put(t, d, "there", "bytes")
	e := begin(t, layer, orders.Order{Kind: "disk-corrupt-read", Params: map[string]int64{"count": 1}})
	defer e.Heal()
	for i, wrong := range []bool{true, false} {
		f, err := d.Open("there")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil || (string(text) != "bytes") != wrong {
			t.Errorf("read %d gives %q, %v", i, text, err)
		}
		f.Close()
	}
	felt(t, e, "disk-corrupt-read")
}

func TestADiskThatStallsGoesOnWhenItIsHealed(t *testing.T) {
	layer := host.NewFaulty("pi-1", nil)
	d := layer.Disk(realDisk(t))
	put(t, d, "there", "bytes")
	e := begin(t, layer, orders.Order{Kind: "disk-stall"})
	done := make(chan error, 1)
	go func() { done <- diskWork(d, "append") }()
	for e.Felt() == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-done:
		t.Fatalf("the write ended: %v", err)
	default:
	}
	e.Heal()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// stream opens a stream from pi-1, which has the layer, to pi-2.
func stream(t *testing.T, a, b host.Network) (from, to net.Conn) {
	t.Helper()
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	from, err = a.DialContext(t.Context(), "tcp", net.JoinHostPort("pi-2", port))
	if err != nil {
		t.Fatal(err)
	}
	to, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close(); to.Close() })
	return from, to
}

// soon is how long a test looks whether something comes that must not come. Longer finds no more: it has nothing to wait for.
const soon = 30 * time.Millisecond

// silent sees that nothing can be read for a moment.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(soon))
	n, err := c.Read(make([]byte, 1))
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read %d bytes, %v", n, err)
	}
	c.SetReadDeadline(time.Time{})
}

func reads(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

func says(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("wrote %d bytes of %q, %v", n, text, err)
	}
}

func TestACutHoldsOneDirectionAndLosesNothing(t *testing.T) {
	for _, test := range []struct{ from, to string }{{"pi-1", "pi-2"}, {"pi-2", "pi-1"}} {
		layer, a, b := pair()
		dialled, accepted := stream(t, a, b)
		speaker, hearer := dialled, accepted
		if test.from == "pi-2" {
			speaker, hearer = accepted, dialled
		}
		says(t, speaker, "before ")
		reads(t, hearer, "before ")
		e := begin(t, layer, orders.Order{Kind: "net-cut", From: test.from, To: test.to})
		says(t, speaker, "held ")
		silent(t, hearer)
		says(t, hearer, "the other way")
		reads(t, speaker, "the other way")
		if err := speaker.Close(); err != nil {
			t.Error(err)
		}
		silent(t, hearer)
		felt(t, e, "net-cut")
		e.Heal()
		if rest, err := io.ReadAll(hearer); string(rest) != "held " || err != nil {
			t.Errorf("after it was healed: %q, %v", rest, err)
		}
	}
}

func TestNobodyIsReachedThroughACut(t *testing.T) {
	layer, a, b := pair()
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, test := range []struct {
		kind     string
		from, to string
		want     error // of a dial that has a moment's time; nil if it succeeds
	}{
		{"net-cut", "pi-1", "pi-2", context.DeadlineExceeded},
		{"net-cut", "pi-2", "pi-1", context.DeadlineExceeded},
		{"connect-hang", "pi-1", "pi-2", context.DeadlineExceeded},
		{"connect-hang", "pi-2", "pi-1", nil},
		{"connect-refused", "pi-1", "pi-2", syscall.ECONNREFUSED},
		{"connect-refused", "pi-2", "pi-1", nil},
	} {
		e := begin(t, layer, orders.Order{Kind: test.kind, From: test.from, To: test.to})
		limit := time.Minute
		if test.want == context.DeadlineExceeded {
			limit = soon
		}
		for _, name := range []string{"pi-2", "127.0.0.2"} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			c, err := a.DialContext(ctx, "tcp", net.JoinHostPort(name, port))
			cancel()
			timeout := net.Error(nil)
			late := errors.As(err, &timeout) && timeout.Timeout()
			if (err == nil) != (test.want == nil) || test.want == context.DeadlineExceeded && !late || test.want == syscall.ECONNREFUSED && !errors.Is(err, test.want) {
				t.Errorf("%s %s>%s: a dial of %s gives %v", test.kind, test.from, test.to, name, err)
			}
			if err == nil {
				c.Close()
			} else {
				felt(t, e, test.kind)
			}
		}
		done := make(chan error, 1)
		go func() {
			c, err := a.DialContext(t.Context(), "tcp", net.JoinHostPort("pi-2", port))
			if err == nil {
				c.Close()
			}
			done <- err
		}()
		e.Heal()
		if err := <-done; err != nil && test.kind != "connect-refused" {
			t.Errorf("%s: a dial that waited: %v", test.kind, err)
		}
	}
}

func TestAStreamIsReset(t *testing.T) {
	layer, a, b := pair()
	dialled, accepted := stream(t, a, b)
	felt(t, begin(t, layer, orders.Order{Kind: "reset", From: "pi-2", To: "pi-1"}), "reset")
	for _, c := range []net.Conn{dialled, accepted} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a read gives %v", err)
		}
	}
}

func TestAStreamIsHalfOpen(t *testing.T) {
	for _, test := range []struct{ from, to string }{{"pi-1", "pi-2"}, {"pi-2", "pi-1"}} {
		layer, a, b := pair()
		forgets, trusts := stream(t, a, b)
		if test.from == "pi-2" {
			forgets, trusts = trusts, forgets
		}
		felt(t, begin(t, layer, orders.Order{Kind: "half-open", From: test.from, To: test.to}), "half-open")
		time.Sleep(soon) // a read that comes late is told all the same
		if _, err := forgets.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s has forgotten, and reads %v", test.from, err)
		}
		silent(t, trusts)
		says(t, trusts, "are you there?")
		for {
			if _, err := trusts.Read(make([]byte, 1)); errors.Is(err, syscall.ECONNRESET) {
				break
			} else if err == nil || errors.Is(err, io.EOF) {
				t.Fatalf("%s is told %v", test.to, err)
			}
		}
	}
}

func TestAFaultOfAWayIsFelt(t *testing.T) {
	for kind, params := range map[string]map[string]int64{
		"net-delay":     {"delay": 10, "jitter": 5},
		"net-bandwidth": {"rate": 1 << 20},
		"net-loss":      {"rate": 1_000_000},
		"flap":          {"up": 20, "down": 20},
	} {
		for _, from := range []string{"pi-1", "pi-2"} {
			layer, a, b := pair()
			dialled, accepted := stream(t, a, b)
			speaker, hearer, to := dialled, accepted, "pi-2"
			if from == "pi-2" {
				speaker, hearer, to = accepted, dialled, "pi-1"
			}
			e := begin(t, layer, orders.Order{Kind: kind, From: from, To: to, Params: params})
			if kind == "net-loss" {
				says(t, speaker, "late")
				silent(t, hearer)
			} else {
				for e.Felt() == 0 {
					says(t, speaker, "late")
					reads(t, hearer, "late")
				}
				says(t, speaker, "late")
			}
			e.Heal()
			reads(t, hearer, "late")
			felt(t, e, kind)
		}
	}
}

func TestBytesAreSpoiltOnTheirWay(t *testing.T) {
	layer, a, b := pair()
	dialled, accepted := stream(t, a, b)
	e := begin(t, layer, orders.Order{Kind: "net-corrupt", From: "pi-1", To: "pi-2", Params: map[string]int64{"rate": 1_000_000}})
	sent := []byte("bytes")
	says(t, dialled, string(sent))
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(accepted, got); err != nil || string(got) == string(sent) {
		t.Errorf("read %q, %v", got, err)
	}
	felt(t, e, "net-corrupt")
	e.Heal()
	says(t, dialled, "good")
	reads(t, accepted, "good")
}

func TestALayerRefusesWhatItDoesNotKnow(t *testing.T) {
	layer, _, _ := pair()
	for _, o := range []orders.Order{
		{Kind: "disk-rot"}, {Kind: "net-reorder", From: "pi-1", To: "pi-2"}, {Kind: "net-cut", From: "pi-2", To: "pi-3"}, {Kind: "net-cut"},
	} {
		if _, err := layer.Apply(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// TestOrdersReachAMachine that was made with a socket, and no other.
func TestOrdersReachAMachine(t *testing.T) {
	folder := t.TempDir()
	socket := filepath.Join(folder, "pi-1.chaos")
	h, err := host.NewReal(host.RealConfig{Name: "pi-1", Folder: filepath.Join(folder, "pi-1"), Chaos: socket})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := orders.To(socket).Set(t.Context(), []orders.Order{{Name: "full", Kind: "disk-full", Left: time.Hour}})
	if err != nil || len(reply.Refused) > 0 {
		t.Fatal(reply, err)
	}
	if err := diskWork(h.Disk, "create"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if reply, err = orders.To(socket).Set(t.Context(), nil); err != nil || reply.Felt["full"] != 1 {
		t.Error(reply, err)
	}
	if err := diskWork(h.Disk, "create"); err != nil {
		t.Errorf("after it was healed: %v", err)
	}
}
