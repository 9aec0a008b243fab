package text

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letter is a letter as it is compared, and where it stands in the source.
type letter struct {
	r        rune
	from, to int32 // bytes of the source
}

// read returns a source's characters as they are compared: decomposed (NFKD), without marks and what cannot be seen, in lower case, with
// letters that look Latin taken for Latin. Nothing is read beyond MostBytes, and at most that many characters are returned: one can
// decompose into eighteen.
func (d *document) read() {
	var it norm.Iter
	it.InitString(norm.NFKD, d.source)
	d.letters = make([]letter, 0, len(d.source))
	for !it.Done() {
		from := it.Pos()
		segment := it.Next()
		to := it.Pos()
		for _, r := range string(segment) {
			if len(d.letters) == MostBytes {
				return
			}
			if invisible(r) {
				continue
			}
			d.shape.count(r)
			d.letters = append(d.letters, letter{fold(r), int32(from), int32(to)})
		}
	}
}

// invisible tells whether a character shows nothing by itself: accents, characters of no width, selectors, fillers, controls.
func invisible(r rune) bool {
	if unicode.IsControl(r) {
		return !unicode.IsSpace(r)
	}
	return r > unicode.MaxASCII && unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

func fold(r rune) rune {
	if r <= unicode.MaxASCII {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(latin(r))
}

// latin returns the Latin letter that a Greek or Cyrillic one, or one of Latin's own variants, is taken for at a glance, in small letters;
// others stay. These are the plain letters among the confusables of Unicode Technical Standard 39.
func latin(r rune) rune {
	switch r {
	case 'а', 'А', 'Α', 'α', 'ɑ':
		return 'a'
	case 'В', 'в', 'Β', 'β', 'Ь', 'ь':
		return 'b'
	case 'с', 'С', 'ϲ', 'Ϲ':
		return 'c'
	case 'ԁ', 'Ԁ', 'đ', 'Đ':
		return 'd'
	case 'е', 'Е', 'Ε', 'ε', 'є', 'Є':
		return 'e'
	case 'ɡ', 'ց':
		return 'g'
	case 'һ', 'Һ', 'Н', 'н', 'Η':
		return 'h'
	case 'і', 'І', 'ı', 'Ι', 'ι', 'ӏ', 'Ӏ':
		return 'i'
	case 'ј', 'Ј', 'ϳ', 'Ϳ':
		return 'j'
	case 'к', 'К', 'κ', 'Κ':
		return 'k'
	case 'ł', 'Ł':
		return 'l'
	case 'м', 'М', 'Μ':
		return 'm'
	case 'Ν', 'η', 'п':
		return 'n'
	case 'о', 'О', 'ο', 'Ο', 'σ', 'ø', 'Ø', 'օ':
		return 'o'
	case 'р', 'Р', 'ρ', 'Ρ':
		return 'p'
	case 'ԛ', 'Ԛ':
		return 'q'
	case 'г':
		return 'r'
	case 'ѕ', 'Ѕ':
		return 's'
	case 'т', 'Т', 'τ', 'Τ':
		return 't'
	case 'υ', 'ս':
		return 'u'
	case 'ν', 'ѵ', 'Ѵ':
		return 'v'
	case 'ԝ', 'Ԝ', 'ω', 'ѡ':
		return 'w'
	case 'х', 'Х', 'χ', 'Χ':
		return 'x'
	case 'у', 'У', 'Υ', 'γ', 'ү', 'Ү':
		return 'y'
	case 'Ζ':
		return 'z'
	}
	return r
}

// standsFor returns the letter that a digit or sign stands for within a word, if it does for any.
func standsFor(r rune) (rune, bool) {
	switch r {
	case '0':
		return 'o', true
	case '1':
		return 'i', true
	case '3':
		return 'e', true
	case '4', '@':
		return 'a', true
	case '5', '$':
		return 's', true
	case '7':
		return 't', true
	case '8':
		return 'b', true
	}
	return 0, false
}

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// join takes the separators out of letters that stand alone, three or more with the same separator between them: f.r.e.e is free.
func join(in []letter) []letter {
	alone := func(i int) bool {
		return i < len(in) && unicode.IsLetter(in[i].r) && (i == 0 || !alphanumeric(in[i-1].r)) && (i+1 == len(in) || !alphanumeric(in[i+1].r))
	}
	out := make([]letter, 0, len(in))
	for i := 0; i < len(in); {
		n := 0
		for alone(i+2*n) && (n == 0 || in[i+2*n-1].r == in[i+1].r) {
			n++
		}
		if n < 3 {
			out = append(out, in[i])
			i++
			continue
		}
		for k := range n {
			out = append(out, in[i+2*k])
		}
		i += 2*n - 1
	}
	return out
}
