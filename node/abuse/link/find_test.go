package link

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestLinksInTexts: what stands in a text, and what it is a link to.
func TestLinksInTexts(t *testing.T) {
	for text, want := range map[string]string{
		// plain ones
		"see http://example.com/a/b?c=d#e, and":          "example.com/a/b?c=d",
		"https://example.com":                            "example.com",
		"(https://en.example.org/Foo_(bar)).":            "en.example.org/Foo_(bar",
		"go to example.com/path.":                        "example.com/path",
		"WWW.EXAMPLE.COM/Path":                           "www.example.com/Path",
		"a.com,b.com;c.com":                              "a.com b.com c.com",
		"see=example.com&more":                           "example.com",
		"[title](http://example.com/x)":                  "example.com/x",
		`<a href="http://example.com">`:                  "example.com",
		"//example.com/x":                                "example.com/x",
		"foo/example.com/x":                              "example.com/x",
		"ftp://files.example.com":                        "files.example.com",
		"gopher://example.com/1":                         "example.com/1",
		"http://good.com/?u=http://evil.com/x":           "good.com/?u= evil.com/x",
		"http://intranet/wiki":                           "intranet/wiki",
		"mail me@example.com":                            "example.com",
		"http://example.com:8080/x":                      "example.com/x",
		"example.com:443":                                "example.com",
		"http:example.com":                               "example.com",
		`http:\\example.com\x`:                           "example.com/x",
		"http://example.com./x":                          "example.com/x",
		"http://example.com/a/../b/./c//d/":              "example.com/b/c/d",
		"http://example.com/%61%2fb%20c":                 "example.com/a%2Fb%20c",
		"no links. At all.Really, file.go e.g. 1.5, 3:4": "",
		"polka dot dress":                                "",
		// obfuscated ones
		"hxxp://evil.com hXXps://evil.org":              "evil.com evil.org",
		"h**p://evil.com":                               "evil.com",
		"evil[.]com/x evil(.)org evil{.}net":            "evil.com/x evil.org evil.net",
		"evil [.] com":                                  "evil.com",
		"evil[dot]com evil (DOT) org":                   "evil.com evil.org",
		"https[:]//evil[.]com":                          "evil.com",
		"evil dot com":                                  "evil.com",
		"evil\u00a0dot\u2009com evil\u00a0[.]\u3000org": "evil.com evil.org",
		"www dot evil dot co dot uk slash":              "www.evil.co.uk",
		"evil dot com dot dress":                        "evil.com",
		"ev\u200bil.c\u00adom":                          "evil.com",
		"ｅｖｉｌ．ｃｏｍ／ｘ":                                    "evil.com/x",
		"evil。com":                                      "evil.com",
		"http://good.com@evil.com/":                     "evil.com",
		"http://good.com:80@evil.com":                   "evil.com",
		"http://a@b@evil.com":                           "evil.com",
		`http://good.com\@evil.com`:                     "good.com/@evil.com",
		"http://http:x@evil.com":                        "evil.com",
		"http://%65vil.com":                             "evil.com",
		"http://evil%2ecom":                             "evil.com",
		"http://ＥＶＩＬ.com":                               "evil.com",
		"http://bücher.example":                         "xn--bcher-kva.example",
		"http://XN--BCHER-KVA.example":                  "xn--bcher-kva.example",
		"bücher.de":                                     "xn--bcher-kva.de",
		"请看evil.com是坏的":                                 "evil.com",
		"请看http://evil.com/x":                           "evil.com/x",
		"http://0x7f.1":                                 "127.0.0.1",
		"http://2130706433/":                            "127.0.0.1",
		"http://0177.0.0.01":                            "127.0.0.1",
		"http://①②⑦.0.0.1":                              "127.0.0.1",
		"1.2.3.4/x":                                     "1.2.3.4/x",
		"http://[2001:DB8::1]:80/x":                     "[2001:db8::1]/x",
		"http://[::ffff:1.2.3.4]/":                      "1.2.3.4",
		"http://[::1%25eth0]/ http://[::1 http://999.1": "[::1]",
	} {
		found, err := Find(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

func TestFoundAsItStands(t *testing.T) {
	text := "ünd hxxp://ev\u200bil[.]com/x). Or: evil dot com!"
	found, err := Find(text)
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	for i, want := range []string{"hxxp://ev\u200bil[.]com/x", "evil dot com"} {
		if f := found[i]; f.Text != want || text[f.At:f.At+len(want)] != want {
			t.Errorf("%q at %d, not %q", f.Text, f.At, want)
		}
	}
}

func TestLongTextsAreRefused(t *testing.T) {
	if _, err := Find(strings.Repeat("x", MaxText)); err != nil {
		t.Error(err)
	}
	if _, err := Find(strings.Repeat("x", MaxText+1)); err == nil {
		t.Error("a text over the limit was read")
	}
}

// TestWorkIsBounded: of texts that are as bad as can be, what is found is not longer than what is escaped.
func TestWorkIsBounded(t *testing.T) {
	for _, part := range []string{"a.co/", "http://", "http:a.co/", "a dot ", "a dot com ", "[", "[ . ] ", "é.", "é", "例.com", "a@", "%41", "http://a.co@", "。", "a.co:1", "xn--a.", "例a.co/", ":", "h**p:", "[dot]", "a[.]", "a.co?"} {
		text := strings.Repeat(part, MaxText/len(part))
		found, err := Find(text)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, f := range found {
			sum += len(f.Path) + len(f.Text)
		}
		if sum > 8*len(text) {
			t.Errorf("%q: %d bytes found in %d", part, sum, len(text))
		}
	}
}

func TestNormalRefuses(t *testing.T) {
	for _, text := range []string{"", ".", "http://", "a b.com", "a..com", "exa!mple.com", "http://[::1", "[1.2.3.4]", "1.2.3.256", "256.256.256.256.1", "0x1ffffffff",
		strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 127) + "com", "xn--\u00e9.com", "xn--a.com", "%zz.com", "%ff.com", "a.com:80x", "user@", "\xff.com"} {
		if l, err := Normal(text); err == nil {
			t.Errorf("%q is read as %q", text, l)
		}
	}
}

// checkText says what holds of any text.
func checkText(t rapid.TB, text string) {
	found, err := Find(text)
	if (err != nil) != (len(text) > MaxText) {
		t.Fatal(err)
	}
	for _, f := range found {
		if again, err := Normal(f.String()); err != nil || again != f.Link {
			t.Fatalf("%q: the normal form of %q is %q, %v", text, f.Link, again, err)
		}
		if f.Text != text[f.At:f.At+len(f.Text)] || f.Text == "" {
			t.Fatalf("%q: %q does not stand at %d", text, f.Text, f.At)
		}
	}
	if !slices.IsSortedFunc(found, func(a, b Found) int { return a.At - b.At }) {
		t.Fatalf("%q: %v are not in their order", text, found)
	}
	if l, err := Normal(text); err == nil {
		if again, err := Normal(l.String()); err != nil || again != l {
			t.Fatalf("%q: the normal form of %q is %q, %v", text, l, again, err)
		}
		for i := range len(l.String()) {
			if l.String()[i] >= utf8.RuneSelf {
				t.Fatalf("%q: %q is not ASCII", text, l)
			}
		}
	}
}

// TestNormalFormIsNormal, of texts that are put together from what links are made of.
func TestNormalFormIsNormal(t *testing.T) {
	part := rapid.OneOf(rapid.SampledFrom([]string{"http", "://", ":", "/", "//", `\`, "..", ".", "?", "#", "@", "%2e", "%", "%41", "%2F", "%C3%A9", "[", "]", "::1", "com", "co.uk",
		"example", "xn--", "xn--bcher-kva", "ü", "ß", "ς", "。", "\u200b", "\u200d", "0x7f", "1", "256", "08", "-", "_", " ", " dot ", "[.]", "(dot)", "例", "a", "A", "İ", "ﬁ", "①", "~", ")", "'"}),
		rapid.StringN(0, 3, -1))
	rapid.Check(t, func(r *rapid.T) {
		checkText(r, strings.Join(rapid.SliceOfN(part, 0, 12).Draw(r, "parts"), ""))
	})
}

// TestSpellingsOfOneLink: however a host and a path are spelled, they are found.
func TestSpellingsOfOneLink(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		host := rapid.SampledFrom([]string{"evil.com", "www.evil.co.uk", "xn--bcher-kva.example.org", "10.1.2.3"}).Draw(r, "host")
		one := func(name string, ways ...string) string { return rapid.SampledFrom(ways).Draw(r, name) }
		dot := one("dot", ".", "[.]", "(.)", " [.] ", "[dot]", "。", "．", ".\u200b", "%2e")
		spelled := strings.ReplaceAll(host, ".", dot)
		if rapid.Bool().Draw(r, "capitals") && dot != "%2e" {
			spelled = strings.ToUpper(spelled)
		}
		text := one("scheme", "http://", "hxxps://", "https[:]//", "HTTP:/", `http:\\`) + one("user", "", "u@", "good.com@", "a:b@") + spelled +
			one("port", "", ":80", ":") + one("path", "/a/b", "//a/./b/", "/a/c/../b", "/%61/b#x", `\a\b`)
		found, err := Find("before " + text + " behind")
		if err != nil || len(found) == 0 || found[0].String() != host+"/a/b" {
			r.Fatalf("%q: %v, %v", text, found, err)
		}
	})
}

func FuzzFind(f *testing.F) {
	for _, text := range []string{"see http://u@example.com:80/a/%2e./b?c#d, and", "hxxp://ev\u200bil[.]com", "evil dot co dot uk", "http://0x7f.1/", "http://[::1]/", "请看evil.com是坏的", "http://bücher.example/ü", "//a.co//?//"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkText(t, text) })
}

func BenchmarkFind(b *testing.B) {
	post := strings.Repeat("What a day. We went to the lake, and in the evening there was music (see https://example.com/lake?day=7). ", 10)
	for name, text := range map[string]string{"post of 1 KiB with ten links": post[:1024], "64 KiB without links": strings.Repeat("nothing at all ", MaxText/15), "64 KiB of links": strings.Repeat("a.co/ ", MaxText/6)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Find(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
