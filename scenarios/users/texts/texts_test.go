package texts

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestTextsFollowFromTheirRandomNumbers(t *testing.T) {
	write := func(seed uint64) string {
		w, r := New(seed), rand.New(rand.NewPCG(1, 2))
		return w.Ham(r) + w.Spam(r, 3) + w.About(r, "the meteor")
	}
	first := write(1)
	if again := write(1); again != first {
		t.Errorf("the same seed gives %q and %q", first, again)
	}
	if write(2) == first {
		t.Error("two seeds give the same texts")
	}
}

func TestTextsAreWholeAndShort(t *testing.T) {
	w, r := New(1), rand.New(rand.NewPCG(3, 4))
	linked := 0
	for n := range 2000 {
		ham, spam, crowd := w.Ham(r), w.Spam(r, n), w.About(r, "the meteor over the lake")
		for _, text := range []string{ham, spam, crowd} {
			if text == "" || utf8.RuneCountInString(text) > 1000 || strings.ContainsAny(text, "{}") || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("%q is no text to post", text)
			}
		}
		for _, link := range Links(ham + " " + crowd) {
			host, _, _ := strings.Cut(link, "/")
			if slices.Contains(w.domains, host) || !slices.Contains(w.friendly, host) {
				t.Fatalf("%q leads to %v", ham, link)
			}
		}
		switch found := Links(spam); {
		case len(found) == 2 && found[0] == w.Domain(n) && strings.HasPrefix(found[1], found[0]+"/"):
			linked++
		case len(found) > 0:
			t.Fatalf("%q of %s leads to %v", spam, w.Domain(n), found)
		}
	}
	if linked < 1200 || linked > 1600 {
		t.Errorf("%d of 2000 spam texts have a link, about 1400 should", linked)
	}
}

// TestSpamCanBeLearned: words of a few hundred labelled texts tell most of the others, and by no means all: a filter has something to do.
func TestSpamCanBeLearned(t *testing.T) {
	w, r := New(1), rand.New(rand.NewPCG(5, 6))
	seen := [2]map[string]float64{{}, {}}
	wordsOf := func(text string) []string { return strings.Fields(strings.ToLower(text)) }
	write := func(n int) (string, int) {
		if n%2 == 0 {
			return w.Ham(r), 0
		}
		return w.Spam(r, n), 1
	}
	for n := range 200 {
		text, class := write(n)
		for _, word := range wordsOf(text) {
			seen[class][word]++
		}
	}
	wrong := [2]int{}
	for n := range 1000 {
		text, class := write(n)
		score := 0.0
		for _, word := range wordsOf(text) {
			score += math.Log((seen[1][word] + 0.5) / (seen[0][word] + 0.5))
		}
		if (score > 0) != (class == 1) {
			wrong[class]++
		}
	}
	t.Logf("wrong: %d ham, %d spam of 500 each", wrong[0], wrong[1])
	if wrong[0] > 60 || wrong[1] > 60 {
		t.Errorf("%d of 500 ham texts and %d of 500 spam texts are mistaken: the two do not differ enough", wrong[0], wrong[1])
	}
	if wrong[0]+wrong[1] == 0 {
		t.Error("no text is mistaken: there is nothing to do for a filter")
	}
}

func TestDisguisesChangeWords(t *testing.T) {
	if got := leet("casino"); got != "c451n0" {
		t.Errorf("got %q", got)
	}
	r := rand.New(rand.NewPCG(7, 8))
	kinds := map[string]bool{}
	for range 200 {
		text := disguise(r, "miracle")
		kinds[text] = true
	}
	for _, want := range []string{"m1r4cl3", "m i r a c l e", "MIRACLE", "mi.racle", "miracle!"} {
		if !kinds[want] {
			t.Errorf("never %q", want)
		}
	}
}
