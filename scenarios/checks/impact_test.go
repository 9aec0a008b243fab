package checks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// felt makes a history of a word for each second: o is a request that goes well, l one that is late, f one that fails, u one of which nobody
// knows, a one of an attacker that fails, m a mail, and - is none.
func felt(words string) history.History {
	var h history.History
	for second, word := range strings.Fields(words) {
		for n, letter := range strings.ReplaceAll(word, "-", "") {
			call := time.Duration(second)*time.Second + time.Duration(n)*time.Millisecond
			o := history.Operation{Client: n, Kind: history.Read, Key: "k", Call: call, Return: call + 20*time.Millisecond, Outcome: history.OK}
			switch letter {
			case 'l':
				o.Kind, o.Return = history.Write, call+3*time.Second
			case 'f':
				o.Outcome = history.Failed
			case 'u':
				o.Outcome = history.Unknown
			case 'm':
				o.Kind, o.Use = history.Use, &history.Visit{Action: history.ActMail}
			case 'a':
				o.Kind, o.Outcome, o.Use = history.Use, history.Failed, &history.Visit{Action: "post", Sort: history.SpamWave}
			}
			h = append(h, o)
		}
	}
	return h
}

func TestWhatClientsFelt(t *testing.T) {
	stretch := func(from, to reports.Seconds, requests, harmed int) reports.Stretch {
		return reports.Stretch{From: from * 1e9, To: to * 1e9, Requests: requests, Harmed: harmed}
	}
	for _, c := range []struct {
		name, line string
		want       []reports.Stretch
	}{
		{"all is well", "oo oo oo", nil},
		{"what was before does not count", "ff oo oo", nil},
		{"a bad second", "oo oo of oo", []reports.Stretch{stretch(2, 3, 2, 1)}},
		{"two good ones between", "oo f oo oo f", []reports.Stretch{stretch(1, 5, 2, 2)}},
		{"three good ones between", "oo f oo oo oo f", []reports.Stretch{stretch(1, 2, 1, 1), stretch(5, 6, 1, 1)}},
		{"everybody waits", "oo u - - - - - - u oo", []reports.Stretch{stretch(1, 9, 2, 2)}},
		{"attackers do not count", "oo oaaa oo", nil},
		{"nor do mails", "oo ofmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm oo", []reports.Stretch{stretch(1, 2, 2, 1)}},
		{"one in thirty is not bad", "o ooooooooooooooooooooooooooooof", nil},
	} {
		if got := Impact(felt(c.line), time.Second, Patience); !slices.Equal(got.Stretches, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got.Stretches, c.want)
		}
	}
	i := Impact(felt("oo lfo uo oo"), time.Second, Patience)
	if i.Requests != 7 || i.Late != 1 || i.Failed != 1 || i.Unknown != 1 || i.Clients != 3 || i.Hit != 2 ||
		!slices.Equal(i.Kinds, []reports.KindImpact{{Kind: "read", Requests: 6, Harmed: 2}, {Kind: "write", Requests: 1, Harmed: 1}}) {
		t.Errorf("%+v", i)
	}
}
