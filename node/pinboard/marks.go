package pinboard

import (
	"image"
	"slices"

	"picloud/node/abuse/link"
	"picloud/node/abuse/phash"
)

// What lists know posts by.

// look is a hash of how a picture looks. It may have several: with a plain border and without.
type look struct {
	Hash  string `json:"hash"`
	Clear bool   `json:"clear,omitempty"` // there is detail enough for a list
}

// looksOf returns the hashes of a picture, none of one with too little detail.
func looksOf(m image.Image) (looks []look) {
	clear := phash.ForList(m)
	for _, h := range phash.Of(m) {
		looks = append(looks, look{h.String(), slices.Contains(clear, h)})
	}
	return looks
}

// hasLinks tells whether a text may have links.
func hasLinks(text string) bool {
	found, err := link.Find(text)
	return len(found) > 0 || err != nil
}

// linksOf returns the entries by which the links of a text are listed: each for what lies below its path, or below its
// host if it has none.
func linksOf(text string) ([]string, error) {
	found, err := link.Find(text)
	if err != nil {
		return nil, err
	}
	var entries []string
	for _, f := range found {
		e, err := link.ParseEntry(f.String())
		if err != nil {
			e, err = link.ParseEntry("=" + f.Host) // below it are the domains of many, or its path is too long
		}
		if err == nil && !slices.Contains(entries, e.String()) {
			entries = append(entries, e.String())
		}
	}
	return entries, nil
}
