package disk

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/sim/channel"
)

// content reads a file's first bytes as a process does.
func (p *process) content(file int64, n int) string {
	p.t.Helper()
	r := p.read(file, 0, n)
	if r.Err != 0 {
		p.t.Fatal(r.Err)
	}
	return string(r.Data)
}

func (p *process) evictAll() { p.apply(Fault{Kind: Evict}).Heal() }

func (p *process) wantFelt(a *Active, want int64) {
	p.t.Helper()
	if a.Felt() != want {
		p.t.Fatalf("%s was felt %d times, want %d", a.Kind, a.Felt(), want)
	}
}

func (p *process) want(what, got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func TestFailedSyncThenFalseSuccess(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	fail := p.apply(Fault{Kind: SyncFail, Times: 1})
	p.write(f, 0, "new")
	if r := p.sync(f); r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	if r := p.sync(f); r.Err != 0 {
		t.Fatal("the second sync has nothing left to fail on: ", r.Err)
	}
	p.wantFelt(fail, 1)
	p.want("from the cache", p.content(f, 3), "new")
	p.evictAll()
	p.want("from the card", p.content(f, 3), "old")
}

func TestLyingSync(t *testing.T) {
	for _, healed := range []bool{false, true} {
		p := newProcess(t, 1, Config{})
		f := p.durable("/a", "old")
		lie := p.apply(Fault{Kind: SyncLie})
		p.write(f, 0, "new")
		if r := p.sync(f); r.Err != 0 {
			t.Fatal(r.Err)
		}
		p.wantFelt(lie, 1)
		want := "old"
		if healed { // an honest sync empties the drive's cache
			lie.Heal()
			p.sync(f)
			want = "new"
		}
		p.reboot(LoseAll)
		expect(t, p.card.Files(), Snapshot{file("/a", want)})
	}
}

func TestReadErrors(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", 3*blockSize))
	g := p.durable("/b", "other")
	p.evictAll()
	bad := p.apply(Fault{Kind: ReadError, Path: "/a", From: blockSize, To: blockSize + 1})
	for range 2 {
		if r := p.read(f, blockSize+100, 10); r.Err != syscall.EIO {
			t.Fatal("the block is bad for good: ", r.Err)
		}
	}
	for _, r := range []channel.Frame{p.read(f, 0, 10), p.read(f, 2*blockSize, 10), p.read(g, 0, 5)} {
		if r.Err != 0 {
			t.Fatal("what lies beside is fine: ", r.Err)
		}
	}
	p.wantFelt(bad, 2)
	bad.Heal()
	p.content(f, 2*blockSize)
	once := p.apply(Fault{Kind: ReadError, Times: 1})
	p.content(f, 10)
	p.wantFelt(once, 0) // cached
	p.evictAll()
	if r := p.read(f, 0, 10); r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	p.content(f, 10)
	p.wantFelt(once, 1)
}

func TestRotIsSeenWhenTheCardIsRead(t *testing.T) {
	p := newProcess(t, 1, Config{})
	want := strings.Repeat("x", 2*blockSize)
	f := p.durable("/a", want)
	p.durable("/b", want)
	rot := p.apply(Fault{Kind: Rot, Path: "a", From: blockSize, Bits: 3})
	p.want("from the cache", p.content(f, 2*blockSize), want)
	p.wantFelt(rot, 0)
	p.reboot(KeepAll)
	f = p.must(channel.DiskOpen, channel.OpenWrite, 0, "/a").A
	got := p.content(f, 2*blockSize)
	if flipped := differences(got, want); flipped != 3 || got[:blockSize] != want[:blockSize] {
		t.Fatalf("%d bits flipped", flipped)
	}
	p.wantFelt(rot, 3)
	p.write(f, 0, want)
	p.sync(f)
	p.evictAll()
	p.want("written anew", p.content(f, 2*blockSize), want)
	p.wantFelt(rot, 3)
}

// TestRotIsFeltByAWriteThatReads the rest of its page, which then goes back to the card as it was read.
func TestRotIsFeltByAWriteThatReads(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", 100))
	p.evictAll()
	rot := p.apply(Fault{Kind: Rot, To: 50})
	p.write(f, 0, strings.Repeat("x", 100))
	p.wantFelt(rot, 0) // it is written whole
	p.sync(f)
	p.evictAll()
	rot = p.apply(Fault{Kind: Rot, To: 50})
	p.write(f, 100, "y")
	if flipped := differences(p.content(f, 100), strings.Repeat("x", 100)); flipped != 1 {
		t.Errorf("%d bits flipped", flipped)
	}
	p.wantFelt(rot, 1)
}

// TestAPrefetchMeetsNoError: nobody waits for it.
func TestAPrefetchMeetsNoError(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", 3*blockSize))
	p.evictAll()
	bad := p.apply(Fault{Kind: ReadError, Times: 1})
	p.prefetch(f, 100, blockSize)
	p.wantFelt(bad, 0)
	p.loop.RunUntil(p.loop.Now().Add(time.Second))
	p.wantFelt(bad, 0)
	p.evictAll()
	if r := p.read(f, 0, 1); r.Err != syscall.EIO {
		t.Error("the read that somebody waits for does not fail: ", r.Err)
	}
}

// A page that was read from the card shares its content, until the card's changes.
func TestDamageDoesNotReachTheCache(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f, g := p.durable("/a", "aaaaa"), p.durable("/b", "bbbbb")
	p.evictAll()
	p.content(f, 5)
	p.content(g, 5)
	p.apply(Fault{Kind: Rot, Path: "/b"})
	p.want("after rot", p.content(g, 5), "bbbbb")
	p.apply(Fault{Kind: MisdirectedWrite, Path: "/a", Times: 1})
	p.write(f, 0, "XX")
	p.sync(f)
	p.want("after a stray write", p.content(g, 5), "bbbbb")
}

// differences counts the bits in which two strings of one length differ.
func differences(a, b string) (bits int) {
	for i := range len(a) {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			bits++
		}
	}
	return bits
}

