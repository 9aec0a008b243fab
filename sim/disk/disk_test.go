package disk

import (
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
