package text

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRootIsTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 1<<62).Draw(t, "n")
		if r := root(n); r*r > n || (r+1)*(r+1) <= n {
			t.Errorf("the root of %d is not %d", n, r)
		}
	})
}

func TestASetKnowsWhatIsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOf(rapid.Uint32Range(0, 100)).Draw(t, "numbers")
		s, is := newSeen(len(numbers)), map[uint32]bool{}
		for _, n := range numbers {
			if s.add(n) == is[n] {
				t.Fatalf("%d: it was there: %t", n, is[n])
			}
			is[n] = true
		}
	})
}

// TestFeaturesAreWhatTheyShouldBe counts them by hand.
func TestFeaturesAreWhatTheyShouldBe(t *testing.T) {
	f := newFeatures(newDocument("buy buy cats"), 24) // the runes: " buy buy cats "
	var count [kinds]int
	var of []int32
	for _, x := range f.all {
		count[x.kind]++
		if x.kind == grams {
			of = append(of, x.of)
		}
	}
	// grams: " buy", "buy ", "uy b", "y bu", "uy c", "y ca", " cat", "cats", "ats "; the second " buy" and "buy " are no new ones
	if want := [kinds]int{words: 2, grams: 9, shapes: traits}; count != want {
		t.Errorf("%v, want %v", count, want)
	}
	if want := []int32{0, 0, 0, 0, 1, 1, 2, 2, 2}; !slices.Equal(of, want) {
		t.Errorf("they are of words %d, want %d", of, want)
	}
	for k, want := range map[kind]float64{words: math.Sqrt(4. / 9 / 2), grams: math.Sqrt(4. / 9 / 9), shapes: math.Sqrt(1. / 9 / traits)} {
		if got := float64(f.values[k]) / one; math.Abs(got-want) > 1e-6 {
			t.Errorf("values of kind %d are %f, want %f", k, got, want)
		}
	}
}

func TestTraitsCanBeRead(t *testing.T) {
	d := newDocument("WIN £££ now!! call 08001234567, www.example.com")
	var all []string
	for _, x := range d.shape.traits() {
		all = append(all, x.String())
	}
	want := "32 to 63 characters|8 to 15 digits|share of digits: 20 to 29 %|share of capitals: 10 to 19 %|exclamation marks: 2|currency signs: 2 or more|" +
		"digits of the longest number: 11|a link"
	if got := strings.Join(all, "|"); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	none := newDocument("")
	if got := none.shape.traits()[0].String(); got != "no characters" {
		t.Errorf("an empty text has %s", got)
	}
}

// FuzzFeatures: any bytes are a text. What is in it is found once, its length is at most one, and what it came from can be shown.
func FuzzFeatures(f *testing.F) {
	for _, s := range []string{"", "You have WON a fr33 prize!", "f r e e", "\xff\x00\u200b", "ﷺﷺ", "ｆｒｅｅ £5 http://a.b", "a\u0301\u0301", "가각\u1160"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := newDocument(text)
		if len(d.runes) > MostBytes+2 || len(d.runes) > 0 && d.runes[0] != ' ' {
			t.Fatalf("%d characters are compared", len(d.runes))
		}
		x := newFeatures(d, 18)
		seen := map[uint32]bool{}
		square := int64(0)
		for _, y := range x.all {
			if seen[y.index] || y.index >= 1<<18 {
				t.Fatalf("feature %d is there twice, or nowhere", y.index)
			}
			seen[y.index] = true
			square += x.values[y.kind] * x.values[y.kind]
			if y.kind != shapes {
				d.shown(d.words[y.of])
			}
		}
		if square/one != x.square || x.square > one {
			t.Fatalf("the square of the length is %d, not %d", square/one, x.square)
		}
		again := newFeatures(newDocument(text), 18)
		if len(again.all) != len(x.all) || again.values != x.values {
			t.Fatal("another look saw something else")
		}
	})
}
