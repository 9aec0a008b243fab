// Package texts writes short posts such as people write who mean well, and such as spammers write. Nothing in it comes from
// anybody's posts: sentences have blanks, and a seed fills them from lists, and from a vocabulary of made-up names.
//
// Invariants: the same random numbers give the same text. What is spam names one of the campaigns' domains, or none, and what
// is not never names one. Both share words: "free", "offer" or "win" prove nothing.
package texts

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Writer writes texts with a vocabulary of its own. It may be used by many goroutines.
type Writer struct {
	blanks   map[string][]string // what fills them
	domains  []string            // of spam, one a campaign
	friendly []string            // of people who mean well
}

// Campaigns is how many domains spam leads to.
const Campaigns = 12

// New returns a writer whose vocabulary follows from a seed.
func New(seed uint64) *Writer {
	r := rand.New(rand.NewPCG(seed, 0x7e87))
	w := &Writer{blanks: words()}
	for range 20 {
		w.blanks["place"] = append(w.blanks["place"], title(coin(r, 2))+pick(r, []string{"", "ford", "wick", " Hill"}))
		w.blanks["brand"] = append(w.blanks["brand"], title(coin(r, 3)))
	}
	for n := range Campaigns {
		w.domains = append(w.domains, fmt.Sprintf("%s-%s%d.example", coin(r, 2), pick(r, []string{"deal", "shop", "cash", "win", "meds"}), n))
		w.friendly = append(w.friendly, coin(r, 3)+".example")
	}
	return w
}

// coin makes up a word of some syllables.
func coin(r *rand.Rand, syllables int) string {
	var b strings.Builder
	for range syllables {
		b.WriteString(pick(r, []string{"b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"}))
		b.WriteString(pick(r, []string{"a", "e", "i", "o", "u", "el", "or", "in"}))
	}
	return b.String()
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// Ham returns a text of somebody who means well: one to three sentences, and now and then a link.
func (w *Writer) Ham(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(3) {
		b.WriteString(w.fill(r, pick(r, hamSentences())))
		b.WriteString(" ")
	}
	if r.IntN(12) == 0 {
		b.WriteString("https://" + pick(r, w.friendly) + "/" + coin(r, 2))
	}
	return strings.TrimSpace(b.String())
}

// About returns what somebody who means well says of the one thing that all talk about.
func (w *Writer) About(r *rand.Rand, thing string) string {
	return strings.ReplaceAll(w.fill(r, pick(r, crowdSentences())), "{thing}", thing)
}

// Spam returns a text of a campaign: a pitch, mostly with a link, disguised as spammers do it.
func (w *Writer) Spam(r *rand.Rand, campaign int) string {
	campaign %= Campaigns
	pitches := spamSentences()
	text := w.fill(r, pitches[(campaign+r.IntN(3))%len(pitches)])
	if r.IntN(2) == 0 {
		text += " " + w.fill(r, pick(r, urges()))
	}
	if r.IntN(4) == 0 { // a harmless beginning
		text = w.fill(r, pick(r, hamSentences())) + " " + text
	}
	text = disguise(r, text)
	if r.IntN(10) < 7 {
		text += fmt.Sprintf(" https://%s/%s%d", w.domains[campaign], pick(r, []string{"go", "win", "x", "offer"}), r.IntN(1000))
	}
	return text
}

// Domain returns where a campaign leads.
func (w *Writer) Domain(campaign int) string { return w.domains[campaign%Campaigns] }

// Links returns what the links of a text lead to, whether it is spam or not: of each its host, and its host with the path.
func Links(text string) []string {
	var found []string
	for _, word := range strings.Fields(text) {
		if link, is := strings.CutPrefix(word, "https://"); is {
			host, _, _ := strings.Cut(link, "/")
			found = append(found, host, link)
		}
	}
	return found
}

// fill fills the blanks of a sentence.
func (w *Writer) fill(r *rand.Rand, sentence string) string {
	var b strings.Builder
	for rest := sentence; ; {
		before, after, more := strings.Cut(rest, "{")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		name, behind, _ := strings.Cut(after, "}")
		switch from := w.blanks[name]; {
		case name == "number":
			fmt.Fprint(&b, 2+r.IntN(98))
		case from != nil:
			b.WriteString(pick(r, from))
		default:
			b.WriteString("{" + name + "}")
		}
		rest = behind
	}
}

// disguise writes some words of a text as those do who hope that nobody's list has them so.
func disguise(r *rand.Rand, text string) string {
	parts := strings.Fields(text)
	for i, word := range parts {
		if len(word) < 4 || r.IntN(4) > 0 {
			continue
		}
		switch r.IntN(5) {
		case 0:
			parts[i] = leet(word)
		case 1:
			parts[i] = strings.Join(strings.Split(word, ""), " ")
		case 2:
			parts[i] = strings.ToUpper(word)
		case 3:
			parts[i] = word[:2] + "." + word[2:]
		default:
			parts[i] = word + strings.Repeat("!", 1+r.IntN(3))
		}
	}
	return strings.Join(parts, " ")
}

// leet writes letters as digits that look like them.
func leet(word string) string {
	return strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5").Replace(word)
}
