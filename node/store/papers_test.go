package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"picloud/node/api"
	"picloud/node/host"
	"picloud/node/host/hosttest"
	"picloud/node/metricstest"
	"picloud/node/owned"
	"picloud/node/raftlog"
	"picloud/node/store/state"
)

// files is all that lies on a disk, by path; folders have none.
type files map[string]string

func filesOf(t *testing.T, disk vfs.FS, dir string) files {
	t.Helper()
	all := files{}
	names, err := disk.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := disk.PathJoin(dir, name)
		info, err := disk.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			maps.Copy(all, filesOf(t, disk, path))
			continue
		}
		f, err := disk.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		all[path] = string(data)
	}
	return all
}

// disk returns a disk with these files.
func (f files) disk(t *testing.T) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewMem()
	for path, data := range f {
		if dir := disk.PathDir(path); dir != "." {
			if err := disk.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		file, err := disk.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.Write([]byte(data))
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// compare says which files differ.
func (f files) compare(t *testing.T, now files) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(f)) {
		if after, is := now[path]; !is || after != f[path] {
			t.Errorf("%s has changed, or is gone", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		if _, is := f[path]; !is {
			t.Errorf("%s was made", path)
		}
	}
}

// lone is the configuration of a node that is a whole cloud.
func lone(t *testing.T, cloud, node string) Config {
	c := DefaultConfig(node, node)
	c.Cloud, c.Port, c.First, c.Patience = cloud, hosttest.FreePort(t), api.Spread([][]string{{node}}), 50*time.Millisecond
	c.MemTableBytes = 32 << 10
	return c
}

func openLone(ctx context.Context, disk vfs.FS, c Config) (*Store, error) {
	network := &host.RealNetwork{Address: "127.0.4.1", Names: map[string]string{c.Node: "127.0.4.1"}}
	return Open(ctx, &host.Host{Name: c.Node, Network: network, Disk: disk, Log: slog.New(slog.DiscardHandler)}, c)
}

// written returns the disk of a node that has lived twice, and written something each time.
func written(t *testing.T, cloud, node string) files {
	t.Helper()
	disk := vfs.NewMem()
	for life := range 2 {
		s, err := openLone(t.Context(), disk, lone(t, cloud, node))
		if err != nil {
			t.Fatal(err)
		}
		g := s.groups[0]
		for !g.Leads() || !g.ready.In(g.Term()) {
			time.Sleep(time.Millisecond)
		}
		for n := range 60 {
			own := &state.Command{Kind: state.Own, Slots: api.Spread([][]string{{node}}).Shards[0].Slots}
			if n > 0 {
				own = &state.Command{Kind: state.OpenSession}
			}
			if _, err := g.Run(t.Context(), own); err != nil {
				t.Fatal(err)
			}
		}
		if life == 0 {
			if err := s.db.Pebble().Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return filesOf(t, disk, "")
}

// later returns a file as a later version would write it.
func later(t *testing.T, o owned.Owner, path string) string {
	t.Helper()
	text := fmt.Sprintf(`{"format":%d,"cloud":%q,"node":%q,"news":true}`, owned.Format+1, o.Cloud, o.Node)
	return string(owned.Sealed(path, []byte(text)))
}

// wounded returns what a node leaves on its disk that has met damage, and has begun to leave its groups or not.
func wounded(t *testing.T, o owned.Owner, leaving bool) string {
	t.Helper()
	disk := vfs.NewMem()
	if err := owned.Write(disk, damagedFile, o, &wound{Why: "a test", Leaving: leaving, Groups: []uint32{0}}); err != nil {
		t.Fatal(err)
	}
	return filesOf(t, disk, "")[damagedFile]
}

// TestADiskThatIsNotTheNodesOwnIsLeftAlone puts other nodes', other clouds', newer and broken files where a node's
// own should be: the node does not start, says which file it is, and leaves all as it is.
func TestADiskThatIsNotTheNodesOwnIsLeftAlone(t *testing.T) {
	own, other := owned.Owner{Cloud: "home", Node: "pi-1"}, owned.Owner{Cloud: "home", Node: "pi-2"}
	before, others := written(t, "home", "pi-1"), written(t, "home", "pi-2")
	const inner = folder + "/" + identityFile
	set := func(path, data string) func(files) { return func(f files) { f[path] = data } }
	all := map[string]stranger{
		"another node's disk":      {func(f files) { clear(f); maps.Copy(f, others) }, identityFile, api.ForeignFile},
		"another cloud's disk":     {func(f files) { clear(f); maps.Copy(f, written(t, "work", "pi-1")) }, identityFile, api.ForeignFile},
		"a disk without identity":  {func(f files) { delete(f, identityFile) }, identityFile, api.ForeignFile},
		"only a mark":              {func(f files) { mark := f["store.mark"]; clear(f); f["store.mark"] = mark }, identityFile, api.ForeignFile},
		"another node's identity":  {set(identityFile, others[identityFile]), identityFile, api.ForeignFile},
		"a newer identity":         {set(identityFile, later(t, own, identityFile)), identityFile, api.FutureFile},
		"another file as identity": {set(identityFile, wounded(t, own, true)), identityFile, api.Damaged},
		"another node's database":  {func(f files) { replaceFolder(f, others) }, inner, api.ForeignFile},
		"a database of nobody's":   {func(f files) { delete(f, inner) }, inner, api.ForeignFile},
		"a newer database":         {set(inner, later(t, own, identityFile)), inner, api.FutureFile},
		"a newer Pebble": {func(f files) {
			for path := range f {
				if prefix, is := strings.CutSuffix(path, fmt.Sprintf(".%03d", pebble.FormatNewest)); is {
					delete(f, path)
					f[prefix+".999"] = ""
				}
			}
		}, "", api.FutureFile},
		"another node's wound":      {set(damagedFile, wounded(t, other, true)), damagedFile, api.ForeignFile},
		"a newer wound":             {set(damagedFile, later(t, own, damagedFile)), damagedFile, api.FutureFile},
		"a wound that says nothing": {set(damagedFile, before[identityFile]), damagedFile, api.Damaged},
	}
	for _, path := range []string{identityFile, inner, damagedFile} {
		whole := before[path]
		if path == damagedFile {
			whole = wounded(t, own, true)
		}
		for harm, broken := range broken(whole) {
			all[path+" "+harm] = stranger{set(path, broken), path, api.Damaged}
		}
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			given := maps.Clone(before)
			c.do(given)
			disk := given.disk(t)
			s, err := openLone(t.Context(), disk, lone(t, "home", "pi-1"))
			if err == nil {
				s.Close()
				t.Fatal("the node starts")
			}
			if api.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.names()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", api.KindOf(err), err)
			}
			given.compare(t, filesOf(t, disk, ""))
		})
	}
}

// stranger is something that is not the node's own.
type stranger struct {
	do   func(files)
	file string // that is at fault, empty for Pebble's
	kind api.Kind
}

// names returns how the error names the file.
func (s *stranger) names() string {
	if s.file == "" {
		return "the folder " + folder + ":"
	}
	return "the file " + s.file + ":"
}

// broken returns what may become of a file.
func broken(whole string) map[string]string {
	flipped := []byte(whole)
	flipped[len(flipped)/2] ^= 0x10
	return map[string]string{"flipped": string(flipped), "cut short": whole[:len(whole)/2], "emptied": "", "overwritten": strings.Repeat("x", len(whole))}
}

func replaceFolder(f, with files) {
	maps.DeleteFunc(f, func(path, _ string) bool { return strings.HasPrefix(path, folder+"/") })
	for path, data := range with {
		if strings.HasPrefix(path, folder+"/") {
			f[path] = data
		}
	}
}

// TestADamagedDatabaseIsLeftAsItIs breaks each file of the database of a node that is a whole cloud, or takes it
// away: nobody lets the node go, so it does not start, says what is wrong in one sentence, and changes nothing.
// Tables are read as a whole once a process has met damage and left word. A node starts without what tells
// Pebble nothing, and has all it had.
func TestADamagedDatabaseIsLeftAsItIs(t *testing.T) {
	own := owned.Owner{Cloud: "home", Node: "pi-1"}
	before := written(t, own.Cloud, own.Node)
	want := appliedOn(t, before)
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if !strings.HasPrefix(path, folder+"/") || strings.HasSuffix(path, identityFile) || strings.HasSuffix(path, "LOCK") {
			continue
		}
		harms := map[string]string{"gone": ""}
		if before[path] != "" {
			maps.Copy(harms, broken(before[path]))
		}
		for harm, left := range harms {
			t.Run(path+" "+harm, func(t *testing.T) {
				given := maps.Clone(before)
				if given[path] = left; harm == "gone" {
					delete(given, path)
				}
				if strings.HasSuffix(path, ".sst") {
					given[damagedFile] = wounded(t, own, false)
				}
				disk := given.disk(t)
				s, err := openLone(t.Context(), disk, lone(t, own.Cloud, own.Node))
				if err == nil {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					if got := appliedOn(t, filesOf(t, disk, "")); got < want {
						t.Errorf("it starts with %d entries of %d", got, want)
					}
					return
				}
				if api.KindOf(err) != api.Damaged || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v", api.KindOf(err), err)
				}
				t.Log(err)
				given.compare(t, filesOf(t, disk, ""))
			})
		}
	}
}

