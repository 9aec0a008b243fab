package users

import (
	"slices"
	"testing"
)

func TestTheTruthIsInAPostsID(t *testing.T) {
	for _, c := range []struct {
		id     string
		spam   bool
		family int
		bad    bool
	}{
		{"u3-17", false, 0, false},
		{"u3-17" + (&post{text: "hello"}).truth(), false, 0, false},
		{"u3-17" + (&post{photo: []byte{1}, shows: 1}).truth(), false, 0, false},
		{"sa3001002-5" + (&post{text: "buy"}).truth(), true, 0, false},
		{"sa3005000-3" + (&post{photo: []byte{1}, shows: familyMotif(7)}).truth(), true, 7, true},
		{"", false, 0, false},
	} {
		if got := isSpam(c.id); got != c.spam {
			t.Errorf("%q is spam: %v", c.id, got)
		}
		if family, bad := familyOf(c.id); family != c.family || bad != c.bad {
			t.Errorf("%q shows the family %d: %v", c.id, family, bad)
		}
	}
}

func TestLinksAreListedAsTheyAre(t *testing.T) {
	const text = "buy https://cheap.example/now1 or https://cheap.example/go"
	if got := exactLinks(text); !slices.Equal(got, []string{"link:cheap.example/now1", "link:cheap.example/go"}) {
		t.Errorf("got %v", got)
	}
	if got := tagsOf(text, nil); !slices.Contains(got, "link:cheap.example") {
		t.Errorf("the host has no tag: %v", got)
	}
}
