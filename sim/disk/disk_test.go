package disk

import (
	"strings"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/event"
)

// process is a guest that keeps the replies to its calls.
type process struct {
	t    testing.TB
	pid  uint64
	loop *event.Loop
	card *Card
	next uint64
	got  map[uint64]channel.Frame
}

func (p *process) PID() uint64 { return p.pid }

func (p *process) Post(f channel.Frame) {
	f.Data = append([]byte(nil), f.Data...)
	p.got[f.ID] = f
}

func (p *process) PostLazy(f channel.Frame) { p.Post(f) }

// newProcess returns a process on a new card.
func newProcess(t testing.TB, seed uint64, cfg Config) *process {
	loop := event.NewLoop(seed)
	card, err := New(loop, "test", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &process{t: t, pid: 1, loop: loop, card: card, got: make(map[uint64]channel.Frame)}
}

// start sends a call and returns its ID.
func (p *process) start(op uint8, a, b int64, data string) uint64 {
	p.next++
	p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: op, ID: p.next, A: a, B: b, Data: []byte(data)})
	return p.next
}

// call sends a call and runs the loop until the reply is there.
func (p *process) call(op uint8, a, b int64, data string) channel.Frame {
	p.t.Helper()
	id := p.start(op, a, b, data)
	for {
		if f, ok := p.got[id]; ok {
			delete(p.got, id)
			return f
		}
		if !p.loop.Step() {
			p.t.Fatalf("operation %d is never answered", op)
		}
	}
}

// must is call for calls that should succeed.
func (p *process) must(op uint8, a, b int64, data string) channel.Frame {
	p.t.Helper()
	f := p.call(op, a, b, data)
	if f.Err != 0 {
		p.t.Fatalf("operation %d on %q: %v", op, data, f.Err)
	}
	return f
}

func (p *process) create(path string) int64 {
	p.t.Helper()
	return p.must(channel.DiskOpen, channel.OpenWrite|channel.OpenCreate, 0, path).A
}

func (p *process) prefetch(file, off, n int64) {
	p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskPrefetch, ID: uint64(file), A: off, B: n})
}

func (p *process) write(file, off int64, data string) {
	p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskWrite, ID: uint64(file), A: off, Data: []byte(data)})
}

func (p *process) sync(file int64) channel.Frame {
	p.t.Helper()
	return p.call(channel.DiskSync, file, 0, "")
}

func (p *process) read(file, off int64, n int) channel.Frame {
	p.t.Helper()
	return p.call(channel.DiskRead, file, channel.DiskRange(off, n), "")
}

// syncRoot makes the names in the root durable.
func (p *process) syncRoot() {
	p.t.Helper()
	dir := p.must(channel.DiskOpen, 0, 0, "/").A
	if f := p.sync(dir); f.Err != 0 {
		p.t.Fatal(f.Err)
	}
}

// durable makes a file with content that survives everything.
func (p *process) durable(path, data string) int64 {
	p.t.Helper()
	file := p.create(path)
	p.write(file, 0, data)
	if f := p.sync(file); f.Err != 0 {
		p.t.Fatal(f.Err)
	}
	p.syncRoot()
	return file
}

// reboot cuts the power and switches on again.
func (p *process) reboot(mode Crash) {
	p.card.PowerCut(mode)
	p.card.Gone(p)
	p.card.PowerOn()
}

func (p *process) apply(f Fault) *Active {
	p.t.Helper()
	a, err := p.card.Apply(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

func expect(t testing.TB, got, want Snapshot) {
	t.Helper()
	if !got.Equal(want) {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}

func file(path, data string) Entry { return Entry{Path: path, Data: []byte(data)} }

func TestSyncedSurvives(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "old")
	p.write(f, 0, "new!")
	p.create("/b")
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "old")})
}

func TestKillKeepsThePageCache(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.create("/a")
	p.write(f, 0, "never synced")
	p.card.Gone(p)
	expect(t, p.card.Files(), Snapshot{file("/a", "never synced")})
}

func TestSyncOfAFileLeavesItsNamePending(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.create("/a")
	p.write(f, 0, "x")
	p.sync(f)
	p.reboot(LoseAll)
	expect(t, p.card.Files(), nil)
}

