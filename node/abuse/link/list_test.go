package link

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// covers tells whether an entry covers a link, as Entry's comment says it.
func covers(e Entry, k Link) bool {
	if host, only := strings.CutPrefix(e.String(), "="); only {
		return host == k.Host
	}
	if host, path, has := strings.Cut(e.String(), "/"); has {
		rest, below := strings.CutPrefix(k.Path, "/"+path)
		return host == k.Host && below && (rest == "" || rest[0] == '/' || rest[0] == '?')
	}
	return e.String() == k.Host || strings.HasSuffix(k.Host, "."+e.String())
}

// rank orders entries that cover one link: paths, then hosts, then domains, and the longer before the shorter.
func rank(e Entry) int {
	switch text := e.String(); {
	case strings.Contains(text, "/"):
		return 2<<20 + len(text)
	case text[0] == '=':
		return 1 << 20
	default:
		return len(text)
	}
}

// TestListAnswersExactly: a list of few names, where much covers much, does what looking at all entries does.
func TestListAnswersExactly(t *testing.T) {
	hosts := rapid.Custom(func(r *rapid.T) string {
		below := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "www"}), 0, 3).Draw(r, "below")
		return strings.Join(append(below, rapid.SampledFrom([]string{"a.com", "b.com", "a.co.uk", "1.2.3.4", "xn--bcher-kva.de"}).Draw(r, "domain")), ".")
	})
	links := rapid.Custom(func(r *rapid.T) Link {
		l, err := Normal(hosts.Draw(r, "host") + rapid.StringMatching(`(/(a|b|ab)){0,3}(\?a|\?b)?`).Draw(r, "path"))
		if err != nil {
			l = Link{Host: "1.2.3.4"} // nothing is below an address
		}
		return l
	})
	entries := rapid.Custom(func(r *rapid.T) Entry {
		l := links.Draw(r, "link")
		only := ""
		if rapid.Bool().Draw(r, "only") {
			l.Path, only = "", "="
		}
		e, err := ParseEntry(only + l.String())
		if err != nil {
			r.Fatal(err)
		}
		if again, err := ParseEntry(e.String()); err != nil || again != e {
			r.Fatalf("%q is read as %q, %v", e, again, err)
		}
		return e
	})
	rapid.Check(t, func(r *rapid.T) {
		list, all := NewList(), map[Entry]bool{}
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) {
				for _, e := range rapid.SliceOfN(entries, 1, 20).Draw(r, "entries") {
					if err := list.Add(e); err != nil {
						r.Fatal(err)
					}
					all[e] = true
				}
			},
			"remove": func(r *rapid.T) {
				for _, e := range rapid.SliceOfN(entries, 1, 20).Draw(r, "entries") {
					if list.Remove(e) != all[e] {
						r.Fatalf("%q was there: %v", e, all[e])
					}
					delete(all, e)
				}
			},
			"look up": func(r *rapid.T) {
				k := links.Draw(r, "link")
				var want Entry
				for e := range all {
					if covers(e, k) && (want == Entry{} || rank(e) > rank(want)) {
						want = e
					}
				}
				if got, on := list.Lookup(k); got != want || on != (want != Entry{}) {
					r.Fatalf("%q is on the list by %q, %v, not by %q", k, got, on, want)
				}
			},
			"": func(r *rapid.T) {
				if list.Len() != len(all) {
					r.Fatalf("it has %d entries, not %d", list.Len(), len(all))
				}
			},
		})
	})
}

// TestTableIsASet, also while it grows, shrinks and is compacted.
func TestTableIsASet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		table, all := newTable(), map[string]bool{}
		for _, step := range rapid.SliceOfN(rapid.IntRange(-60, 60), 0, 400).Draw(r, "steps") {
			text := fmt.Sprintf("%*d", max(step, -step), max(step, -step))
			if step >= 0 {
				added, err := table.add(text)
				if err != nil || added == all[text] {
					r.Fatal(text, added, err)
				}
				all[text] = true
			} else {
				if table.remove([]byte(text)) != all[text] {
					r.Fatal(text)
				}
				delete(all, text)
			}
		}
		for i := range 61 {
			if text := fmt.Sprintf("%*d", i, i); table.has([]byte(text)) != all[text] {
				r.Fatalf("%q is there: %v", text, !all[text])
			}
		}
		if table.n != len(all) || len(table.texts)-table.gone > 64*len(all) {
			r.Fatalf("%d texts, %d bytes and %d gone, where there are %d", table.n, len(table.texts), table.gone, len(all))
		}
	})
}

