package link

import (
	"strings"
	"sync"
)

// List is a set of entries, and tells whether a link is covered by one. It may be used by many goroutines at once.
type List struct {
	mu    sync.RWMutex
	table table
	paths int // entries with a path
}

// NewList returns a list without entries.
func NewList() *List { return &List{table: newTable()} }

// Add adds an entry, unless it is there already. It is an error to add the zero Entry, or to a list that is full.
func (l *List) Add(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	added, err := l.table.add(e.text)
	if added && hasPath(e) {
		l.paths++
	}
	return err
}

// Remove removes an entry, and tells whether it was there.
func (l *List) Remove(e Entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	removed := l.table.remove([]byte(e.text))
	if removed && hasPath(e) {
		l.paths--
	}
	return removed
}

func hasPath(e Entry) bool { return strings.IndexByte(e.text, '/') >= 0 }

// Len returns how many entries there are.
func (l *List) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.table.n
}

// Lookup returns the entry that covers a link in normal form: the one with the longest path, or else the one for its host
// only, or else that for the domain with most parts.
func (l *List) Lookup(k Link) (Entry, bool) {
	if k.Host == "" {
		return Entry{}, false
	}
	var room [512]byte
	// All entries that cover the link are pieces of this.
	key := append(append(append(room[:0], '='), k.Host...), k.Path[:min(len(k.Path), mostPath(k.Host)+1)]...)
	hostEnd := 1 + len(k.Host)
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.paths > 0 {
		for end := min(len(key), hostEnd+mostPath(k.Host)); end > hostEnd; end-- {
			if boundary(key, end) && l.table.has(key[1:end]) {
				return Entry{string(key[1:end])}, true
			}
		}
	}
	if l.table.has(key[:hostEnd]) {
		return Entry{string(key[:hostEnd])}, true
	}
	for from := 1; from < hostEnd; from++ {
		if (from == 1 || key[from-1] == '.') && l.table.has(key[from:hostEnd]) {
			return Entry{string(key[from:hostEnd])}, true
		}
	}
	return Entry{}, false
}

// boundary tells whether a path may be said to be below its beginning.
func boundary(key []byte, end int) bool { return end == len(key) || key[end] == '/' || key[end] == '?' }

// Match is a link in a text that an entry covers.
type Match struct {
	Entry Entry
	Found Found
}

// Check returns the links of a text that are on the list, in their order. It is an error if the text is longer than MaxText.
func (l *List) Check(text string) ([]Match, error) {
	found, err := Find(text)
	if err != nil {
		return nil, err
	}
	var matches []Match
	for _, f := range found {
		if e, on := l.Lookup(f.Link); on {
			matches = append(matches, Match{e, f})
		}
	}
	return matches, nil
}