func TestCorruptReadOnce(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "right")
	p.evictAll()
	corrupt := p.apply(Fault{Kind: CorruptRead, Times: 1, Bits: 5})
	if flipped := differences(p.content(f, 5), "right"); flipped != 5 {
		t.Fatalf("%d bits flipped", flipped)
	}
	p.want("read again", p.content(f, 5), "right")
	p.wantFelt(corrupt, 1)
}

func TestShortRead(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "twelve bytes")
	p.evictAll()
	short := p.apply(Fault{Kind: ShortRead, Times: 1})
	r := p.read(f, 0, 12)
	if len(r.Data) == 0 || len(r.Data) >= 12 || r.B != 0 {
		t.Fatalf("%q, end %d", r.Data, r.B)
	}
	p.want("read again", p.content(f, 12), "twelve bytes")
	p.wantFelt(short, 1)
}

func TestMisdirectedWrite(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f, g := p.durable("/a", "aaaaa"), p.durable("/b", "bbbbb")
	stray := p.apply(Fault{Kind: MisdirectedWrite, Path: "/a", Times: 1})
	p.write(f, 1, "XX")
	if r := p.sync(f); r.Err != 0 {
		t.Fatal(r.Err)
	}
	p.wantFelt(stray, 1)
	p.want("the cache of one", p.content(f, 5), "aXXaa")
	p.want("the cache of the other", p.content(g, 5), "bbbbb")
	p.evictAll()
	p.want("one on the card", p.content(f, 5), "aaaaa")
	p.want("the other on the card", p.content(g, 5), "aXXaa")
}

func TestMisdirectedRead(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "aaaaa")
	p.durable("/b", "bbbbb")
	p.evictAll()
	stray := p.apply(Fault{Kind: MisdirectedRead, Path: "/a", Times: 1})
	p.want("first", p.content(f, 5), "bbbbb")
	p.wantFelt(stray, 1)
	p.evictAll()
	p.want("later", p.content(f, 5), "aaaaa")
}

func TestLostWrite(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	lost := p.apply(Fault{Kind: LostWrite, Times: 1})
	p.write(f, 0, "new")
	if r := p.sync(f); r.Err != 0 {
		t.Fatal(r.Err)
	}
	p.wantFelt(lost, 1)
	p.want("from the cache", p.content(f, 3), "new")
	p.reboot(KeepAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "old")})
}