func TestSyncCoversWhatCameBefore(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "1")
	p.write(f, 1, "2")
	id := p.start(channel.DiskSync, f, 0, "")
	p.write(f, 2, "3")
	p.loop.RunUntil(p.loop.Now().Add(4 * time.Second))
	if r, ok := p.got[id]; !ok || r.Err != 0 {
		t.Fatal("the sync is not answered", r.Err)
	}
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "12")})
}

func TestSyncOfADirectoryCoversWhatCameBefore(t *testing.T) {
	p := newProcess(t, 1, Config{})
	p.create("/a")
	dir := p.must(channel.DiskOpen, channel.OpenDir, 0, "/").A
	p.start(channel.DiskSync, dir, 0, "")
	p.create("/b")
	p.loop.RunUntil(p.loop.Now().Add(4 * time.Second))
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "")})
}

func TestWritebackMakesDurableInTheEnd(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "1")
	p.write(f, 1, "2")
	p.loop.RunUntil(p.loop.Now().Add(40 * time.Second))
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "12")})
}

// TestWritebackDoesNotForgetWhatItsTurnCameTooSoonFor: the card stalls, and the file's turn comes again while it still waits to be written.
func TestWritebackDoesNotForgetWhatItsTurnCameTooSoonFor(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "1")
	later := func(d time.Duration) { p.loop.RunUntil(p.loop.Now().Add(d)) }
	stall := p.apply(Fault{Kind: Stall})
	p.write(f, 1, "2")
	later(31 * time.Second) // its turn has come, and the card does not go on
	p.write(f, 2, "3")
	later(31 * time.Second)
	stall.Heal()
	later(40 * time.Second)
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "123")})
}

func TestACutFileReadsZerosWhereItGrowsAgain(t *testing.T) {
	p := newProcess(t, 1, Config{})
	p.durable("/a", strings.Repeat("x", 3*blockSize))
	f := p.must(channel.DiskOpen, channel.OpenWrite|channel.OpenTruncate, 0, "/a").A
	p.sync(f)
	p.write(f, 2*blockSize, "end")
	p.sync(f)
	p.apply(Fault{Kind: Evict})
	want := strings.Repeat("\x00", 2*blockSize) + "end"
	if r := p.read(f, 0, 3*blockSize); string(r.Data) != want {
		t.Fatalf("%q", r.Data)
	}
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", want)})
}

// Programs that never sync their directories do not make the card remember for ever.
func TestPendingNamesAreBounded(t *testing.T) {
	p := newProcess(t, 1, Config{Inodes: 10})
	for range 3 * maxJournal {
		f := p.create("/temp")
		p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskClose, ID: uint64(f)})
		p.must(channel.DiskRemove, 0, 0, "/temp")
	}
	if n := len(p.card.journal); n > maxJournal {
		t.Fatalf("%d changes of names are pending", n)
	}
}

// A process may send anything; the card answers every call and goes on.
func TestAnyFrameIsTaken(t *testing.T) {
	p := newProcess(t, 1, Config{Capacity: 1 << 20, Inodes: 20, CacheBytes: 8 * blockSize, DirtyBytes: blockSize})
	rng := event.Stream(1, "frames")
	numbers := []int64{0, 1, 2, 3, -1, 4095, 1 << 20, maxFile, 1 << 40, 1<<63 - 1, -1 << 63}
	paths := []string{"", "/", "//", "/a", "/b/", "/b/c", "/a\x00/b", "/b\x00/b/c/d", "\x00", "/b/c\x00/", "x/../y"}
	number := func() int64 {
		if rng.IntN(2) == 0 {
			return int64(p.card.lastHandle) - rng.Int64N(4) // most likely open
		}
		return numbers[rng.IntN(len(numbers))]
	}
	for range 50_000 {
		p.next++
		f := channel.Frame{
			Class: channel.ClassDisk, Op: uint8(rng.IntN(int(channel.DiskRefused) + 3)), ID: p.next,
			A: number(), B: number(), Data: []byte(paths[rng.IntN(len(paths))]),
		}
		if rng.IntN(2) == 0 {
			f.ID = uint64(number())
		}
		p.card.Handle(p, f)
		switch rng.IntN(1000) {
		case 0:
			p.reboot(DrawCrash)
		case 1:
			p.card.Gone(p)
		default:
			p.loop.RunUntil(p.loop.Now().Add(time.Millisecond))
		}
	}
}
