package hosttest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// DiskModel returns a property for rapid: random operations on the disk, in a fresh directory each
// time, and on a map give the same.
func DiskModel(d vfs.FS) func(*rapid.T) {
	round := 0
	return func(t *rapid.T) {
		round++
		m := &modelDisk{disk: d, dir: fmt.Sprintf("round%d", round), files: map[string][]byte{}}
		if err := d.MkdirAll(m.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"create": m.create,
			"write":  m.write,
			"rename": m.rename,
			"link":   m.copyByLink,
			"remove": m.remove,
			"":       m.compare,
		})
		if err := d.RemoveAll(m.dir); err != nil {
			t.Fatal(err)
		}
	}
}

// modelDisk is the disk under test beside the oracle, a map from names to contents.
type modelDisk struct {
	disk  vfs.FS
	dir   string
	files map[string][]byte
}

func (m *modelDisk) path(name string) string { return m.disk.PathJoin(m.dir, name) }

func drawName(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name") }

func (m *modelDisk) create(t *rapid.T) {
	name := drawName(t)
	f, err := m.disk.Create(m.path(name), category)
	if err != nil {
		t.Fatal(err)
	}
	m.files[name] = nil
	f.Close()
}

func (m *modelDisk) write(t *rapid.T) {
	name := drawName(t)
	off := rapid.IntRange(0, 9000).Draw(t, "offset")
	data := rapid.SliceOfN(rapid.Byte(), 1, 5000).Draw(t, "data")
	f, err := m.disk.OpenReadWrite(m.path(name), category)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if rapid.Bool().Draw(t, "sync before") {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	old := m.files[name]
	content := make([]byte, max(len(old), off+len(data)))
	copy(content, old)
	copy(content[off:], data)
	m.files[name] = content
	if n, err := f.WriteAt(data, int64(off)); n != len(data) || err != nil {
		t.Fatal(n, err)
	}
}

func (m *modelDisk) rename(t *rapid.T) {
	from, to := drawName(t), drawName(t)
	_, exists := m.files[from]
	if err := m.disk.Rename(m.path(from), m.path(to)); (err == nil) != exists {
		t.Fatal(err)
	}
	if exists && from != to {
		m.files[to] = m.files[from]
		delete(m.files, from)
	}
}

// copyByLink links a file and puts a copy in the link's place, for the map knows no links.
func (m *modelDisk) copyByLink(t *rapid.T) {
	from, to := drawName(t), drawName(t)
	_, exists := m.files[from]
	_, taken := m.files[to]
	if err := m.disk.Link(m.path(from), m.path(to)); (err == nil) != (exists && !taken) {
		t.Fatal(err)
	}
	if exists && !taken {
		if err := vfs.Copy(m.disk, m.path(from), m.path(from+".copy")); err != nil {
			t.Fatal(err)
		}
		if err := m.disk.Rename(m.path(from+".copy"), m.path(to)); err != nil {
			t.Fatal(err)
		}
		m.files[to] = m.files[from]
	}
}

func (m *modelDisk) remove(t *rapid.T) {
	name := drawName(t)
	_, exists := m.files[name]
	if err := m.disk.Remove(m.path(name)); (err == nil) != exists {
		t.Fatal(err)
	}
	delete(m.files, name)
}

func (m *modelDisk) compare(t *rapid.T) {
	names, err := m.disk.List(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	want := slices.Sorted(maps.Keys(m.files))
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Fatalf("names: got %v, want %v", names, want)
	}
	for _, name := range want {
		if got := readAll(t, m.disk, m.path(name)); got != string(m.files[name]) {
			t.Fatalf("%s: got %q, want %q", name, got, m.files[name])
		}
	}
}

// readAll reads a file in one piece.
func readAll(t *rapid.T, d vfs.FS, name string) string {
	info, err := d.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, info.Size())
	if n, err := f.ReadAt(b, 0); n != len(b) || err != nil {
		t.Fatal(n, err)
	}
	return string(b)
}
