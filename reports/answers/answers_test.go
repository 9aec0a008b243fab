package answers

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"picloud/reports"
)

// TestTheFirstScreenHasTheAnswers of the key, each under its question, in the head of the page.
func TestTheFirstScreenHasTheAnswers(t *testing.T) {
	runs, err := Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) < 5 {
		t.Errorf("%d runs have a key, five must", len(runs))
	}
	for i := range runs {
		t.Run(runs[i].Name, func(t *testing.T) {
			page := runs[i].Page()
			if page != runs[i].Page() {
				t.Error("the page of a run is another one the second time")
			}
			if runs[i].Result.Verdict != reports.Fail {
				t.Errorf("the run came to %q", runs[i].Result.Verdict)
			}
			for _, missing := range missing(page, runs[i].Key) {
				t.Error(missing)
			}
		})
	}
}

// missing says which words of a key do not stand under their questions in the head of a page.
func missing(page string, key Key) (lines []string) {
	head, _, _ := strings.Cut(page, "</header>")
	said := map[string]string{}
	for _, m := range regexp.MustCompile(`<dt>(.*?)</dt><dd>(.*?)</dd>`).FindAllStringSubmatch(head, -1) {
		said[html.UnescapeString(m[1])] = html.UnescapeString(m[2])
	}
	for _, a := range key.Answers {
		for _, words := range a.Says {
			if !strings.Contains(said[a.Question], words) {
				lines = append(lines, a.Question+" does not say “"+words+"”: "+said[a.Question])
			}
		}
	}
	return lines
}

// TestAWrongAnswerIsMissed: words under another question, or below the head, do not count.
func TestAWrongAnswerIsMissed(t *testing.T) {
	key := Key{Answers: []Answer{{Question: "Why?", Says: []string{"the card rotted", "at 20 s"}}}}
	for _, c := range []struct {
		page string
		want int
	}{
		{"<dt>Why?</dt><dd>the card rotted at 20 s</dd></header>", 0},
		{"<dt>Why?</dt><dd>the card rotted</dd></header>at 20 s", 1},
		{"<dt>What broke?</dt><dd>the card rotted at 20 s</dd></header>", 2},
		{"</header><dt>Why?</dt><dd>the card rotted at 20 s</dd>", 2},
	} {
		if got := missing(c.page, key); len(got) != c.want {
			t.Errorf("%s: %q", c.page, got)
		}
	}
}

func TestAKeyIsWhole(t *testing.T) {
	whole := "run: a soak\nanswers:\n"
	for _, q := range (&reports.Result{}).Incident() {
		whole += "- {question: '" + q.Question + "', answer: a, says: [b]}\n"
	}
	if _, err := parse([]byte(whole)); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"no run":            strings.Replace(whole, "run: a soak\n", "", 1),
		"an unknown key":    whole + "more: x\n",
		"a question less":   whole[:strings.LastIndex(whole, "- {")],
		"another question":  strings.Replace(whole, "Why?", "Who?", 1),
		"nothing to say":    strings.Replace(whole, "says: [b]", "says: []", 1),
		"an empty sentence": strings.Replace(whole, "says: [b]", "says: ['']", 1),
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("a key with %s is taken", name)
		}
	}
}
