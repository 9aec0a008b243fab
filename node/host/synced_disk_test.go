package host_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"picloud/node/host"
	"picloud/node/host/hosttest"
)

const unspecified = vfs.WriteCategoryUnspecified

// openSynced opens a folder as a process does that starts; whatever had it open is forgotten.
func openSynced(t require, folder string) vfs.FS {
	d, err := host.NewSyncedDisk(folder)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// require is what tests and properties have in common.
type require interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t require, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write puts text at a place of a file, which it makes if it is not there, and syncs the file or not.
func write(t require, d vfs.FS, name, text string, at int64, sync bool) {
	t.Helper()
	f, err := d.OpenReadWrite(name, unspecified)
	must(t, err)
	_, err = f.WriteAt([]byte(text), at)
	must(t, err)
	if sync {
		must(t, f.Sync())
	}
	must(t, f.Close())
}

func syncDir(t require, d vfs.FS, name string) {
	t.Helper()
	dir, err := d.OpenDir(name)
	must(t, err)
	must(t, dir.Sync())
	must(t, dir.Close())
}

// tree returns the files with their contents, and the directories with a slash.
func tree(t require, d vfs.FS, dir string) string {
	t.Helper()
	names, err := d.List(dir)
	must(t, err)
	slices.Sort(names)
	var all []string
	for _, name := range names {
		path := d.PathJoin(dir, name)
		info, err := d.Stat(path)
		must(t, err)
		if info.IsDir() {
			all = append(all, strings.TrimSpace(path+"/ "+tree(t, d, path)))
			continue
		}
		f, err := d.Open(path)
		must(t, err)
		content, err := io.ReadAll(f)
		must(t, err)
		must(t, f.Close())
		all = append(all, path+"="+string(content))
	}
	return strings.Join(all, " ")
}

func TestSyncedDisk(t *testing.T) {
	hosttest.Disk(t, func(t *testing.T) vfs.FS { return openSynced(t, t.TempDir()) })
}

func TestOnlyWhatWasSyncedIsThereAfterwards(t *testing.T) {
	for _, story := range []struct {
		name string
		tell func(t *testing.T, d vfs.FS)
		want string
	}{
		{"file and directory synced", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "kept", 0, true)
			syncDir(t, d, "/")
		}, "/a=kept"},
		{"the directory first", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "", 0, false)
			syncDir(t, d, "/")
			write(t, d, "a", "kept", 0, true)
		}, "/a=kept"},
		{"only the file synced", func(t *testing.T, d vfs.FS) { write(t, d, "a", "gone", 0, true) }, ""},
		{"only the directory synced", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "gone", 0, false)
			syncDir(t, d, "/")
		}, "/a="},
		{"written again", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "0123456789", 0, true)
			syncDir(t, d, "/")
			write(t, d, "a", "xyz", 4, false)
			write(t, d, "a", "more", 10, false)
		}, "/a=0123456789"},
		{"written in two places", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "0123456789", 0, true)
			syncDir(t, d, "/")
			write(t, d, "a", "x", 8, false)
			write(t, d, "a", "y", 2, true)
		}, "/a=01y34567x9"},
		{"a part of the file by SyncTo", func(t *testing.T, d vfs.FS) {
			f, err := d.Create("a", unspecified)
			must(t, err)
			_, err = f.Write([]byte("gone"))
			must(t, err)
			_, err = f.SyncTo(4)
			must(t, err)
			syncDir(t, d, "/")
		}, "/a="},
		{"writes that follow one another", func(t *testing.T, d vfs.FS) {
			f, err := d.Create("a", unspecified)
			must(t, err)
			syncDir(t, d, "/")
			for _, part := range []string{"one ", "two ", "three"} {
				_, err = f.Write([]byte(part))
				must(t, err)
				if part != "three" {
					must(t, f.SyncData())
				}
			}
		}, "/a=one two "},
		{"a rename", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "A", 0, true)
			write(t, d, "b", "B", 0, true)
			syncDir(t, d, "/")
			must(t, d.Rename("a", "b"))
		}, "/a=A /b=B"},
		{"a rename, synced", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "A", 0, true)
			write(t, d, "b", "B", 0, true)
			must(t, d.Rename("a", "b"))
			syncDir(t, d, "/")
		}, "/b=A"},
		{"a removal", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "A", 0, true)
			syncDir(t, d, "/")
			must(t, d.Remove("a"))
		}, "/a=A"},
		{"a file in the place of another", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "old", 0, true)
			syncDir(t, d, "/")
			f, err := d.Create("a", unspecified)
			must(t, err)
			_, err = f.Write([]byte("n"))
			must(t, err)
			must(t, f.Sync())
		}, "/a=old"},
		{"a link is the same file", func(t *testing.T, d vfs.FS) {
			write(t, d, "a", "1", 0, true)
			must(t, d.Link("a", "b"))
			syncDir(t, d, "/")
			write(t, d, "b", "2", 1, true)
		}, "/a=12 /b=12"},
		{"directories", func(t *testing.T, d vfs.FS) {
			must(t, d.MkdirAll("x/y", 0o755))
			write(t, d, "x/f", "F", 0, true)
			write(t, d, "x/y/g", "G", 0, true)
			syncDir(t, d, "x")
			syncDir(t, d, "/")
		}, "/x/ /x/f=F /x/y/"},
		{"a directory that was moved", func(t *testing.T, d vfs.FS) {
			must(t, d.MkdirAll("x/y", 0o755))
			write(t, d, "x/y/g", "G", 0, true)
			for _, dir := range []string{"x/y", "x", "/"} {
				syncDir(t, d, dir)
			}
			must(t, d.Rename("x/y", "z"))
			syncDir(t, d, "/")
			syncDir(t, d, "x")
		}, "/x/ /z/ /z/g=G"},
	} {
		t.Run(strings.ReplaceAll(story.name, " ", "_"), func(t *testing.T) {
			folder := t.TempDir()
			story.tell(t, openSynced(t, folder))
			for range 2 { // to open it changes nothing
				if got := tree(t, openSynced(t, folder), "/"); got != story.want {
					t.Errorf("there is %q, want %q", got, story.want)
				}
			}
		})
	}
}

