package text

import (
	"strings"
	"testing"
)

// wordsOf returns the words of a text as they are compared.
func wordsOf(text string) string {
	d := newDocument(text)
	var all []string
	for _, w := range d.words {
		all = append(all, string(d.runes[w.from:w.to]))
	}
	return strings.Join(all, " ")
}

func TestDisguisesAreSeenThrough(t *testing.T) {
	plain := wordsOf("claim your free cash now")
	for _, disguise := range []struct{ what, text string }{
		{"capitals", "CLAIM Your FREE cAsH now"},
		{"other spaces and punctuation", "claim\u00a0your\n\tfree... cash!!! now?"},
		{"full width", "ｃｌａｉｍ your ＦＲＥＥ cash now"},
		{"mathematical letters", "claim your 𝐟𝐫𝐞𝐞 𝒸𝒶𝓈𝒽 now"},
		{"circled letters", "claim your ⓕⓡⓔⓔ cash now"},
		{"accents", "cláim yöur frée cäsh nów"},
		{"piles of marks", "c̶̨̛l̴a̷i̵m̸ your f̴̡r̵e̶e̷ cash now"},
		{"characters without width", "cla\u200bim yo\u2060ur fr\u200dee ca\u00adsh n\ufeffow"},
		{"controls", "cla\x00im your fr\x07ee cash now"},
		{"Cyrillic letters", "сlаim уоur frее саsh nоw"},
		{"Greek letters", "clαιm yουr frεε cαsh nοw"},
		{"digits for letters", "cl41m y0ur fr33 c4sh n0w"},
		{"signs for letters", "cl@im your free ca$h now"},
		{"spaces between letters", "claim your f r e e cash now"},
		{"dots between letters", "claim your f.r.e.e c-a-s-h now"},
		{"repeated letters", "claaaaim your freeeeee cashhh now"},
		{"a filler", "claim your fr\u3164ee cash now"},
	} {
		if got := wordsOf(disguise.text); got != plain {
			t.Errorf("%s: %q is read as %q, want %q", disguise.what, disguise.text, got, plain)
		}
	}
}

func TestWhatIsNoDisguiseStays(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"!!! ...":               "",
		"10 100 1000":           "10 100 1000",
		"call 08001234567":      "cal 08001234567",
		"150p 16+":              "150p 16",
		"$5 at joe@home":        "5 at joeahome",
		"I am a man":            "i am a man",
		"a b, c d":              "a b c d",
		"日本語":                   "日本語",
		"\xff\xfea\xc3":         "a",
		"x\u200b \u200b y":      "x y",
		"one\u2028two\u3000tri": "one two tri",
	} {
		if got := wordsOf(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

// TestATextIsReadToItsLimit: what stands behind is not, nor what one character becomes that stands for eighteen.
func TestATextIsReadToItsLimit(t *testing.T) {
	long := strings.Repeat("ab ", MostBytes)
	if a, b := newDocument(long), newDocument(long[:MostBytes]); string(a.runes) != string(b.runes) {
		t.Error("more was read")
	}
	if d := newDocument(strings.Repeat("\ufdfa", MostBytes/3)); len(d.runes) > MostBytes+2 {
		t.Errorf("%d characters are compared", len(d.runes))
	}
}

func TestWordsAreShownAsTheyStandThere(t *testing.T) {
	d := newDocument("You WON a fr33 p-r-i-z-e of " + strings.Repeat("x", 100) + "y \xffq")
	var all []string
	for _, w := range d.words {
		all = append(all, d.shown(w))
	}
	if got, want := strings.Join(all, "|"), "You|WON|a|fr33|p-r-i-z-e|of|"+strings.Repeat("x", 39)+"…|q"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
