// Package hosttest holds what every provider of node/host must fulfil, as suites that its tests
// call. A provider that passes can be taken for another.
package hosttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// Disk checks a file system: the stories, then random operations. The function make returns an
// empty one.
func Disk(t *testing.T, make func(t *testing.T) vfs.FS) {
	DiskStories(t, make)
	t.Run("any_operations_give_what_a_map_gives", func(t *testing.T) {
		rapid.Check(t, DiskModel(make(t)))
	})
}

// DiskStories is Disk without the random operations: rapid looks for files of the real machine,
// which a simulated one does not have.
func DiskStories(t *testing.T, make func(t *testing.T) vfs.FS) {
	for _, story := range []struct {
		name string
		tell func(t *testing.T, d vfs.FS)
	}{
		{"a file reads as it was written", readsAsWritten},
		{"large transfers are whole", largeFiles},
		{"holes read as zeros", holes},
		{"create makes a new file", createIsNew},
		{"a removed file lives on in its handles", removedLivesOn},
		{"rename replaces and moves", renames},
		{"a link is the same file", links},
		{"directories list their names", directories},
		{"remove all takes a tree", removesAll},
		{"a lock excludes", locks},
		{"reuse keeps the content", reuse},
		{"errors are those of package os", errorsAreKnown},
		{"names stay below the root", namesStayInside},
		{"many goroutines at once", manyAtOnce},
		{"preallocation and prefetch change nothing", hints},
	} {
		t.Run(strings.ReplaceAll(story.name, " ", "_"), func(t *testing.T) { story.tell(t, make(t)) })
	}
}

