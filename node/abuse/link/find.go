package link

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxText is the length of the longest text that is read, in bytes.
const MaxText = 64 << 10

func tooLong(n int) error {
	return fmt.Errorf("the text has %d bytes, at most %d are read", n, MaxText)
}

// Found is a link in a text.
type Found struct {
	Link
	At   int    // where it begins, in bytes
	Text string // as it stands there
}

// Find returns the links of a text in their order. It is an error if the text is longer than MaxText.
func Find(text string) ([]Found, error) {
	if len(text) > MaxText {
		return nil, tooLong(len(text))
	}
	f := finder{original: text, spelled: joined(plain([]byte(text)))}
	for at := 0; at < len(f.text); {
		end := at
		for end < len(f.text) && !delimiter(f.text[end]) {
			end++
		}
		f.word(at, end)
		at = end + 1
	}
	return f.found, nil
}

// delimiter tells whether a byte is in no link.
func delimiter(c byte) bool {
	return c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`'
}

type finder struct {
	original string
	spelled
	found []Found
}

// add writes down a link that stands from..end.
func (f *finder) add(l Link, from, end int) {
	for end > from+1 && bytes.IndexByte([]byte(punctuation), f.text[end-1]) >= 0 && f.text[end-1] != ']' {
		end--
	}
	start, stop := int(f.at[from]), int(f.at[end])
	f.found = append(f.found, Found{l, start, f.original[start:stop]})
}

// word looks for links in what stands between delimiters: behind each scheme one, and hosts before and between.
func (f *finder) word(at, end int) {
	start, after, ok := nextScheme(f.text[:end], at)
	if !ok {
		f.bare(at, end)
		return
	}
	f.bare(at, start)
	for ok {
		next, nextAfter, more := nextScheme(f.text[:end], after)
		stop := end
		if more {
			stop = next
		}
		f.behindScheme(start, after, stop)
		start, after, ok = next, nextAfter, more
	}
}

// behindScheme reads the link whose scheme begins at start and ends at after.
func (f *finder) behindScheme(start, after, end int) {
	p, err := readPlace(f.text[after:end])
	if err == nil {
		f.add(p.link, start, after+p.end)
		f.parts(after+p.from, after+p.hostEnd, end)
		f.bare(after+p.end, end)
		return
	}
	f.bare(after, end)
}

// bare looks for hosts without a scheme. A host's path is all that follows it.
func (f *finder) bare(at, end int) {
	for at < end {
		stop := hostEnd(f.text[:end], at)
		if stop == at {
			_, n := utf8.DecodeRune(f.text[at:end])
			at += n
			continue
		}
		if stop < end && f.text[stop] == '@' { // a user
			at = stop + 1
			continue
		}
		at = f.host(at, stop, end)
	}
}

// host reads what looks like a host, from..stop, and the path behind it. It returns how far it has read.
func (f *finder) host(from, stop, end int) int {
	for from < stop && (f.text[from] == '.' || f.text[from] == '-') {
		from++
	}
	if !bytes.ContainsAny(f.text[from:stop], ".%") {
		return stop // a word
	}
	name, err := host(f.text[from:stop])
	if err == nil && inUse(name) && (!isAddress(name) || bytes.Count(f.text[from:stop], []byte(".")) == 3) {
		next := stop + port(f.text[stop:end])
		l := Link{Host: name}
		if next < end && bytes.IndexByte([]byte(`/\?#`), f.text[next]) >= 0 {
			l.Path, next = path(f.text[next:end]), end
		}
		f.add(l, from, next)
		f.parts(from, stop, end)
		return next
	}
	f.parts(from, stop, end)
	return stop
}

// parts looks for hosts in Latin letters within one that has others: a language without spaces may stand around a link.
func (f *finder) parts(from, stop, end int) {
	start := from // of a part
	for at := from; at <= stop; {
		r, n := utf8.DecodeRune(f.text[at:stop])
		if at < stop && (r < utf8.RuneSelf || unicode.In(r, unicode.Latin, unicode.M)) {
			at += n
			continue
		}
		if start < at && at-start < stop-from {
			if at < stop {
				f.host(start, at, at)
			} else {
				f.host(start, at, end)
			}
		}
		at += max(n, 1)
		start = at
	}
}

// nextScheme returns where the next scheme of a text begins and where what follows it does: at the host. A scheme is one of
// the web's, also in the spellings that keep it from being clicked, and a colon; or any other with ://.
func nextScheme(t []byte, from int) (start, after int, ok bool) {
	for colon := from; colon < len(t); colon++ {
		if t[colon] != ':' {
			continue
		}
		start, after = colon, colon+1
		for start > from && (letter(t[start-1]) || t[start-1] == '*') && colon-start < longestScheme {
			start--
		}
		for after < len(t) && (t[after] == '/' || t[after] == '\\') {
			after++
		}
		if n := webScheme(t[start:colon]); n > 0 {
			return colon - n, after, true
		}
		if inHost := start > from && hostRune(rune(t[start-1])); !inHost && start < colon && after >= colon+3 {
			return start, after, true
		}
	}
	return 0, 0, false
}

const longestScheme = 12

// webScheme returns the length of the scheme of the web that a word ends with, 0 if it does with none.
func webScheme(word []byte) int {
	for _, s := range []string{"https", "hxxps", "h**ps", "http", "hxxp", "h**p", "ftps", "ftp", "fxp", "wss", "ws"} {
		if n := len(word) - len(s); n >= 0 && bytes.EqualFold(word[n:], []byte(s)) {
			return len(s)
		}
	}
	return 0
}
