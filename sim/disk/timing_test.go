package disk

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// normalQuantile finds the quantile of the normal distribution by bisection.
func normalQuantile(p float64) float64 {
	lo, hi := -10.0, 10.0
	for range 100 {
		mid := (lo + hi) / 2
		if math.Erfc(-mid/math.Sqrt2)/2 < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func TestTablesAreLogNormal(t *testing.T) {
	for sigma, table := range map[float64]*[quantiles]int32{0.5: &sigma50, 0.3: &sigma30} {
		for i, got := range table {
			want := 65536 * math.Exp(sigma*normalQuantile((float64(i)+0.5)/quantiles))
			if math.Abs(float64(got)-want) > 1 {
				t.Errorf("sigma %g, entry %d: got %d, want %.1f", sigma, i, got, want)
			}
		}
	}
}

func TestSyncTimes(t *testing.T) {
	for _, c := range []struct {
		profile            Profile
		median, p90, slack time.Duration
		over100ms          [2]int // of 100,000
	}{
		{SDA1, 2700 * time.Microsecond, 6 * time.Millisecond, time.Millisecond, [2]int{800, 1_200}},
		{SDGood, 900 * time.Microsecond, 1750 * time.Microsecond, 200 * time.Microsecond, [2]int{70, 130}},
		{SSD, 700 * time.Microsecond, 1020 * time.Microsecond, 40 * time.Microsecond, [2]int{0, 0}},
		{NVMe, 300 * time.Microsecond, 440 * time.Microsecond, 20 * time.Microsecond, [2]int{0, 0}},
	} {
		s := sampler{profile: profiles()[c.profile], rng: event.Stream(1, "x")}
		const n = 100_000
		times := make([]time.Duration, n)
		now, over := event.Time(0), 0
		for i := range times {
			times[i] = s.sync(now)
			now = now.Add(times[i] + 45*time.Millisecond)
			if times[i] >= 100*time.Millisecond {
				over++
			}
		}
		slices.Sort(times)
		near := func(what string, got, want time.Duration) {
			if got < want-c.slack || got > want+c.slack {
				t.Errorf("%s: %s is %s, want about %s", c.profile, what, got, want)
			}
		}
		near("median", times[n/2], c.median)
		near("90th percentile", times[n*9/10], c.p90)
		if over < c.over100ms[0] || over > c.over100ms[1] {
			t.Errorf("%s: %d of %d syncs took over 100 ms", c.profile, over, n)
		}
	}
}

func TestStallsCluster(t *testing.T) {
	s := sampler{profile: profiles()[SDA1], rng: event.Stream(1, "x")}
	rate := func(clustered bool) float64 {
		stalls := 0
		for range 50_000 {
			s.cluster = 0
			if clustered {
				s.cluster = event.Time(time.Hour)
			}
			if s.sync(1) >= 100*time.Millisecond {
				stalls++
			}
		}
		return float64(stalls) / 50_000
	}
	if alone, after := rate(false), rate(true); after < 15*alone || after > 25*alone {
		t.Errorf("stalls: %.4f alone, %.4f after one", alone, after)
	}
}

// timed returns the virtual time that a call takes.
func (p *process) timed(op uint8, a, b int64) time.Duration {
	p.t.Helper()
	start := p.loop.Now()
	p.must(op, a, b, "")
	return p.loop.Now().Sub(start)
}

func TestCachedReadsTakeNoTime(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", 64*blockSize))
	read := func(block, n int64) time.Duration {
		return p.timed(channel.DiskRead, f, channel.DiskRange(block*blockSize, int(n*blockSize)))
	}
	if d := read(3, 1); d != 0 {
		t.Error("what was written is cached: ", d)
	}
	p.evictAll()
	if d := read(8, 1); d != 667*time.Microsecond+409600*time.Nanosecond {
		t.Error("a random read: ", d)
	}
	if d := read(8, 1); d != 0 {
		t.Error("read again: ", d)
	}
	if d := read(9, 1); d != 32*409600*time.Nanosecond {
		t.Error("a read that follows on takes the read-ahead's time: ", d)
	}
	if d := read(10, 16) + read(26, 15); d != 0 {
		t.Error("what was read ahead: ", d)
	}
}

func TestSyncWaitsBehindWrites(t *testing.T) {
	p := newProcess(t, 1, Config{Profile: SDA1, DirtyBytes: 1 << 20})
	small, big := p.durable("/small", "x"), p.create("/big")
	for i := range int64(32) {
		p.write(big, i<<16, strings.Repeat("x", 1<<16)) // 2 MiB: beyond the limit it is written back
	}
	p.write(small, 0, "y")
	if d := p.timed(channel.DiskSync, small, 0); d < 100*time.Millisecond {
		t.Error("1 MiB takes 100 ms, the sync behind it only ", d)
	}
}

func TestSyncsAreSlowerUnderPressure(t *testing.T) {
	for _, c := range []struct {
		capacity, waiting, held int64 // bytes
		want                    time.Duration
	}{
		{1 << 30, 0, 0, 1},
		{1 << 30, 256 << 10, 0, 2},
		{1 << 30, 1 << 20, 0, 3},
		{1 << 30, 4 << 20, 0, 4},
		{1 << 20, 0, 950 << 10, 2},
		{1 << 22, 3 << 20, 900 << 10, 4},
	} {
		p := newProcess(t, 1, Config{Capacity: c.capacity})
		held, waiting := p.create("/held"), p.create("/waiting")
		p.fill(held, c.held)
		p.sync(held)
		p.fill(waiting, c.waiting)
		p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskFlush, ID: uint64(waiting)})
		if got := p.card.pressure(); got != c.want {
			t.Errorf("%+v: factor %d", c, got)
		}
	}
}

