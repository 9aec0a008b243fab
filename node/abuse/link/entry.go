package link

import (
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// mostEntry is the length of the longest entry in bytes. It ends a key of the store, of which up to 82 bytes stand before it.
const mostEntry = 942

// mostPath returns the length of the longest path that an entry has for a host.
func mostPath(host string) int { return max(0, mostEntry-len(host)) }

// Entry is what a List blocks:
//
//	example.com        the domain: that host, and all below it
//	=www.example.com   that host only
//	example.com/ads    what is below a path, of that host: /ads, /ads/..., /ads?..., and not /adsense
//
// The zero Entry is none.
type Entry struct{ text string }

// String returns the entry in normal form, as ParseEntry reads it.
func (e Entry) String() string { return e.text }

// ParseEntry reads an entry. Scheme, port and the like are left out, as of links. A domain must be below a public suffix
// (https://publicsuffix.org): whoever lists co.uk or github.io means something else. An address has no hosts below it.
func ParseEntry(text string) (Entry, error) {
	rest, only := strings.CutPrefix(text, "=")
	l, err := Normal(rest)
	if err != nil {
		return Entry{}, err
	}
	switch {
	case only && l.Path != "":
		return Entry{}, fmt.Errorf("read the entry %.100q: it is for a host only, and has a path", text)
	case len(l.Path) > mostPath(l.Host):
		return Entry{}, fmt.Errorf("read the entry %.100q: its path has %d bytes, at most %d are read", text, len(l.Path), mostPath(l.Host))
	case l.Path != "":
		return Entry{l.String()}, nil
	case only || isAddress(l.Host):
		return hostOnly(l.Host), nil
	}
	if suffix, _ := publicsuffix.PublicSuffix(l.Host); suffix == l.Host {
		return Entry{}, fmt.Errorf("read the entry %.100q: below %s are the domains of many; to block that host only, write =%s", text, suffix, suffix)
	}
	return Entry{l.Host}, nil
}

// hostOnly returns the entry for a normal host.
func hostOnly(host string) Entry { return Entry{"=" + host} }
