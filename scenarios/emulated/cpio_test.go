package emulated

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// entry is what a dumb reader finds in an archive.
type entry struct {
	name    string
	mode    int
	content string
}

// unpack reads an archive of the form newc, by the kernel's description of it and nothing of the writer's.
func unpack(archive []byte) (all []entry, err error) {
	at := 0
	take := func(n int) ([]byte, error) {
		if at+n > len(archive) {
			return nil, fmt.Errorf("the archive ends at byte %d", len(archive))
		}
		at += n
		return archive[at-n : at], nil
	}
	inodes := map[int]bool{}
	for {
		if at%4 != 0 {
			return nil, fmt.Errorf("an entry begins at byte %d, which is no multiple of four", at)
		}
		head, err := take(110)
		if err != nil {
			return nil, err
		}
		if string(head[:6]) != "070701" {
			return nil, fmt.Errorf("an entry begins with %q", head[:6])
		}
		var fields [13]int
		for i := range fields {
			n, err := strconv.ParseUint(string(head[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				return nil, err
			}
			fields[i] = int(n)
		}
		if inodes[fields[0]] {
			return nil, fmt.Errorf("two entries have the number %d: the kernel would take them for links", fields[0])
		}
		inodes[fields[0]] = true
		name, err := take(fields[11])
		if err != nil || name[len(name)-1] != 0 {
			return nil, errors.Join(fmt.Errorf("the name %q", name), err)
		}
		at = (at + 3) &^ 3
		content, err := take(fields[6])
		if err != nil {
			return nil, err
		}
		at = (at + 3) &^ 3
		if string(name) == "TRAILER!!!\x00" {
			return all, nil
		}
		all = append(all, entry{string(name[:len(name)-1]), fields[1], string(content)})
	}
}

func TestWhatIsPutIntoAnArchiveIsFoundInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Custom(func(t *rapid.T) entry {
			return entry{rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "name"), cpioFile | 0o755, rapid.StringN(0, 9, -1).Draw(t, "content")}
		})).Draw(t, "entries")
		var archive bytes.Buffer
		c := &cpio{out: &archive}
		for _, e := range want {
			c.file(e.name, []byte(e.content))
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
		got, err := unpack(archive.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("the archive has %v, want %v", got, want)
		}
	})
}

// TestCpioListsTheArchive by the program that everybody uses.
func TestCpioListsTheArchive(t *testing.T) {
	program, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("cpio is not installed")
	}
	var archive bytes.Buffer
	c := &cpio{out: &archive}
	c.folder("modules")
	c.file("modules/one.ko", []byte("12345"))
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--list", "--quiet")
	cmd.Stdin = &archive
	if list, err := cmd.CombinedOutput(); err != nil || string(list) != "modules\nmodules/one.ko\n" {
		t.Fatalf("cpio lists %q (%v)", list, err)
	}
}

// full takes some bytes and then no more.
type full int

func (f *full) Write(b []byte) (int, error) {
	if len(b) > int(*f) {
		return 0, errors.New("no space is left")
	}
	*f -= full(len(b))
	return len(b), nil
}

func TestAnArchiveThatCannotBeWrittenIsNone(t *testing.T) {
	for room := range full(200) {
		left := room
		c := &cpio{out: &left}
		c.file("one", []byte("12345"))
		if err := c.close(); err == nil {
			t.Fatalf("nothing was said although there was room for %d bytes only", room)
		}
	}
}
