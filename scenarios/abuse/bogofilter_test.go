package abuse

import (
	"testing"

	"picloud/node/abuse/text"
)

func TestTextsBecomeMailsWithoutHeaders(t *testing.T) {
	labels := []text.Label{{Text: "see you\nFrom here", Spam: false}, {Text: "buy", Spam: true}, {Text: "From me", Spam: false}}
	const from = "From x Thu Jan  1 00:00:00 1970\n\n"
	if got, want := string(mails(labels, false)), from+"see you\n>From here\n\n"+from+">From me\n\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got, want := string(mails(labels, true)), from+"buy\n\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestScoresOfBogofilterAreRead(t *testing.T) {
	got, err := readScores("0.9995576408733547\n0.0005125184362281\n")
	if err != nil || len(got) != 2 || got[0] <= got[1] {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := readScores("S 0.99\n"); err == nil {
		t.Error("what is no score was read")
	}
}