const category = vfs.WriteCategoryUnspecified

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file whole.
func put(t testing.TB, d vfs.FS, name, content string) {
	t.Helper()
	f, err := d.Create(name, category)
	must(t, err)
	_, err = f.Write([]byte(content))
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

// get reads a file whole.
func get(t testing.TB, d vfs.FS, name string) string {
	t.Helper()
	f, err := d.Open(name)
	must(t, err)
	b, err := io.ReadAll(f)
	must(t, err)
	must(t, f.Close())
	return string(b)
}

func list(t testing.TB, d vfs.FS, dir string) string {
	t.Helper()
	names, err := d.List(dir)
	must(t, err)
	slices.Sort(names)
	return strings.Join(names, " ")
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func readsAsWritten(t *testing.T, d vfs.FS) {
	f, err := d.Create("a", category)
	must(t, err)
	for _, part := range []string{"one ", "two ", "three"} {
		n, err := f.Write([]byte(part))
		must(t, err)
		same(t, "bytes written", n, len(part))
	}
	must(t, f.SyncData())
	_, err = f.SyncTo(4)
	must(t, err)
	b := make([]byte, 3)
	_, err = f.ReadAt(b, 4)
	must(t, err)
	same(t, "in the middle", string(b), "two")
	n, err := f.ReadAt(b, 12)
	same(t, "bytes at the end", n, 1)
	same(t, "the end", err, io.EOF)
	info, err := f.Stat()
	must(t, err)
	same(t, "size", info.Size(), 13)
	same(t, "name", info.Name(), "a")
	same(t, "directory", info.IsDir(), false)
	must(t, f.Close())
	same(t, "content", get(t, d, "a"), "one two three")
	same(t, "with a slash", get(t, d, "/a"), "one two three")
}

func largeFiles(t *testing.T, d vfs.FS) {
	content := make([]byte, 300_001)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	f, err := d.Create("big", category)
	must(t, err)
	n, err := f.Write(bytes.Clone(content))
	must(t, err)
	same(t, "bytes written", n, len(content))
	must(t, f.Sync())
	back := make([]byte, len(content)-5)
	n, err = f.ReadAt(back, 5)
	must(t, err)
	same(t, "bytes read", n, len(back))
	same(t, "equal", bytes.Equal(back, content[5:]), true)
	must(t, f.Close())
	same(t, "read whole", get(t, d, "big"), string(content))
}

func holes(t *testing.T, d vfs.FS) {
	f, err := d.OpenReadWrite("h", category)
	must(t, err)
	_, err = f.WriteAt([]byte("end"), 10_000)
	must(t, err)
	_, err = f.WriteAt([]byte("x"), 1)
	must(t, err)
	must(t, f.Close())
	same(t, "content", get(t, d, "h"), "\x00x"+strings.Repeat("\x00", 9998)+"end")
}

func createIsNew(t *testing.T, d vfs.FS) {
	put(t, d, "a", "old")
	old, err := d.Open("a")
	must(t, err)
	put(t, d, "a", "n")
	same(t, "new", get(t, d, "a"), "n")
	b, err := io.ReadAll(old)
	must(t, err)
	same(t, "old handle", string(b), "old")
	must(t, old.Close())
	f, err := d.OpenReadWrite("a", category)
	must(t, err)
	_, err = f.WriteAt([]byte("ew"), 1)
	must(t, err)
	must(t, f.Close())
	same(t, "opened without cutting", get(t, d, "a"), "new")
}

func removedLivesOn(t *testing.T, d vfs.FS) {
	f, err := d.Create("a", category)
	must(t, err)
	must(t, d.Remove("a"))
	_, err = f.Write([]byte("still here"))
	must(t, err)
	must(t, f.Sync())
	b := make([]byte, 10)
	_, err = f.ReadAt(b, 0)
	must(t, err)
	same(t, "content", string(b), "still here")
	must(t, f.Close())
	same(t, "names", list(t, d, "/"), "")
}

func renames(t *testing.T, d vfs.FS) {
	put(t, d, "a", "A")
	put(t, d, "b", "B")
	must(t, d.MkdirAll("dir/sub", 0o755))
	must(t, d.Rename("a", "b"))
	same(t, "replaced", get(t, d, "b"), "A")
	must(t, d.Rename("b", "dir/sub/c"))
	same(t, "moved", get(t, d, "dir/sub/c"), "A")
	same(t, "root", list(t, d, "/"), "dir")
	must(t, d.Rename("dir/sub", "up"))
	same(t, "a directory", get(t, d, "up/c"), "A")
	must(t, d.Rename("up/c", "up/c"))
	same(t, "onto itself", get(t, d, "up/c"), "A")
}

func links(t *testing.T, d vfs.FS) {
	put(t, d, "a", "1")
	must(t, d.Link("a", "b"))
	f, err := d.OpenReadWrite("b", category)
	must(t, err)
	_, err = f.Write([]byte("2"))
	must(t, err)
	must(t, f.Close())
	same(t, "through the other name", get(t, d, "a"), "2")
	must(t, d.Remove("a"))
	same(t, "when one is gone", get(t, d, "b"), "2")
}

func directories(t *testing.T, d vfs.FS) {
	must(t, d.MkdirAll("x/y/z", 0o755))
	must(t, d.MkdirAll("x/y/z", 0o755))
	put(t, d, "x/file", "f")
	same(t, "names", list(t, d, "x"), "file y")
	dir, err := d.OpenDir("x")
	must(t, err)
	must(t, dir.Sync())
	info, err := dir.Stat()
	must(t, err)
	same(t, "is a directory", info.IsDir(), true)
	must(t, dir.Close())
	info, err = d.Stat("x/y")
	must(t, err)
	same(t, "is a directory", info.IsDir() && info.Mode().IsDir(), true)
	for i := range 3000 { // more names than fit into one frame
		f, err := d.Create(fmt.Sprintf("x/y/%s%04d", strings.Repeat("n", 40), i), category)
		must(t, err)
		must(t, f.Close())
	}
	names, err := d.List("x/y")
	must(t, err)
	same(t, "number of names", len(names), 3001)
	usage, err := d.GetDiskUsage("x")
	must(t, err)
	same(t, "usage", usage.TotalBytes >= usage.AvailBytes && usage.AvailBytes > 0, true)
}

func removesAll(t *testing.T, d vfs.FS) {
	must(t, d.MkdirAll("x/y", 0o755))
	put(t, d, "x/y/a", "a")
	put(t, d, "x/b", "b")
	put(t, d, "c", "c")
	must(t, d.RemoveAll("x"))
	must(t, d.RemoveAll("never/there"))
	must(t, d.RemoveAll("c"))
	same(t, "names", list(t, d, "/"), "")
}

func locks(t *testing.T, d vfs.FS) {
	lock, err := d.Lock("LOCK")
	must(t, err)
	if second, err := d.Lock("LOCK"); err == nil || second != nil {
		t.Fatal("a second lock was given")
	}
	must(t, lock.Close())
	lock, err = d.Lock("LOCK")
	must(t, err)
	must(t, lock.Close())
}

func reuse(t *testing.T, d vfs.FS) {
	put(t, d, "old", "12345")
	f, err := d.ReuseForWrite("old", "new", category)
	must(t, err)
	_, err = f.Write([]byte("AB"))
	must(t, err)
	must(t, f.Close())
	same(t, "content", get(t, d, "new"), "AB345")
	same(t, "names", list(t, d, "/"), "new")
}

func hints(t *testing.T, d vfs.FS) {
	f, err := d.Create("a", category)
	must(t, err)
	must(t, f.Preallocate(0, 1<<16))
	_, err = f.Write([]byte("abc"))
	must(t, err)
	_ = f.Prefetch(0, 3) // a hint; Pebble's file for Linux returns an error of number 0
	must(t, f.Close())
	same(t, "content", get(t, d, "a"), "abc")
}

func errorsAreKnown(t *testing.T, d vfs.FS) {
	put(t, d, "file", "f")
	must(t, d.MkdirAll("dir/sub", 0o755))
	readOnly, err := d.Open("file")
	must(t, err)
	closed, err := d.Open("file")
	must(t, err)
	must(t, closed.Close())
	b := make([]byte, 1)
	only := func(_ any, err error) error { return err }
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"open nothing", only(d.Open("none")), os.ErrNotExist},
		{"open in nothing", only(d.OpenReadWrite("no/thing", category)), os.ErrNotExist},
		{"open the empty name", only(d.Open("")), os.ErrNotExist},
		{"stat nothing", only(d.Stat("none")), os.ErrNotExist},
		{"stat below a file", only(d.Stat("file/x")), syscall.ENOTDIR},
		{"list nothing", only(d.List("none")), os.ErrNotExist},
		{"remove nothing", d.Remove("none"), os.ErrNotExist},
		{"remove a full directory", d.Remove("dir"), syscall.ENOTEMPTY},
		{"rename nothing", d.Rename("none", "x"), os.ErrNotExist},
		{"rename into nothing", d.Rename("file", "no/x"), os.ErrNotExist},
		{"rename over a directory", d.Rename("file", "dir"), os.ErrExist},
		{"rename into itself", d.Rename("dir", "dir/sub/x"), syscall.EINVAL},
		{"link over a file", d.Link("file", "file"), os.ErrExist},
		{"link nothing", d.Link("none", "x"), os.ErrNotExist},
		{"a directory below a file", d.MkdirAll("file/x", 0o755), syscall.ENOTDIR},
		{"reuse nothing", only(d.ReuseForWrite("none", "x", category)), os.ErrNotExist},
		{"write a directory", only(d.OpenReadWrite("dir", category)), syscall.EISDIR},
		{"write what is open for reading", only(readOnly.Write([]byte("x"))), syscall.EBADF},
		{"read before the start", only(readOnly.ReadAt(b, -1)), nil},
		{"read what is closed", only(closed.Read(b)), os.ErrClosed},
		{"close twice", closed.Close(), os.ErrClosed},
	} {
		if c.err == nil || c.want != nil && !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.err, c.want)
		}
	}
	var p *os.PathError
	if _, err := d.Open("none"); !errors.As(err, &p) || p.Path != "none" {
		t.Errorf("the error does not name the path: %v", err)
	}
	var l *os.LinkError
	if err := d.Rename("none", "x"); !errors.As(err, &l) || l.Old != "none" || l.New != "x" {
		t.Errorf("the error does not name the paths: %v", err)
	}
	must(t, readOnly.Close())
}

func namesStayInside(t *testing.T, d vfs.FS) {
	put(t, d, "../../outside", "in")
	same(t, "names", list(t, d, "/"), "outside")
	same(t, "dots lead nowhere", get(t, d, "/../x/../outside"), "in")
}

func manyAtOnce(t *testing.T, d vfs.FS) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			name := fmt.Sprintf("f%d", i)
			f, err := d.Create(name, category)
			for n := 0; n < 20 && err == nil; n++ {
				if _, err = f.Write(bytes.Repeat([]byte{byte('a' + i)}, 1000)); err == nil && n%5 == 0 {
					err = f.Sync()
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			f.Close()
		}()
	}
	group.Wait()
	for i := range 8 {
		same(t, "content", get(t, d, fmt.Sprintf("f%d", i)), strings.Repeat(string(rune('a'+i)), 20_000))
	}
}