// appliedOn returns the last entry that was applied to the state on a disk.
func appliedOn(t *testing.T, f files) uint64 {
	t.Helper()
	db, err := raftlog.Open(f.disk(t), folder, raftlog.Config{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := state.Open(db.Pebble(), 0)
	if err != nil {
		t.Fatal(err)
	}
	index, _ := s.Applied()
	return index
}

// TestANodeSaysThatDamageWasFound: the process before it left word of damage, which turns out to be none.
func TestANodeSaysThatDamageWasFound(t *testing.T) {
	own := owned.Owner{Cloud: "home", Node: "pi-1"}
	for want, word := range map[float64]string{0: "", 1: wounded(t, own, false)} {
		f := written(t, own.Cloud, own.Node)
		if word != "" {
			f[damagedFile] = word
		}
		s, err := openLone(t.Context(), f.disk(t), lone(t, own.Cloud, own.Node))
		if err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewRegistry()
		if err := registry.Register(s); err != nil {
			t.Fatal(err)
		}
		if got := metricstest.Sum(t, registry, "picloud_store_damage_found"); got != want {
			t.Errorf("with %q it says %v, want %v", word, got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestARowThatIsDamagedAtAStartLeavesWord spoils a row where Pebble finds nothing wrong. Without word of it each start would end like that one.
func TestARowThatIsDamagedAtAStartLeavesWord(t *testing.T) {
	whole := written(t, "home", "pi-1")
	for name, key := range map[string][]byte{
		"which groups are here": hostedKey(0),
		"how far the state is":  []byte("d\x00\x00\x00\x00m"),
	} {
		t.Run(name, func(t *testing.T) {
			disk := whole.disk(t)
			db, err := raftlog.Open(disk, folder, raftlog.Config{Logger: quiet{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(spoil(db.Pebble(), key), db.Close()); err != nil {
				t.Fatal(err)
			}
			network := &host.RealNetwork{Address: "127.0.4.1", Names: map[string]string{"pi-1": "127.0.4.1"}}
			s := newStore(&host.Host{Name: "pi-1", Network: network, Disk: disk, Log: slog.New(slog.DiscardHandler)}, lone(t, "home", "pi-1"))
			ends, started := endOf(s), make(chan error, 1)
			go func() { started <- s.start(t.Context()) }()
			select {
			case err := <-started:
				t.Fatalf("it starts, or does not: %v", err)
			case why := <-ends:
				if w, err := s.readWound(); err != nil || w == nil || !strings.Contains(why, w.Why) {
					t.Errorf("it ends, as %s, and leaves word: %v, %v", why, w, err)
				}
			}
		})
	}
}

// TestARowThatIsDamagedWhenAGroupIsTendedLeavesWord: a leader that found it each second would tend its group no more.
func TestARowThatIsDamagedWhenAGroupIsTendedLeavesWord(t *testing.T) {
	s, err := openLone(t.Context(), vfs.NewMem(), lone(t, "home", "pi-1"))
	if err != nil {
		t.Fatal(err)
	}
	ends := endOf(s)
	go s.Run(t.Context()) // and it is not waited for: who met the damage hangs
	begins(t, s)
	it, err := s.db.Pebble().NewIter(&pebble.IterOptions{LowerBound: []byte("d\x00\x00\x00\x00k"), UpperBound: []byte("d\x00\x00\x00\x00l")})
	if err != nil {
		t.Fatal(err)
	}
	it.First()
	key := slices.Clone(it.Key())
	if err := errors.Join(it.Close(), spoil(s.db.Pebble(), key)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ends:
		if w, err := s.readWound(); err != nil || w == nil {
			t.Errorf("it leaves word: %v, %v", w, err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}

// spoil puts something into a row's place that is no such row.
func spoil(db *pebble.DB, key []byte) error {
	return db.Set(key, []byte("worms have been here"), pebble.Sync)
}
