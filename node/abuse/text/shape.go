package text

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode"
)

// shape counts what a text looks like, whatever its words are.
type shape struct {
	characters, capitals, small, digits, exclamations, currency int
	number, longest                                             int // digits in a row: at the end so far, and the most
	link                                                        bool
}

// count counts a character.
func (s *shape) count(r rune) {
	s.characters++
	if unicode.IsDigit(r) {
		s.digits++
		s.number++
		s.longest = max(s.longest, s.number)
		return
	}
	s.number = 0
	switch {
	case unicode.IsUpper(r):
		s.capitals++
	case unicode.IsLetter(r):
		s.small++
	case r == '!':
		s.exclamations++
	case unicode.Is(unicode.Sc, r):
		s.currency++
	}
}

// links looks for what leads out of a text.
func (s *shape) links(source string) {
	lower := strings.ToLower(source)
	for _, sign := range []string{"http", "www.", ".com", ".co.", ".net", ".org", ".info"} {
		s.link = s.link || strings.Contains(lower, sign)
	}
}

// trait is one thing about a text's shape: which of the traits, and its class.
type trait struct{ kind, class int }

const traits = 8

// traits returns the shape in classes: lengths by powers of two, shares by tenths, small numbers as they are.
func (s *shape) traits() [traits]trait {
	link := 0
	if s.link {
		link = 1
	}
	classes := [traits]int{
		min(bits.Len(uint(s.characters)), 12), min(bits.Len(uint(s.digits)), 8),
		10 * s.digits / (s.characters + 1), 10 * s.capitals / (s.capitals + s.small + 1),
		min(s.exclamations, 3), min(s.currency, 2), min(s.longest, 12), link,
	}
	var all [traits]trait
	for kind, class := range classes {
		all[kind] = trait{kind, class}
	}
	return all
}

// String says it for a person.
func (t trait) String() string {
	power := func(what string, most int) string {
		switch least := 1 << max(t.class-1, 0); {
		case t.class == 0:
			return "no " + what
		case t.class == most:
			return fmt.Sprintf("%d or more %s", least, what)
		default:
			return fmt.Sprintf("%d to %d %s", least, 2*least-1, what)
		}
	}
	number := func(what string, most int) string {
		if t.class == most {
			return fmt.Sprintf("%s: %d or more", what, t.class)
		}
		return fmt.Sprintf("%s: %d", what, t.class)
	}
	switch t.kind {
	case 0:
		return power("characters", 12)
	case 1:
		return power("digits", 8)
	case 2:
		return fmt.Sprintf("share of digits: %d to %d %%", 10*t.class, 10*t.class+9)
	case 3:
		return fmt.Sprintf("share of capitals: %d to %d %%", 10*t.class, 10*t.class+9)
	case 4:
		return number("exclamation marks", 3)
	case 5:
		return number("currency signs", 2)
	case 6:
		return number("digits of the longest number", 12)
	case 7:
		return []string{"no link", "a link"}[t.class]
	}
	panic("text: no such trait")
}