func TestEntries(t *testing.T) {
	for text, want := range map[string]string{
		"Example.COM.":                  "example.com",
		"http://example.com/":           "example.com",
		"=www.example.com":              "=www.example.com",
		"=com":                          "=com",
		"https://example.com:80/a//b/?": "example.com/a/b",
		"1.2.3.4":                       "=1.2.3.4",
		"[::1]":                         "=[::1]",
		"bücher.de":                     "xn--bcher-kva.de",
		"someone.github.io":             "someone.github.io",
	} {
		if e, err := ParseEntry(text); err != nil || e.String() != want {
			t.Errorf("%q is read as %q, %v", text, e, err)
		}
	}
	for text, want := range map[string]string{
		"co.uk": "domains of many", "com": "domains of many", "github.io": "domains of many", "localhost": "domains of many",
		"": "no host", "=": "no host", "a b": "cannot follow", "=a.com/x": "has a path", "||a.com^": "no host",
		"a.com/" + strings.Repeat("x", mostPath("a.com")): "its path",
	} {
		if e, err := ParseEntry(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read as %q, %v, where an error with %q is expected", text, e, err, want)
		}
	}
}

func TestLongPathsAreCoveredByTheirBeginnings(t *testing.T) {
	list := NewList()
	longest := "/" + strings.Repeat("x", mostPath("a.com")-1)
	for _, text := range []string{"a.com" + longest, "a.com/y"} {
		e, err := ParseEntry(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{longest: true, longest + "/z": true, longest + "z": false, "/y/" + strings.Repeat("z", 5000): true, "/" + strings.Repeat("z", 5000): false} {
		if _, on := list.Lookup(Link{"a.com", path}); on != want {
			t.Errorf("%.10q of %d bytes is on the list: %v", path, len(path), on)
		}
	}
}

func TestCheckSaysWhatMatched(t *testing.T) {
	list := NewList()
	for _, text := range []string{"evil.com", "good.com/bad"} {
		e, err := ParseEntry(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := list.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	matches, err := list.Check("good.com/, hxxp://www.EVIL[.]com/x; good.com/bad/y")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range matches {
		got = append(got, m.Entry.String()+" "+m.Found.Text)
	}
	if want := []string{"evil.com hxxp://www.EVIL[.]com/x", "good.com/bad good.com/bad/y"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	if err := list.Add(Entry{}); err == nil {
		t.Error("no entry was added")
	}
}

func read(text string) ([]string, error) {
	var all []string
	err := Read(strings.NewReader(text), func(e Entry) error {
		all = append(all, e.String())
		return nil
	})
	return all, err
}

func TestLists(t *testing.T) {
	got, err := read("# a list\n\nevil.com\r\n  =www.bad.com # only that\na.com/x#y\n127.0.0.1 localhost localhost.localdomain\n::1 ip6-loopback\n0.0.0.0 Ads.example.com\ttracker.example.com # both\n0.0.0.0 0.0.0.0")
	want := []string{"evil.com", "=www.bad.com", "a.com/x", "=localhost.localdomain", "=ads.example.com", "=tracker.example.com"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, not %q", got, err, want)
	}
	for text, want := range map[string]string{
		"a.com\n\nco.uk\n":                        "line 3: ",
		"a.com\nb.com c.com":                      "line 2: there is more than one word",
		"0.0.0.0 a.com/x":                         "line 1: \"a.com/x\" has a path",
		"0.0.0.0 a!b.com":                         "line 1: ",
		"a.com\n" + strings.Repeat("x", mostLine): "line 2: it is longer",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, where %q is expected", text, err, want)
		}
	}
	full := errors.New("full")
	if err := Read(strings.NewReader("a.com"), func(Entry) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("# a list\nevil.com\n=www.bad.com # only that\na.com/x\n0.0.0.0 ads.example.com tracker.example.com")
	f.Add("co.uk")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := read(text)
		if err != nil && !strings.Contains(err.Error(), " line ") {
			t.Fatal(err)
		}
		for _, e := range all {
			if again, err := ParseEntry(e); err != nil || again.String() != e {
				t.Fatalf("%q is read as %q, %v", e, again, err)
			}
		}
	})
}

// million returns a list of a million domains, about as long as domains are.
func million(tb testing.TB) *List {
	list := NewList()
	for i := range 1_000_000 {
		if err := list.Add(Entry{fmt.Sprintf("%x-domain.com", uint64(i)*0x9e3779b97f4a7c15>>40)}); err != nil {
			tb.Fatal(err)
		}
	}
	return list
}

func TestAMillionEntriesAreSmall(t *testing.T) {
	table := &million(t).table
	bytes := 8*len(table.slots) + cap(table.texts)
	t.Logf("%d entries with %d bytes take %d", table.n, len(table.texts)-lengthBytes*table.n, bytes)
	if bytes > 45*table.n {
		t.Errorf("%d bytes for each", bytes/table.n)
	}
}

func BenchmarkLookup(b *testing.B) {
	list := million(b)
	for name, k := range map[string]Link{"not on it": {"www.example.com", "/some/path"}, "on it": {"www.0-domain.com", "/some/path"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				list.Lookup(k)
			}
		})
	}
	b.Run("many, not on it", func(b *testing.B) {
		links := make([]Link, 1<<16)
		for i := range links {
			links[i] = Link{Host: fmt.Sprintf("www.%x.org", i)}
		}
		for i := 0; b.Loop(); i++ {
			list.Lookup(links[i&(1<<16-1)])
		}
	})
}
