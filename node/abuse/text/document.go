package text

import (
	"strings"
	"unicode"
)

// document is a text as it is compared with others.
type document struct {
	source  string
	letters []letter // while it is taken apart
	runes   []rune   // the words, a space before each and after the last
	words   []word
	shape   shape
}

// word is a word of a document: letters, digits, and signs that stand for letters.
type word struct {
	from, to   int32 // in the document's runes
	begin, end int32 // in the source, in bytes
}

// newDocument takes a text apart.
func newDocument(source string) *document {
	d := &document{source: source[:min(len(source), MostBytes)]}
	d.read()
	d.shape.links(d.source)
	d.letters = join(d.letters)
	d.runes = append(make([]rune, 0, len(d.letters)+2), ' ')
	for i := 0; i < len(d.letters); {
		n := d.wordAt(i)
		if n > 0 {
			d.add(d.letters[i : i+n])
		}
		i += n + 1
	}
	d.letters = nil
	return d
}

// wordAt returns how many letters the word has that begins at a letter; none if no word does.
func (d *document) wordAt(i int) (n int) {
	is := func(i int) bool { return i >= 0 && i < len(d.letters) && unicode.IsLetter(d.letters[i].r) }
	for ; i < len(d.letters); i++ {
		r := d.letters[i].r
		if !alphanumeric(r) && !(r == '$' && is(i+1)) && !(r == '@' && is(i-1) && is(i+1)) {
			break
		}
		n++
	}
	return n
}

// add adds a word: with letters for the digits and signs that stand for letters, if at least half of it is letters, and with one of
// each letter that is repeated.
func (d *document) add(letters []letter) {
	w := word{from: int32(len(d.runes)), begin: letters[0].from, end: letters[len(letters)-1].to}
	count := 0
	for _, l := range letters {
		if unicode.IsLetter(l.r) {
			count++
		}
	}
	mixed := count < len(letters) && 2*count >= len(letters)
	for _, l := range letters {
		r := l.r
		if s, is := standsFor(r); is && mixed {
			r = s
		}
		if r == d.runes[len(d.runes)-1] && !unicode.IsDigit(r) {
			continue
		}
		d.runes = append(d.runes, r)
	}
	w.to = int32(len(d.runes))
	d.runes = append(d.runes, ' ')
	d.words = append(d.words, w)
}

// shown returns a word as it stands in the source, shortened, for a person.
func (d *document) shown(w word) string {
	const most = 40
	s := []rune(strings.ToValidUTF8(d.source[w.begin:w.end], "\uFFFD"))
	if len(s) > most {
		s = append(s[:most-1], '…')
	}
	return string(s)
}