// modelFile is a file as it is, and as it would be after the end of the process.
type modelFile struct{ now, synced string }

// TestAnyOperationsLeaveWhatWasSynced compares the disk with two maps of files: the names as they are, and
// as they were when the directory was synced last.
func TestAnyOperationsLeaveWhatWasSynced(t *testing.T) {
	base, round := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		folder := fmt.Sprint(base, "/", round)
		d := openSynced(t, folder)
		present, synced := map[string]*modelFile{}, map[string]*modelFile{}
		name := func(what string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, what) }
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				n, text, sync := name("name"), rapid.StringMatching("[a-z]{1,4}").Draw(t, "text"), rapid.Bool().Draw(t, "sync")
				if present[n] == nil {
					present[n] = &modelFile{}
				}
				f := present[n]
				at := rapid.IntRange(0, len(f.now)).Draw(t, "at")
				f.now = f.now[:at] + text + f.now[min(len(f.now), at+len(text)):]
				if write(t, d, n, text, int64(at), sync); sync {
					f.synced = f.now
				}
			},
			"rename": func(t *rapid.T) {
				from, to := name("from"), name("to")
				f := present[from]
				if err := d.Rename(from, to); (err == nil) != (f != nil) {
					t.Fatal(err)
				}
				if f != nil && f != present[to] {
					delete(present, from)
					present[to] = f
				}
			},
			"link": func(t *rapid.T) {
				from, to := name("from"), name("to")
				if f := present[from]; f != nil && present[to] == nil {
					must(t, d.Link(from, to))
					present[to] = f
				}
			},
			"remove": func(t *rapid.T) {
				n := name("name")
				if err := d.Remove(n); (err == nil) != (present[n] != nil) {
					t.Fatal(err)
				}
				delete(present, n)
			},
			"sync the directory": func(t *rapid.T) {
				syncDir(t, d, "/")
				synced = maps.Clone(present)
			},
			"start again": func(t *rapid.T) {
				d = openSynced(t, folder)
				present = maps.Clone(synced)
				for _, f := range present {
					f.now = f.synced
				}
			},
			"": func(t *rapid.T) {
				var want []string
				for _, n := range slices.Sorted(maps.Keys(present)) {
					want = append(want, "/"+n+"="+present[n].now)
				}
				if got := tree(t, d, "/"); got != strings.Join(want, " ") {
					t.Fatalf("there is %q, want %q", got, want)
				}
			},
		})
	})
}