func TestInodesRunOut(t *testing.T) {
	p := newProcess(t, 1, Config{Inodes: 3})
	p.create("/a")
	p.create("/b")
	if r := p.call(channel.DiskOpen, channel.OpenWrite|channel.OpenCreate, 0, "/c"); r.Err != syscall.ENOSPC {
		t.Fatal(r.Err)
	}
	none := p.apply(Fault{Kind: Inodes})
	p.must(channel.DiskRemove, 0, 0, "/b")
	if r := p.call(channel.DiskMkdirAll, 0, 0, "/c"); r.Err != syscall.ENOSPC {
		t.Fatal(r.Err)
	}
	p.wantFelt(none, 1)
	none.Heal()
	p.card.Gone(p) // b was open
	p.create("/c")
}

func TestStalledCard(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	p.durable("/big", strings.Repeat("x", 8*blockSize))
	p.write(f, 0, "new")
	sync := p.start(channel.DiskSync, f, 0, "") // the device has begun
	p.loop.RunUntil(p.loop.Now().Add(100 * time.Microsecond))
	stall := p.apply(Fault{Kind: Stall})
	remove := p.start(channel.DiskRemove, 0, 0, "/big")
	p.loop.RunUntil(p.loop.Now().Add(20 * time.Second))
	if len(p.got) != 0 {
		t.Fatal("a stalled card has answered")
	}
	p.want("from the cache", p.content(f, 3), "new")
	p.wantFelt(stall, 2)
	stall.Heal()
	p.loop.RunUntil(p.loop.Now().Add(5 * time.Second))
	for _, id := range []uint64{sync, remove} {
		if r, ok := p.got[id]; !ok || r.Err != 0 {
			t.Fatal("not answered after healing")
		}
	}
	p.reboot(LoseAll)
	expect(t, p.card.Files()[:1], Snapshot{file("/a", "new")})
}

func TestAStalledProcessDies(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	p.write(f, 0, "new")
	stall := p.apply(Fault{Kind: Stall})
	p.start(channel.DiskSync, f, 0, "")
	p.start(channel.DiskRemove, 0, 0, "/a")
	p.card.Gone(p)
	stall.Heal()
	p.loop.RunUntil(p.loop.Now().Add(5 * time.Second))
	if len(p.got) != 0 {
		t.Fatal("the dead got mail")
	}
	p.reboot(LoseAll) // the sync had reached the card; the removal had not
	expect(t, p.card.Files(), Snapshot{file("/a", "new")})
}

func TestCardPulledAndPutBack(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	p.write(f, 0, "new")
	waiting := p.start(channel.DiskSync, f, 0, "")
	gone := p.apply(Fault{Kind: Gone})
	if r := p.got[waiting]; r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	p.want("from the cache", p.content(f, 3), "new")
	p.evictAll()
	if r := p.read(f, 0, 3); r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	if r := p.call(channel.DiskRemove, 0, 0, "/a"); r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	p.wantFelt(gone, 3)
	gone.Heal()
	p.want("from the card", p.content(f, 3), "old")
}

func TestAFailedWritebackIsReportedByTheNextSync(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	p.write(f, 0, "new")
	gone := p.apply(Fault{Kind: Gone})
	p.loop.RunUntil(p.loop.Now().Add(time.Minute))
	p.wantFelt(gone, 1)
	gone.Heal()
	if r := p.sync(f); r.Err != syscall.EIO {
		t.Fatal(r.Err)
	}
	if r := p.sync(f); r.Err != 0 {
		t.Fatal("an error is reported once: ", r.Err)
	}
}

func TestEvictSparesDirtyPages(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("x", 2*blockSize))
	p.write(f, 0, "dirty")
	evict := p.apply(Fault{Kind: Evict, Path: "/a"})
	p.wantFelt(evict, 1)
	p.want("content", p.content(f, 6), "dirtyx")
}

