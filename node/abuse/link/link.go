// Package link finds links in texts, and tells whether they are on a block list.
//
// Invariants:
//   - A link has one normal form, host and path, and that of a normal form is itself. Whatever a browser opens as the same
//     host has the same: spelled in capitals, with escapes, in full-width letters, as a number, with a port or a user.
//   - The work for a text grows with its length and no faster, and a text is at most MaxText bytes long.
//   - A List answers exactly: a link is on it if, and only if, an entry covers it.
//   - What was found says where and how it was spelled, and a match says which entry it was.
//
// Finding is generous: "a dot in b" is taken for a link to a.in, since that does no harm unless somebody lists it. Letters that
// merely look alike are not taken for one another, and links are not followed: both are for people to judge.
package link

import (
	"bytes"
	"errors"
	"fmt"
)

// Link is a place in the web in normal form. The zero Link is none.
type Link struct {
	Host string // in ASCII and lower case, without dot at its end; IPv6 in brackets
	Path string // with the query, without the fragment; empty or begins with / and does not end with one
}

// String returns the normal form.
func (l Link) String() string { return l.Host + l.Path }

// Normal returns what a text says that is a link or a host and nothing else.
func Normal(text string) (Link, error) {
	if len(text) > MaxText {
		return Link{}, tooLong(len(text))
	}
	t := plain([]byte(text)).text
	if start, after, ok := nextScheme(t, 0); ok && start == 0 {
		t = t[after:]
	}
	p, err := readPlace(t)
	if err != nil {
		return Link{}, fmt.Errorf("read the link %.100q: %w", text, err)
	}
	if p.end < len(t) {
		return Link{}, fmt.Errorf("read the link %.100q: %.20q cannot follow a host", text, t[p.end:])
	}
	return p.link, nil
}

// place is a link as it stands in a text.
type place struct {
	link               Link
	from, hostEnd, end int // the host begins at from; behind the path, or the port, is end
}

var errNoHost = errors.New("there is no host")

// readPlace reads what follows a scheme: maybe a user, a host, maybe a port, maybe a path.
func readPlace(t []byte) (place, error) {
	var p place
	authority := len(t)
	if i := bytes.IndexAny(t, `/\?#`); i >= 0 {
		authority = i
	}
	p.from = bytes.LastIndexByte(t[:authority], '@') + 1
	if p.from < authority && t[p.from] == '[' {
		closing := bytes.IndexByte(t[p.from:authority], ']')
		if closing < 0 {
			return p, errors.New("a bracket is not closed")
		}
		p.hostEnd = p.from + closing + 1
	} else {
		p.hostEnd = hostEnd(t[:authority], p.from)
	}
	var err error
	if p.link.Host, err = host(t[p.from:p.hostEnd]); err != nil {
		return p, err
	}
	p.end = p.hostEnd + port(t[p.hostEnd:])
	if p.end == authority {
		p.link.Path, p.end = path(t[authority:]), len(t)
	}
	return p, nil
}

// port returns how long the port is that a text begins with: a colon and digits, or none.
func port(t []byte) int {
	if len(t) == 0 || t[0] != ':' {
		return 0
	}
	n := 1
	for n < len(t) && digit(t[n]) {
		n++
	}
	return n
}

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