func openPebble(folder string) (*pebble.DB, error) {
	d, err := host.NewSyncedDisk(folder)
	if err != nil {
		return nil, err
	}
	return pebble.Open("db", &pebble.Options{FS: d, MemTableSize: 64 << 10, Logger: quiet{}})
}

type quiet struct{}

func (quiet) Infof(string, ...any)         {}
func (quiet) Errorf(string, ...any)        {}
func (quiet) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// count returns how many keys there are. They must be 0, 1, 2, ...
func count(db *pebble.DB) (int, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return 0, err
	}
	n := 0
	for it.First(); it.Valid(); it.Next() {
		if want := fmt.Sprintf("%09d", n); string(it.Key()) != want {
			err = fmt.Errorf("after %d keys comes %s", n, it.Key())
			break
		}
		n++
	}
	return n, errors.Join(err, it.Close())
}

// writeForEver commits keys one by one, one in four with a sync, and says on standard output how many are
// synced.
func writeForEver(folder string) error {
	db, err := openPebble(folder)
	if err != nil {
		return err
	}
	n, err := count(db)
	for value := make([]byte, 1000); err == nil; n++ {
		durably := pebble.NoSync
		if rand.IntN(4) == 0 {
			durably = pebble.Sync
		}
		if err = db.Set(fmt.Appendf(nil, "%09d", n), value, durably); err == nil && durably.Sync {
			fmt.Println(n + 1)
		}
	}
	return err
}

// TestPebbleLosesNothingThatWasSynced kills a process that writes, and looks at what it left.
func TestPebbleLosesNothingThatWasSynced(t *testing.T) {
	folder, acknowledged := t.TempDir(), 0
	for range 8 {
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), writerEnv+"="+folder)
		writer.Stderr = os.Stderr
		out, err := writer.StdoutPipe()
		must(t, err)
		must(t, writer.Start())
		lines := bufio.NewScanner(out)
		for said, limit := 0, 1+rand.IntN(60); lines.Scan(); said++ {
			if said == limit {
				must(t, writer.Process.Kill()) // and read what it has said until then
			}
			_, err := fmt.Sscan(lines.Text(), &acknowledged)
			must(t, err)
		}
		if err := writer.Wait(); writer.ProcessState.Exited() {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		db, err := openPebble(folder)
		must(t, err)
		n, err := count(db)
		must(t, errors.Join(err, db.Close()))
		if n < acknowledged {
			t.Fatalf("%d keys were committed with a sync, and there are %d", acknowledged, n)
		}
	}
	t.Logf("%d keys", acknowledged)
}

// TestPebbleLosesWhatWasNotSynced shows that the disk does what it is for.
func TestPebbleLosesWhatWasNotSynced(t *testing.T) {
	folder := t.TempDir()
	db, err := openPebble(folder)
	must(t, err)
	for n := range 20 {
		durably := pebble.NoSync
		if n == 9 {
			durably = pebble.Sync
		}
		must(t, db.Set(fmt.Appendf(nil, "%09d", n), nil, durably))
	}
	left := t.TempDir() // what a kill would leave now; in one process Pebble does not open a folder twice
	must(t, os.CopyFS(left, os.DirFS(folder)))
	again, err := openPebble(left)
	must(t, err)
	n, err := count(again)
	must(t, errors.Join(err, again.Close()))
	if n != 10 {
		t.Fatalf("there are %d keys, and 10 were synced", n)
	}
}
