package disk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/sim/channel"
)

var allCrashes = []Crash{DrawCrash, LoseAll, KeepAll, Prefix, Subset, Torn}

// Each story leaves operations pending; the outcomes are all that a power cut may make of them.
func TestOutcomes(t *testing.T) {
	for _, c := range outcomeStories() {
		t.Run(c.name, func(t *testing.T) {
			p := newProcess(t, 1, Config{})
			c.story(p)
			outcomes, ok := p.card.Outcomes(1000)
			if !ok {
				t.Fatal("too many")
			}
			var got []string
			for _, s := range outcomes {
				got = append(got, short(s))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Fatalf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

type outcomeStory struct {
	name  string
	story func(p *process)
	want  []string
}

func outcomeStories() []outcomeStory {
	page := strings.Repeat("o", sectorSize)
	return []outcomeStory{
		{"nothing pending", func(p *process) { p.durable("/a", "x") }, []string{"a=x"}},
		{"an append, its data and its length", func(p *process) {
			f := p.durable("/a", "x")
			p.write(f, 1, "y")
		}, []string{"a=x", "a=xy", "a=x\x00"}},
		{"appends to one sector keep their order", func(p *process) {
			f := p.durable("/a", "...")
			p.write(f, 0, "1")
			p.write(f, 1, "2")
		}, []string{"a=...", "a=1..", "a=12."}},
		{"two sectors tear", func(p *process) {
			f := p.durable("/a", page+page)
			p.write(f, sectorSize-1, "AB")
		}, []string{"a=" + page + page, "a=" + page[1:] + "A" + page,
			"a=" + page + "B" + page[1:], "a=" + page[1:] + "AB" + page[1:]}},
		{"a new name without a sync of its directory", func(p *process) {
			f := p.create("/a")
			p.write(f, 0, "x")
			p.sync(f)
		}, []string{"", "a=x"}},
		{"a new name with a sync of its directory only", func(p *process) {
			f := p.create("/a")
			p.write(f, 0, "x")
			p.syncRoot()
		}, []string{"a=", "a=x", "a=\x00"}},
		{"a rename is whole", func(p *process) {
			p.durable("/a", "x")
			p.must(channel.DiskRename, 0, 0, "/a\x00/b")
		}, []string{"a=x", "b=x"}},
		{"a rename over another file", func(p *process) {
			p.durable("/a", "x")
			p.durable("/b", "y")
			p.must(channel.DiskRename, 0, 0, "/a\x00/b")
		}, []string{"a=x b=y", "b=x"}},
		{"names keep their order", func(p *process) {
			p.create("/a")
			p.create("/b")
			p.must(channel.DiskRemove, 0, 0, "/a")
		}, []string{"", "a=", "a= b=", "b="}},
		{"names in any order", func(p *process) {
			p.card.cfg.AnyOrder = true
			p.durable("/a", "")
			p.create("/b")
			p.must(channel.DiskRemove, 0, 0, "/a")
		}, []string{"a=", "a= b=", "", "b="}},
		{"a cut and a new start", func(p *process) {
			f := p.durable("/a", "long")
			p.must(channel.DiskLock, 0, 0, "/a")
			p.write(f, 0, "n")
		}, []string{"a=long", "a=", "a=l", "a=\x00\x00\x00\x00", "a=\x00", "a=n", "a=n\x00\x00\x00"}},
		{"a rename between directories", func(p *process) {
			p.must(channel.DiskMkdirAll, 0, 0, "/d")
			p.durable("/a", "x")
			p.must(channel.DiskRename, 0, 0, "/a\x00/d/b")
			p.create("/c")
		}, []string{"a=x d/", "d/ d/b=x", "c= d/ d/b=x"}},
		{"a sync of a directory takes along what a rename ties to it", func(p *process) {
			p.must(channel.DiskMkdirAll, 0, 0, "/d")
			p.syncRoot()
			p.create("/c")
			p.must(channel.DiskRename, 0, 0, "/c\x00/d/c")
			p.sync(p.must(channel.DiskOpen, channel.OpenDir, 0, "/d").A)
		}, []string{"d/ d/c="}},
	}
}

// short prints a snapshot of a small card in one line.
func short(s Snapshot) string {
	var parts []string
	for _, e := range s {
		name := e.Path[1:]
		if e.Dir {
			parts = append(parts, name+"/")
		} else {
			parts = append(parts, name+"="+string(e.Data))
		}
	}
	return strings.Join(parts, " ")
}

func TestTooManyOutcomes(t *testing.T) {
	p := newProcess(t, 1, Config{})
	f := p.create("/a")
	p.write(f, 0, strings.Repeat("x", 100*sectorSize))
	if _, ok := p.card.Outcomes(1 << 20); ok {
		t.Fatal("2 to the 101 combinations are within the limit")
	}
}

// A torn power cut is able to give every outcome, and no mode gives anything else.
func TestPowerCutsGiveTheOutcomes(t *testing.T) {
	story := func(seed uint64) *process {
		p := newProcess(t, seed, Config{})
		f := p.durable("/a", strings.Repeat("o", 3*sectorSize))
		p.write(f, sectorSize-1, "12")
		p.write(f, sectorSize+5, "3")
		p.create("/b")
		p.must(channel.DiskRename, 0, 0, "/a\x00/c")
		return p
	}
	outcomes, ok := story(0).card.Outcomes(1000)
	if !ok {
		t.Fatal("too many")
	}
	allowed := map[string]int{}
	for _, s := range outcomes {
		allowed[s.String()] = 0
	}
	for seed := range uint64(2000) {
		p := story(seed)
		p.reboot(allCrashes[seed%uint64(len(allCrashes))])
		key := p.card.Files().String()
		if _, ok := allowed[key]; !ok {
			t.Fatalf("seed %d: not an outcome:\n%s", seed, key)
		}
		allowed[key]++
	}
	for key, count := range allowed {
		if count == 0 {
			t.Errorf("never drawn:\n%s", key)
		}
	}
}

func TestCrashModes(t *testing.T) {
	for seed := range uint64(200) {
		p := newProcess(t, seed, Config{})
		f := p.durable("/a", strings.Repeat("o", 3*blockSize))
		for i := range int64(3) {
			p.write(f, i*blockSize, strings.Repeat("n", blockSize))
		}
		mode := allCrashes[1+seed%5]
		p.reboot(mode)
		got := string(p.card.Files()[0].Data)
		pages := fmt.Sprintf("%c%c%c", got[0], got[blockSize], got[2*blockSize])
		whole := got == strings.Repeat(pages[:1], blockSize)+strings.Repeat(pages[1:2], blockSize)+strings.Repeat(pages[2:], blockSize)
		var fine bool
		switch mode {
		case LoseAll:
			fine = whole && pages == "ooo"
		case KeepAll:
			fine = whole && pages == "nnn"
		case Prefix:
			fine = whole && slices.Contains([]string{"ooo", "noo", "nno", "nnn"}, pages)
		case Subset:
			fine = whole
		case Torn:
			fine = true
		}
		if !fine {
			t.Fatalf("seed %d mode %d: %s", seed, mode, pages)
		}
	}
}

// oracle is a dumb second opinion on what may survive. It knows of each name all files it has led
// to since its directory was synced, and of each file all contents since it was synced.
type oracle struct {
	*process
	names map[string][]*oracleFile // nil stands for no file; the last is the view
}

type oracleFile struct{ contents [][]byte }

// may tells whether a power cut may leave the file with a content: each byte and the length are
// from some content since the last sync.
func (f *oracleFile) may(got []byte) bool {
	length := func(v []byte) bool { return len(v) == len(got) }
	if !slices.ContainsFunc(f.contents, length) {
		return false
	}
	for i, b := range got {
		byteAt := func(v []byte) bool { return i < len(v) && v[i] == b || i >= len(v) && b == 0 }
		if !slices.ContainsFunc(f.contents, byteAt) {
			return false
		}
	}
	return true
}

func (o *oracle) view(name string) *oracleFile {
	if h := o.names[name]; len(h) > 0 {
		return h[len(h)-1]
	}
	return nil
}

func (o *oracle) set(name string, f *oracleFile) {
	if len(o.names[name]) == 0 {
		o.names[name] = []*oracleFile{nil}
	}
	o.names[name] = append(o.names[name], f)
}

func drawPath(t *rapid.T) string {
	return rapid.SampledFrom([]string{"/a", "/b", "/d/a", "/d/b"}).Draw(t, "path")
}

func (o *oracle) createFile(t *rapid.T) {
	path := drawPath(t)
	r := o.must(channel.DiskOpen, channel.OpenWrite|channel.OpenCreate|channel.OpenReplace, 0, path)
	o.card.Handle(o, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskClose, ID: uint64(r.A)})
	if o.view(path) != nil {
		o.set(path, nil)
	}
	o.set(path, &oracleFile{contents: [][]byte{nil}})
}

func (o *oracle) writeFile(t *rapid.T) {
	path := drawPath(t)
	f := o.view(path)
	if f == nil {
		return
	}
	off := rapid.Int64Range(0, 2000).Draw(t, "offset")
	data := strings.Repeat(rapid.StringMatching("[a-z]").Draw(t, "letter"), rapid.IntRange(1, 6000).Draw(t, "length"))
	id := o.must(channel.DiskOpen, channel.OpenWrite, 0, path).A
	o.write(id, off, data)
	old := f.contents[len(f.contents)-1]
	now := make([]byte, max(len(old), int(off)+len(data)))
	copy(now, old)
	copy(now[off:], data)
	f.contents = append(f.contents, now)
	switch rapid.IntRange(0, 3).Draw(t, "then") {
	case 0:
		o.start(channel.DiskSync, id, 0, "") // on its way when the power goes, perhaps
	case 1:
		if r := o.sync(id); r.Err != 0 {
			t.Fatal(r.Err)
		}
		f.contents = f.contents[len(f.contents)-1:]
	}
	o.card.Handle(o, channel.Frame{Class: channel.ClassDisk, Op: channel.DiskClose, ID: uint64(id)})
}

func (o *oracle) renameFile(t *rapid.T) {
	from, to := drawPath(t), drawPath(t)
	f := o.view(from)
	if r := o.call(channel.DiskRename, 0, 0, from+"\x00"+to); (r.Err == 0) != (f != nil) {
		t.Fatal(r.Err)
	}
	if f != nil && from != to {
		o.set(from, nil)
		o.set(to, f)
	}
}

func (o *oracle) removeFile(t *rapid.T) {
	path := drawPath(t)
	f := o.view(path)
	if r := o.call(channel.DiskRemove, 0, 0, path); (r.Err == 0) != (f != nil) {
		t.Fatal(r.Err)
	}
	if f != nil {
		o.set(path, nil)
	}
}

func (o *oracle) syncDir(t *rapid.T) {
	dir := rapid.SampledFrom([]string{"/", "/d/"}).Draw(t, "directory")
	id := o.must(channel.DiskOpen, channel.OpenDir, 0, dir).A
	if r := o.sync(id); r.Err != 0 {
		t.Fatal(r.Err)
	}
	for path, h := range o.names {
		if path[:strings.LastIndex(path, "/")+1] == dir {
			o.names[path] = h[len(h)-1:]
		}
	}
}

func (o *oracle) passTime(t *rapid.T) {
	o.loop.RunUntil(o.loop.Now().Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "ms")) * time.Millisecond))
}

func (o *oracle) evict(*rapid.T) { o.apply(Fault{Kind: Evict}).Heal() }

func (o *oracle) crash(t *rapid.T) {
	o.reboot(rapid.SampledFrom(allCrashes).Draw(t, "mode"))
	found := map[string][]byte{}
	for _, e := range o.card.Files() {
		if !e.Dir {
			found[e.Path] = e.Data
		}
	}
	for _, path := range slices.Sorted(maps.Keys(o.names)) {
		data, exists := found[path]
		may := func(f *oracleFile) bool { return f == nil && !exists || f != nil && exists && f.may(data) }
		if !slices.ContainsFunc(o.names[path], may) {
			t.Fatalf("%s (%t) may not hold %q", path, exists, data)
		}
		delete(found, path)
	}
	for path := range found {
		t.Fatalf("%s was never there", path)
	}
	o.adopt()
}

// adopt takes what is on the card for durable.
func (o *oracle) adopt() {
	clear(o.names)
	for _, e := range o.card.Files() {
		if !e.Dir {
			o.names[e.Path] = []*oracleFile{{contents: [][]byte{e.Data}}}
		}
	}
}

func (o *oracle) compare(t *rapid.T) {
	for _, e := range o.card.Files() {
		if f := o.view(e.Path); !e.Dir && (f == nil || string(f.contents[len(f.contents)-1]) != string(e.Data)) {
			t.Fatalf("%s holds %q", e.Path, e.Data)
		}
	}
	c := o.card
	var used, pending int64
	inodes := 0
	for _, ino := range c.reachable() {
		if ino.links > 0 || ino.opens > 0 {
			inodes++
			used += ino.used
			pending += ino.pending
		}
	}
	if inodes != c.inodes || used != c.used || pending != c.dirty {
		t.Fatalf("the card counts %d inodes, %d blocks, %d pending bytes; there are %d, %d, %d",
			c.inodes, c.used, c.dirty, inodes, used, pending)
	}
}

func TestWhatSurvivesIsWhatTheOracleAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newProcess(t, rapid.Uint64().Draw(rt, "seed"), Config{
			Profile:    rapid.SampledFrom([]Profile{SDA1, NVMe}).Draw(rt, "profile"),
			CacheBytes: rapid.SampledFrom([]int64{blockSize, 1 << 20}).Draw(rt, "cache"),
			Writeback:  rapid.SampledFrom([]time.Duration{-1, 10 * time.Millisecond}).Draw(rt, "writeback"),
			AnyOrder:   rapid.Bool().Draw(rt, "any order"),
		})
		o := &oracle{process: p, names: map[string][]*oracleFile{}}
		p.must(channel.DiskMkdirAll, 0, 0, "/d")
		p.syncRoot()
		rt.Repeat(map[string]func(*rapid.T){
			"create": o.createFile, "write": o.writeFile, "rename": o.renameFile, "remove": o.removeFile,
			"sync names": o.syncDir, "pass time": o.passTime, "evict": o.evict, "power cut": o.crash,
			"": o.compare,
		})
	})
}
