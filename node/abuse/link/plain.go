package link

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// spelled is a text in plain characters, and where each of its bytes stood in the text that it was made from.
type spelled struct {
	text []byte
	at   []int32 // one more than text has bytes
}

func (s *spelled) add(at int, text ...byte) {
	for _, c := range text {
		s.text, s.at = append(s.text, c), append(s.at, int32(at))
	}
}

// end says where the original ends.
func (s *spelled) end(at int) spelled {
	s.at = append(s.at, int32(at))
	return *s
}

// plain leaves out what cannot be seen, and puts ASCII for its full-width forms and for what looks like spaces, dots and strokes.
func plain(text []byte) spelled {
	s := spelled{text: make([]byte, 0, len(text)), at: make([]int32, 0, len(text)+1)}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch c := plainRune(r); {
		case invisible(r):
		case c != 0:
			s.add(i, c)
		default:
			s.add(i, text[i:i+n]...)
		}
		i += n
	}
	return s.end(len(text))
}

// plainRune returns the ASCII character that stands for another one, 0 if none does.
func plainRune(r rune) byte {
	switch {
	case r >= '！' && r <= '～':
		return byte(r - '！' + '!')
	case r >= utf8.RuneSelf && unicode.Is(unicode.Zs, r):
		return ' '
	case r == '。' || r == '｡' || r == '․' || r == '﹒':
		return '.'
	case r == '⁄' || r == '∕' || r == '⧸':
		return '/'
	case r == '∶' || r == '꞉' || r == '︓':
		return ':'
	}
	return 0
}

// invisible tells whether a character leaves no mark: format characters, variation selectors, fillers.
func invisible(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		r == '\u034f' || r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0')
}

// joined resolves how people write links that are not to be clicked: example[.]com, example (dot) com, example dot com,
// https[:]//example.com.
func joined(in spelled) spelled {
	out := spelled{text: make([]byte, 0, len(in.text)), at: make([]int32, 0, len(in.at))}
	for i := 0; i < len(in.text); {
		if sign, n := bracketed(in.text[i:]); n > 0 {
			at := in.at[i]
			if sign == '.' {
				out.dropSpace()
				n += spaces(in.text[i+n:])
			}
			out.add(int(at), sign)
			i += n
			continue
		}
		if n := spokenDots(&out, in, i); n > 0 {
			i += n
			continue
		}
		out.text, out.at = append(out.text, in.text[i]), append(out.at, in.at[i])
		i++
	}
	return out.end(int(in.at[len(in.text)]))
}

// mostSpaces may stand around a dot.
const mostSpaces = 2

// spaces returns how many spaces a text begins with, and more than mostSpaces are none.
func spaces(t []byte) int {
	n := 0
	for n < len(t) && (t[n] == ' ' || t[n] == '\t') && n <= mostSpaces {
		n++
	}
	if n > mostSpaces {
		return 0
	}
	return n
}

// dropSpace takes off the spaces that a text ends with, if they are few.
func (s *spelled) dropSpace() {
	n := len(s.text)
	for n > 0 && (s.text[n-1] == ' ' || s.text[n-1] == '\t') {
		n--
	}
	if len(s.text)-n <= mostSpaces {
		s.text, s.at = s.text[:n], s.at[:n]
	}
}

// bracketed returns the sign that stands in brackets at the beginning of a text, and the length with them, 0 if none does.
func bracketed(t []byte) (sign byte, n int) {
	opening := bytes.IndexByte([]byte("[({"), t[0])
	if opening < 0 {
		return 0, 0
	}
	n = 1 + spaces(t[1:])
	switch rest := t[n:]; {
	case len(rest) >= 3 && bytes.EqualFold(rest[:3], []byte("dot")):
		sign, n = '.', n+3
	case len(rest) > 0 && (rest[0] == '.' || rest[0] == ':' || rest[0] == '/'):
		sign, n = rest[0], n+1
	default:
		return 0, 0
	}
	n += spaces(t[n:])
	if n >= len(t) || t[n] != "])}"[opening] {
		return 0, 0
	}
	return sign, n + 1
}

// spokenDots reads " dot com" at a place, or more such words, and adds them joined with dots as far as the last that is a
// suffix in use, and what is behind as it is. It returns how much it has read.
func spokenDots(out *spelled, in spelled, at int) int {
	if len(out.text) == 0 || !nameByte(out.text[len(out.text)-1]) {
		return 0
	}
	var words spelled
	end, good, goodEnd := at, 0, at // up to goodEnd of the text, the first good bytes of words stand for it
	for {
		from, to := spokenDot(in.text, end)
		if to == 0 {
			break
		}
		words.add(int(in.at[end]), '.')
		for i := from; i < to; i++ {
			words.add(int(in.at[i]), in.text[i])
		}
		if end = to; suffixInUse(in.text[from:to]) {
			good, goodEnd = len(words.text), end
		}
	}
	out.text, out.at = append(out.text, words.text[:good]...), append(out.at, words.at[:good]...)
	out.text, out.at = append(out.text, in.text[goodEnd:end]...), append(out.at, in.at[goodEnd:end]...)
	return end - at
}

// spokenDot returns where the word stands that follows " dot " at a place, 0 if none does.
func spokenDot(t []byte, at int) (from, to int) {
	before := spaces(t[at:])
	from = at + before
	if before == 0 || from+3 > len(t) || !bytes.EqualFold(t[from:from+3], []byte("dot")) {
		return 0, 0
	}
	behind := spaces(t[from+3:])
	from += 3 + behind
	for to = from; to < len(t) && (nameByte(t[to]) || t[to] == '.' && to > from); {
		to++
	}
	if behind == 0 || to == from {
		return 0, 0
	}
	return from, to
}

// nameByte tells whether a byte is of a label, or of a letter that is not in ASCII.
func nameByte(c byte) bool { return letter(c) || digit(c) || c == '-' || c >= utf8.RuneSelf }

// suffixInUse tells whether a word, or its last part, is a suffix that is in use.
func suffixInUse(word []byte) bool {
	name, err := host(word)
	return err == nil && !isAddress(name) && inUse("x."+name)
}
