package disk

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/sim/channel"
)

// TestTheNextWriteCarriesThePage: the card is given pages, so that what a fault kept from it comes with the next write, and damage
// that is in the cache goes to the card.
func TestTheNextWriteCarriesThePage(t *testing.T) {
	for name, c := range map[string]struct {
		fault  Fault
		evict  bool // before the first write, so that the page is read
		onCard string
	}{
		"a sync that failed":              {Fault{Kind: SyncFail, Times: 1}, false, "aXXaY"},
		"a write that was lost":           {Fault{Kind: LostWrite, Times: 1}, false, "aXXaY"},
		"a write that went astray":        {Fault{Kind: MisdirectedWrite, Path: "/a", Times: 1}, false, "aXXaY"},
		"a bit that rotted":               {Fault{Kind: Rot, Path: "/a", To: 1}, false, "aXXaY"},
		"a page read from somewhere else": {Fault{Kind: MisdirectedRead, Path: "/a", Times: 1}, true, "bXXbY"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, 1, Config{})
			f := p.durable("/a", "aaaaa")
			p.durable("/b", "bbbbb")
			if c.evict {
				p.evictAll()
			}
			a := p.apply(c.fault)
			p.content(f, 5)
			p.write(f, 1, "XX")
			p.sync(f)
			a.Heal()
			p.write(f, 4, "Y")
			p.sync(f)
			p.reboot(LoseAll)
			expect(t, p.card.Files()[:1], Snapshot{file("/a", c.onCard)})
		})
	}
}

// TestAPendingWriteCarriesThePage: one that came while the sync that fails was under way, at any point at which the power fails.
func TestAPendingWriteCarriesThePage(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", "aaaaa")
	p.apply(Fault{Kind: SyncFail, Times: 1})
	p.write(f, 1, "XX")
	first := p.start(channel.DiskSync, f, 0, "")
	p.write(f, 4, "Y")
	for _, ok := p.got[first]; !ok; _, ok = p.got[first] {
		p.loop.Step()
	}
	outcomes, _ := p.card.Outcomes(10)
	if len(outcomes) != 2 || !outcomes[0].Equal(Snapshot{file("/a", "aaaaa")}) || !outcomes[1].Equal(Snapshot{file("/a", "aXXaY")}) {
		t.Fatalf("got %v", outcomes)
	}
}

// TestALostPageIsLostWhole: all that one sync would have written to it, and nothing of the page beside it.
func TestALostPageIsLostWhole(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("o", 2*blockSize))
	lost := p.apply(Fault{Kind: LostWrite, Times: 1})
	p.write(f, 0, "1")
	p.write(f, 10, "2")
	p.write(f, blockSize-1, "34")
	p.sync(f)
	p.wantFelt(lost, 1)
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", strings.Repeat("o", blockSize)+"4"+strings.Repeat("o", blockSize-1))})
}

// TestACutThatWasForgotten: what stood behind the end does not come back when the file grows over it.
func TestACutThatWasForgotten(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("o", 3*blockSize))
	p.apply(Fault{Kind: SyncFail, Times: 1})
	p.must(channel.DiskLock, 0, 0, "/a") // it cuts
	p.sync(f)
	p.write(f, 0, "n")
	p.sync(f)
	p.write(f, 2*blockSize, "n")
	p.sync(f)
	p.reboot(LoseAll)
	expect(t, p.card.Files(), Snapshot{file("/a", "n"+strings.Repeat("\x00", 2*blockSize-1)+"n")})
}

// TestACutThatWasForgottenAndAPowerCut: the same if all survives that was pending.
func TestACutThatWasForgottenAndAPowerCut(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("o", 3*blockSize))
	p.apply(Fault{Kind: SyncFail, Times: 1})
	p.must(channel.DiskLock, 0, 0, "/a")
	p.sync(f)
	p.write(f, 0, "n")
	p.write(f, 2*blockSize, "n")
	view := p.card.Files()
	p.reboot(KeepAll)
	expect(t, p.card.Files(), view)
}

// TestAFileThatIsGoneIsNotPending, although a page of it, which a read that is under way brings, differs from the card.
func TestAFileThatIsGoneIsNotPending(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.durable("/a", strings.Repeat("o", 2*blockSize))
	p.durable("/b", "b")
	p.evictAll()
	p.write(f, 0, "n")
	p.start(channel.DiskRead, f, channel.DiskRange(0, 2*blockSize), "")
	p.must(channel.DiskRemove, 0, 0, "/a")
	p.card.Handle(p, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskClose, ID: uint64(f)})
	p.apply(Fault{Kind: MisdirectedRead})
	p.loop.RunUntil(p.loop.Now().Add(time.Second))
	if p.card.dirty != 0 {
		t.Errorf("%d bytes are pending", p.card.dirty)
	}
}

// TestWhatIsWrittenAgainIsOnTheCard
// TestWhatIsWrittenAgainIsOnTheCard: whatever faults there were, once they are over and each page has been written to.
func TestWhatIsWrittenAgainIsOnTheCard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newProcess(t, rapid.Uint64().Draw(rt, "seed"), Config{Writeback: 10 * time.Millisecond})
		const pages = 3
		files := []int64{p.durable("/a", strings.Repeat("a", pages*blockSize)), p.durable("/b", strings.Repeat("b", pages*blockSize))}
		some := func(of string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, of) }
		var inForce []*Active
		rt.Repeat(map[string]func(*rapid.T){
			"fault": func(rt *rapid.T) {
				kind := rapid.SampledFrom([]Kind{SyncFail, Rot, MisdirectedWrite, MisdirectedRead, LostWrite}).Draw(rt, "kind")
				f := Fault{Kind: kind}
				if kind != Rot {
					f.PPM = 500_000
				}
				inForce = append(inForce, p.apply(f))
			},
			"write": func(rt *rapid.T) {
				p.write(files[some("file", 2)], int64(some("offset", pages*blockSize-2)), "wr")
			},
			"sync":  func(rt *rapid.T) { p.start(channel.DiskSync, files[some("file", 2)], 0, "") },
			"time":  func(rt *rapid.T) { p.loop.RunUntil(p.loop.Now().Add(time.Duration(some("ms", 20)) * time.Millisecond)) },
			"evict": func(rt *rapid.T) { p.evictAll() },
			"read":  func(rt *rapid.T) { p.read(files[some("file", 2)], int64(some("offset", pages*blockSize)), 1) },
		})
		for _, f := range inForce {
			f.Heal()
		}
		for _, f := range files {
			for i := range int64(pages) {
				p.write(f, i*blockSize+7, "!")
			}
			p.sync(f) // which may still have to tell of what failed before
			if r := p.sync(f); r.Err != 0 {
				rt.Fatal(r.Err)
			}
		}
		if view, medium := p.card.Files(), p.card.Medium(); !view.Equal(medium) {
			rt.Fatal("what is read is not what is on the card")
		}
	})
}
