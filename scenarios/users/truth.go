package users

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"picloud/scenarios/history"
)

// The ID of a post, which its author chose, tells the truth about it, so that people on other machines know it too: it begins with an s
// if the post is spam, and ends with -t and the sum of its text, and with -p and the motif of its photo, if it has one.
const (
	spamMark  = "s"
	textMark  = "-t"
	photoMark = "-p"
)

// truth returns what a post's ID ends with.
func (n *post) truth() string {
	truth := fmt.Sprintf("%s%08x", textMark, sumOf(n.text))
	if n.photo != nil {
		truth += fmt.Sprintf("%s%016x", photoMark, uint64(n.shows))
	}
	return truth
}

func sumOf(text string) uint32 { return crc32.ChecksumIEEE([]byte(text)) }

// told returns the number behind a mark in an ID.
func told(id, mark string) (_ uint64, is bool) {
	_, rest, _ := strings.Cut(id, mark)
	digits, _, _ := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// isSpam tells whether a post is meant to harm.
func isSpam(id string) bool { return strings.HasPrefix(id, spamMark) }

// familyOf returns which of the bad pictures a post shows.
func familyOf(id string) (family int, is bool) {
	m, is := told(id, photoMark)
	if !is {
		return 0, false
	}
	for family := range families {
		if motif(m) == familyMotif(family) {
			return family, true
		}
	}
	return 0, false
}

// compareText writes down if a post is shown with another text than it was posted with. Nobody changes texts: what moderators and abuse
// protection do not let through is not shown at all.
func compareText(p *shownPost, v *history.Visit) {
	if sum, is := told(p.ID, textMark); is && uint32(sum) != sumOf(p.Text) {
		wrong(v, p.Author, p.ID, "its text is %.60q", p.Text)
	}
}

// comparePicture writes down if the photo of a post, or its thumbnail, shows something else than what was posted.
func comparePicture(p *sight, what string, file []byte, v *history.Visit) {
	posted, is := told(p.id, photoMark)
	shown, picture := motifIn(file)
	switch {
	case !picture:
		wrong(v, p.author, p.id, "its %s is no picture: %.40q", what, file)
	case is && !shown.like(motif(posted)):
		wrong(v, p.author, p.id, "its %s shows something else", what)
	}
}

// wrong writes down what is not as it was posted.
func wrong(v *history.Visit, author, id, format string, args ...any) {
	if entry := author + "/" + id + ": " + fmt.Sprintf(format, args...); !slices.Contains(v.Wrong, entry) {
		v.Wrong = append(v.Wrong, entry)
	}
}