// fill writes n bytes to a file.
func (p *process) fill(file, n int64) {
	for off := int64(0); off < n; off += 1 << 16 {
		p.write(file, off, strings.Repeat("x", int(min(1<<16, n-off))))
	}
}

func TestSlowCard(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", blockSize))
	p.evictAll()
	slow := p.apply(Fault{Kind: Slow, Factor: 10})
	if d := p.timed(channel.DiskRead, f, channel.DiskRange(0, 10)); d != 10*(667*time.Microsecond+409600) {
		t.Error(d)
	}
	p.wantFelt(slow, 1)
}

// A read is under way while its card becomes slow, and another while its card is slow no more: what is left of
// each takes its time at the new speed.
func TestWhatIsUnderWayGoesOnAtTheNewSpeed(t *testing.T) {
	const half = (667*time.Microsecond + 409600) / 2 // of a read
	slow := Fault{Kind: Slow, Factor: 10}
	t.Run("becomes slow", func(t *testing.T) {
		p := newProcess(t, 1, Config{})
		f := p.durable("/a", strings.Repeat("x", blockSize))
		p.evictAll()
		var fault *Active
		p.loop.After(half, func() { fault = p.apply(slow) })
		if d := p.timed(channel.DiskRead, f, channel.DiskRange(0, 10)); d != half+10*half {
			t.Error(d)
		}
		p.wantFelt(fault, 1)
	})
	t.Run("is slow no more", func(t *testing.T) {
		p := newProcess(t, 1, Config{})
		f := p.durable("/a", strings.Repeat("x", blockSize))
		p.evictAll()
		fault := p.apply(slow)
		p.loop.After(10*half, fault.Heal)
		if d := p.timed(channel.DiskRead, f, channel.DiskRange(0, 10)); d != 10*half+half {
			t.Error(d)
		}
		p.wantFelt(fault, 1)
	})
}

// TestACardIsBusyWhileItServes: who looks in between sees what has passed, at either speed. A card that stalls serves nothing.
func TestACardIsBusyWhileItServes(t *testing.T) {
	const half = (667*time.Microsecond + 409600) / 2 // of a read
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", blockSize))
	p.evictAll()
	before := p.card.Stats().Busy
	later := func(d, want time.Duration) {
		t.Helper()
		p.loop.RunUntil(p.loop.Now().Add(d))
		if busy := p.card.Stats().Busy - before; busy != want {
			t.Errorf("it was busy for %v, not %v", busy, want)
		}
	}
	p.start(channel.DiskRead, f, channel.DiskRange(0, 10), "")
	later(half, half)
	slow := p.apply(Fault{Kind: Slow, Factor: 10})
	later(5*half, 6*half)
	stall := p.apply(Fault{Kind: Stall})
	later(time.Second, 6*half)
	stall.Heal()
	later(time.Second, 11*half) // all of it
	slow.Heal()
	later(time.Second, 11*half)
}

func TestCacheKeepsItsLimit(t *testing.T) {
	p := newProcess(t, 1, Config{CacheBytes: 16 * blockSize})
	f := p.create("/a")
	for i := range int64(100) {
		p.write(f, i*blockSize, fmt.Sprintf("%04d", i))
		p.sync(f)
	}
	if n := len(p.card.cache.pages); n > 16 {
		t.Fatalf("%d pages are cached", n)
	}
	for i := range int64(100) {
		if r := p.read(f, i*blockSize, 4); string(r.Data) != fmt.Sprintf("%04d", i) {
			t.Fatalf("block %d reads %q", i, r.Data)
		}
	}
}

