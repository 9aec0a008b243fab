package abuse

import (
	"fmt"
	"strings"
	"sync"

	"picloud/node/abuse/link"
	"picloud/node/abuse/phash"
	"picloud/node/api"
	"picloud/node/mirror"
	"picloud/node/mutant"
)

// lists are a tenant's lists of links and pictures, as a mirror has told them.
type lists struct {
	mu       sync.RWMutex
	links    *link.List
	pictures *phash.Index // nil as long as there is none: it takes 4 MB
	known    bool         // they have been told
}

func newLists() *lists { return &lists{links: link.NewList()} }

// told takes what has become of the entries.
func (l *lists) told(n mirror.News) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known && mutant.Planted == mutant.StaleLists {
		return
	}
	if n.Anew {
		l.links, l.pictures, l.known = link.NewList(), nil, true
	}
	for i := range n.Rows {
		if list, entry, is := entryOf(n.Rows[i].Key); is {
			l.add(list, entry)
		}
	}
	for _, key := range n.Gone {
		if list, entry, is := entryOf(key); is {
			l.remove(list, entry)
		}
	}
}

// entryOf returns the list and the entry that a row is about.
func entryOf(key string) (List, string, bool) {
	row, name := rowOf(key)
	list, entry, _ := strings.Cut(name, "/")
	return List(list), entry, row == rowList
}

// add puts an entry on a list. What is no entry was not written by Rules. The lock is held.
func (l *lists) add(list List, entry string) {
	switch list {
	case Links:
		if e, err := link.ParseEntry(entry); err == nil {
			_ = l.links.Add(e)
		}
	case Pictures:
		if h, err := phash.Parse(entry); err == nil {
			if l.pictures == nil {
				l.pictures = phash.NewIndex()
			}
			_ = l.pictures.Add(h)
		}
	}
}

func (l *lists) remove(list List, entry string) {
	switch list {
	case Links:
		if e, err := link.ParseEntry(entry); err == nil {
			l.links.Remove(e)
		}
	case Pictures:
		if h, err := phash.Parse(entry); err == nil && l.pictures != nil {
			l.pictures.Remove(h)
		}
	}
}

// find tells whether a text has a link that is listed, or any of the pictures is.
func (l *lists) find(text string, pictures []string) (Listed, error) {
	var hashes []phash.Hash
	for _, p := range pictures {
		h, err := phash.Parse(p)
		if err != nil {
			return Listed{}, api.Errorf(api.BadRequest, "judge a picture", "", "%s", err)
		}
		hashes = append(hashes, h)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	found, err := l.links.Check(text)
	if err != nil {
		return Listed{}, api.Errorf(api.BadRequest, "judge a text", "", "%s", err)
	}
	if len(found) > 0 {
		return Listed{Reason: ByLink, Detail: fmt.Sprintf("the link %.80q is on the list as %s", found[0].Found.Text, found[0].Entry)}, nil
	}
	if l.pictures != nil {
		if near := l.pictures.Find(hashes...); len(near) > 0 {
			return Listed{Reason: ByPicture, Detail: fmt.Sprintf("the picture looks like %s on the list (%d of %d bits differ)", near[0].Hash, near[0].Distance, phash.Bits)}, nil
		}
	}
	return Listed{}, nil
}

// size returns how many entries there are.
func (l *lists) size() (links, pictures int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.pictures != nil {
		pictures = l.pictures.Len()
	}
	return l.links.Len(), pictures
}