func TestPublishedState(t *testing.T) {
	var states []channel.DiskState
	p := newProcess(t, 1, Config{Capacity: 4 * blockSize, Publish: func(s channel.DiskState) { states = append(states, s) }})
	f := p.create("/a")
	p.write(f, 0, "x")
	readOnly, gone := p.apply(Fault{Kind: ReadOnly}), p.apply(Fault{Kind: Gone})
	readOnly.Heal()
	gone.Heal()
	full := p.apply(Fault{Kind: Full})
	full.Heal()
	full.Heal()
	want := []channel.DiskState{
		{Free: 4 * blockSize}, {Free: 3 * blockSize}, {Free: 3 * blockSize, Flags: channel.DiskReadOnly},
		{Free: 3 * blockSize, Flags: channel.DiskReadOnly | channel.DiskGone},
		{Free: 3 * blockSize, Flags: channel.DiskGone}, {Free: 3 * blockSize}, {}, {Free: 3 * blockSize},
	}
	if !slices.Equal(states, want) {
		t.Fatalf("got %v\nwant %v", states, want)
	}
}

func TestFaultsOnlyWithChance(t *testing.T) {
	p := newProcess(t, 1, Config{Profile: NVMe})
	f := p.durable("/a", "x")
	fail := p.apply(Fault{Kind: SyncFail, PPM: 250_000})
	for range 400 {
		p.write(f, 0, "y")
		p.sync(f)
	}
	if n := fail.Felt(); n < 60 || n > 140 {
		t.Fatalf("felt %d times of 400", n)
	}
}

func TestKindsHaveNames(t *testing.T) {
	for k := SyncFail; k < endKind; k++ {
		if back, err := ParseKind(k.String()); back != k || err != nil {
			t.Errorf("%d: %q: %v", k, k, err)
		}
	}
	if _, err := ParseKind("disk-fall"); err == nil {
		t.Error("an unknown kind is no error")
	}
}

func TestBadFaultsAreRefused(t *testing.T) {
	for _, f := range []Fault{
		{}, {Kind: endKind}, {Kind: Stall, Path: "x"}, {Kind: Slow}, {Kind: Slow, Factor: 1},
		{Kind: Stall, Factor: 2}, {Kind: SyncFail, Times: -1}, {Kind: SyncFail, PPM: 1_000_001},
		{Kind: Rot, Bits: 33}, {Kind: Rot, From: 5, To: 5}, {Kind: SyncFail, Bits: 1},
		{Kind: SyncFail, From: 1}, {Kind: Evict, Path: "["}, {Kind: Full, Times: 1},
	} {
		if err := f.Validate(); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// TestACardFallsOffACliff: it takes some bytes as fast as ever, is slow to write from then on, and reads as before.
func TestACardFallsOffACliff(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "x")
	timed := func() time.Duration {
		p.write(f, 0, strings.Repeat("y", 1<<20))
		return p.timed(channel.DiskSync, f, 0)
	}
	cliff := p.apply(Fault{Kind: Cliff, Factor: 50, After: 2 << 20})
	for i, slow := range []bool{false, false, true, true} {
		if d := timed(); (d > 2*time.Second) != slow || d < 90*time.Millisecond {
			t.Errorf("megabyte %d took %v", i+1, d)
		}
	}
	p.wantFelt(cliff, 2)
	p.evictAll()
	if d := p.timed(channel.DiskRead, f, channel.DiskRange(0, 4096)); d > 20*time.Millisecond {
		t.Errorf("a read took %v", d)
	}
	cliff.Heal()
	if d := timed(); d > time.Second {
		t.Errorf("healed: a megabyte took %v", d)
	}
}

// TestAnEraseBlockIsLostWithWhatWasSynced: all of it that is of the file, and nothing else.
func TestAnEraseBlockIsLostWithWhatWasSynced(t *testing.T) {
	p := newProcess(t, 1, Config{})
	p.durable("/other", "whole")
	f := p.durable("/log", strings.Repeat("o", eraseBlock+100))
	p.write(f, eraseBlock+100, "new")
	p.sync(f)
	p.card.PowerCut(LoseAll)
	if lost := p.card.LoseEraseBlock(); lost != 103 {
		t.Errorf("%d bytes were lost", lost)
	}
	p.card.PowerOn()
	want := strings.Repeat("o", eraseBlock) + strings.Repeat("\xff", 103)
	expect(t, p.card.Files(), Snapshot{file("/log", want), file("/other", "whole")})
}