// A seed decides everything: the same story told twice ends at the same time in the same state.
func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) string {
		p := newProcess(t, seed, Config{CacheBytes: 8 * blockSize})
		p.apply(Fault{Kind: LostWrite, PPM: 100_000})
		p.apply(Fault{Kind: CorruptRead, PPM: 100_000, Bits: 3})
		for round := range 5 {
			f := p.create(fmt.Sprintf("/f%d", round))
			p.syncRoot()
			for i := range int64(40) {
				p.write(f, i*1000, strings.Repeat(string(rune('a'+i%26)), 1000))
				if i%7 == 0 {
					p.sync(f)
				}
				p.read(f, i*500, 300)
			}
			p.reboot(DrawCrash)
		}
		return p.loop.Now().String() + p.card.Files().String()
	}
	if first, second := run(1), run(1); first != second {
		t.Error("two runs of one seed differ")
	}
	if run(1) == run(2) {
		t.Error("the seed changes nothing")
	}
}

func TestMediumAndLoad(t *testing.T) {
	p := newProcess(t, 1, Config{})
	p.must(channel.DiskMkdirAll, 0, 0, "/d/e")
	f := p.durable("/a", "durable")
	p.write(f, 0, "PENDING")
	want := Snapshot{file("/a", "durable"), {Path: "/d", Dir: true}}
	expect(t, p.card.Medium(), want)
	other := newProcess(t, 2, Config{})
	other.create("/old")
	if err := other.card.Load(want); err == nil {
		t.Fatal("a card that is in use was loaded")
	}
	other.card.Gone(other)
	if err := other.card.Load(want); err != nil {
		t.Fatal(err)
	}
	expect(t, other.card.Files(), want)
	other.reboot(LoseAll)
	expect(t, other.card.Files(), want)
}

func TestBadConfigsAreRefused(t *testing.T) {
	for _, cfg := range []Config{{Profile: 9}, {Capacity: -1}, {Inodes: -1}, {CacheBytes: -1}, {DirtyBytes: -1}} {
		if _, err := New(event.NewLoop(1), "x", cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
	for _, p := range []Profile{SDA1, SDGood, SSD, NVMe} {
		if back, err := ParseProfile(p.String()); back != p || err != nil {
			t.Error(p, err)
		}
	}
}

func BenchmarkWriteSync4K(b *testing.B) {
	p := newProcess(b, 1, Config{Profile: NVMe})
	f := p.create("/a")
	data := strings.Repeat("x", blockSize)
	b.ReportAllocs()
	b.SetBytes(blockSize)
	for i := 0; b.Loop(); i++ {
		p.write(f, int64(i%1024)*blockSize, data)
		p.sync(f)
	}
}

func BenchmarkAppend100BytesSync(b *testing.B) {
	p := newProcess(b, 1, Config{Profile: NVMe})
	f := p.create("/a")
	data := strings.Repeat("x", 100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.write(f, int64(i%40000)*100, data)
		p.sync(f)
	}
}

func BenchmarkCachedRead4K(b *testing.B) {
	p := newProcess(b, 1, Config{Profile: NVMe})
	f := p.durable("/a", strings.Repeat("x", 256*blockSize))
	b.ReportAllocs()
	b.SetBytes(blockSize)
	for i := 0; b.Loop(); i++ {
		p.read(f, int64(i%256)*blockSize, blockSize)
	}
}

// TestWhatIsDoneIsNotPaidTwice: a request is weighed when its turn comes, and what was done before it is done.
func TestWhatIsDoneIsNotPaidTwice(t *testing.T) {
	p := newProcess(t, 1, Config{DirtyBytes: 1<<20 - 1})
	f := p.durable("/a", strings.Repeat("x", 32*blockSize))
	cliff := p.apply(Fault{Kind: Cliff, Factor: 2, After: 3 << 19})
	p.write(f, 0, strings.Repeat("y", 1<<20)) // which is written back at once
	if took := p.timed(channel.DiskSync, f, 0); took > 180*time.Millisecond {
		t.Errorf("a sync behind the write-back of all that it is for took %v", took)
	}
	p.wantFelt(cliff, 0)
	p.evictAll()
	p.prefetch(f, 0, 32*blockSize)
	if took := p.timed(channel.DiskRead, f, channel.DiskRange(8*blockSize, blockSize)); took > 16*time.Millisecond {
		t.Errorf("a read behind the prefetch of what it is for took %v", took)
	}
}
