package museum

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"picloud/sim/event"
)

// mostLines is how many lines a mended twin may differ in.
const mostLines = 10

// TestTwinsDifferInFewLines compares the part that is wrong with the one that is right, line by
// line without comments, the name of the function aside.
func TestTwinsDifferInFewLines(t *testing.T) {
	for _, e := range Exhibits() {
		wrong, right := code(t, e.Files[0]), code(t, e.Files[1])
		if n := differing(wrong, right); n == 0 || n > mostLines {
			t.Errorf("%s: %s and %s differ in %d lines, from 1 to %d are wanted", e.Name, e.Files[0], e.Files[1], n, mostLines)
		}
	}
}

// code returns the lines of a file without comments, imports and empty lines. The function has the
// name that it has in every other file.
func code(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(b), "\nfunc ")
	_, body, _ = strings.Cut(body, "(")
	var lines []string
	for _, line := range strings.Split("func f("+body, "\n") {
		line, _, _ = strings.Cut(line, "//")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// differing returns how many lines of a must be taken out and how many of b put in to make b of a.
func differing(a, b []string) int {
	row := make([]int, len(b)+1) // longest common subsequences of a so far and the start of b
	for _, line := range a {
		before := 0
		for j := range b {
			above := row[j+1]
			if line == b[j] {
				row[j+1] = before + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			before = above
		}
	}
	return len(a) + len(b) - 2*row[len(b)]
}

func TestDifferingLinesAreCounted(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"a b c", "a b c", 0}, {"a b c", "a x c", 2}, {"a b c", "a c", 1}, {"", "a b", 2}, {"a b", "b a", 2}} {
		if got := differing(strings.Fields(c.a), strings.Fields(c.b)); got != c.want {
			t.Errorf("from %q to %q: %d lines, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestScenariosTakeEveryProgram(t *testing.T) {
	for _, e := range Exhibits() {
		s, err := Scenario(e.Cloud, e.Program())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.MachinesOf("node")[0].Program; got != e.Program() {
			t.Errorf("%s runs %s", e.Name, got)
		}
	}
	if _, err := Scenario(Single, "museum-single/nothing"); err == nil {
		t.Error("a program that is not there was taken")
	}
}

// TestEverySeedHasASchedule makes the schedules of as many seeds as a mended twin must survive.
func TestEverySeedHasASchedule(t *testing.T) {
	for _, cloud := range Clouds() {
		s, err := Scenario(cloud, cloud)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(2000) {
			if _, err := s.Schedule(event.NewLoop(seed + 1).Stream); err != nil {
				t.Errorf("%s, seed %d: %v", cloud, seed+1, err)
			}
		}
	}
}

// TestJournalKeepsWhatWasAdded adds twice, and spoils what was added last as a crash may, in any of its
// parts: what comes back is all that was added first and a start of the rest.
func TestJournalKeepsWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs, p := vfs.NewMem(), right()
		j, _, err := recoverJournal(&p, fs)
		if err == nil {
			err = j.rewrite(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		draw := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 40), 1, 10)
		synced, last := draw.Draw(t, "synced"), draw.Draw(t, "last")
		if err := j.add(synced...); err != nil {
			t.Fatal(err)
		}
		safe := int(j.size)
		if err := j.add(last...); err != nil {
			t.Fatal(err)
		}
		whole, err := readAll(fs)
		if err != nil {
			t.Fatal(err)
		}
		left := whole[:rapid.IntRange(safe, len(whole)).Draw(t, "left")]
		for at := safe; at < len(left); at += 16 { // "sectors" that did not reach the card
			if rapid.IntRange(0, 3).Draw(t, "torn") == 0 {
				clear(left[at:min(at+16, len(left))])
			}
		}
		put(t, fs, left)
		_, got, err := recoverJournal(&p, fs)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Concat(synced, last)
		if len(got) < len(synced) || !slices.EqualFunc(got, all[:len(got)], slices.Equal[[]byte]) {
			t.Errorf("%d bytes were left behind what was synced, and %q came back of %q and %q", len(left)-safe, got, synced, last)
		}
	})
}

func put(t *rapid.T, fs vfs.FS, content []byte) {
	f, err := fs.Create(journalFile, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(slices.Clone(content)) // the file system writes over it where the race detector is on
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestDamageIsNotTakenForACrash flips a bit of each byte of all records but the last.
func TestDamageIsNotTakenForACrash(t *testing.T) {
	p := right()
	first := pack(1, []byte("first"))
	all := append(slices.Clone(first), pack(2, []byte("second"))...)
	for i := range first {
		fs := vfs.NewMem()
		bad := append([]byte(nil), all...)
		bad[i] ^= 4
		f, err := fs.Create(journalFile, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(bad)
		f.Close()
		if _, _, err := recoverJournal(&p, fs); err != errDamaged {
			t.Errorf("byte %d flipped: got %v, want %v", i, err, errDamaged)
		}
	}
}

func TestRaftLogSurvivesReopening(t *testing.T) {
	fs, p := vfs.NewMem(), right()
	open := func() *raftLog {
		l, err := openLog(&p, fs)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	for i := uint64(1); i <= 9; i++ {
		if err := l.StoreLog(&raft.Log{Index: i, Term: i, Data: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	l.DeleteRange(7, 9)
	l.DeleteRange(1, 2)
	l.SetUint64([]byte("term"), 4)
	for range 2 { // from the journal that grew, and from the one written at opening
		l = open()
		first, _ := l.FirstIndex()
		last, _ := l.LastIndex()
		term, err := l.GetUint64([]byte("term"))
		if first != 3 || last != 6 || term != 4 || err != nil {
			t.Fatalf("entries %d to %d, term %d, %v", first, last, term, err)
		}
		var got raft.Log
		if err := l.GetLog(5, &got); err != nil || got.Index != 5 || got.Term != 5 || got.Data[0] != 5 {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}
