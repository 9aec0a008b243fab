package abuse

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"picloud/node/abuse/text"
)

// aim is what is asked for of the corpus of real texts.
var aim = Aim{BlockPPM: 2000, LeastPPM: 830_000}

// TestRealTexts: thresholds and weights come from 30 % of the texts, and what is caught from the others. No rule was chosen by these.
func TestRealTexts(t *testing.T) {
	folder := os.Getenv("PICLOUD_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(folder, "sms-spam-collection.tsv.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: there is no %s, and PICLOUD_DATA names no folder that has it", path)
	}
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.size(), 5573; got < want {
		t.Errorf("%d texts, want %d", got, want)
	}
	r, err := Measure(c, aim)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + r.Table())
	if r.CaughtPPM < aim.LeastPPM || r.BlockedPPM > aim.BlockPPM {
		t.Errorf("%d ppm of spam caught, %d ppm of honest texts blocked", r.CaughtPPM, r.BlockedPPM)
	}
	p := r.Poison
	if p.Poisoned.CaughtPPM() >= aim.LeastPPM {
		t.Errorf("lies did no harm: %+v", p.Poisoned)
	}
	if !p.Rebuilt || p.Ranking < 0 || p.Ranking > 700 || p.Online < 0 || p.Online > 1950 || !r.Reached() {
		t.Errorf("rebuilt %t, reached after %d labels with the best threshold and %d with its own", p.Rebuilt, p.Ranking, p.Online)
	}
}

// invented returns a corpus of texts that nobody wrote. The last lies as often as is asked for.
func invented(n int, lies float64) string {
	r := rand.New(rand.NewPCG(1, 0))
	var b strings.Builder
	for range n {
		label, words := "ham", "dinner train sleep mother garden exam football rain late lovely cat coffee"
		if r.IntN(7) == 0 {
			label, words = "spam", "prize cash claim offer credit urgent loan pills casino bonus winner free"
		}
		if r.Float64() < lies {
			label = map[string]string{"ham": "spam", "spam": "ham"}[label]
		}
		of := strings.Fields(words + " the a you to and is of it for on me at")
		fmt.Fprintf(&b, "%s\t", label)
		for range 6 + r.IntN(10) {
			fmt.Fprintf(&b, "%s ", of[r.IntN(len(of))])
		}
		fmt.Fprintln(&b, r.IntN(1000))
	}
	return b.String()
}

func parsed(t *testing.T, corpus string) *Corpus {
	t.Helper()
	c, err := parse("invented.tsv", strings.NewReader(corpus))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestInventedTexts(t *testing.T) {
	r, err := Measure(parsed(t, invented(6500, 0)), aim)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Reached() || r.Poison.Ranking == 0 || r.Poison.Online <= r.Poison.Ranking || !strings.HasSuffix(r.Table(), ": reached\n") {
		t.Errorf("it is not so:\n%s", r.Table())
	}
	if r.Time.VerdictNs <= 0 || r.Time.LearnNs <= 0 {
		t.Errorf("no time passed: %+v", r.Time)
	}
	for i := 1; i < len(r.Curve); i++ {
		if a, b := r.Curve[i-1], r.Curve[i]; b.CaughtPPM < a.CaughtPPM || b.BlockedPPM < a.BlockedPPM || b.BlockedPPM > b.MayPPM {
			t.Errorf("%+v comes behind %+v", b, a)
		}
	}
}

// TestLiesEverywhereAreNotCured: the labels that judge lie too, so nothing can be right, and the report says so.
func TestLiesEverywhereAreNotCured(t *testing.T) {
	c := parsed(t, invented(2000, 0.4))
	r, err := Measure(c, aim)
	if err != nil {
		t.Fatal(err)
	}
	if r.Reached() || !strings.HasSuffix(r.Table(), ": NOT reached\n") {
		t.Errorf("it is not so:\n%s", r.Table())
	}
}

func TestCrossValidationLooksAtNothingElse(t *testing.T) {
	c := parsed(t, invented(6000, 0))
	v, err := CrossValidate(c, aim)
	if err != nil {
		t.Fatal(err)
	}
	n := count(c.Train)
	if v.Outcome.Count != (Count{4 * n.Ham, 4 * n.Spam}) || v.Outcome.CaughtPPM() < 900_000 {
		t.Errorf("%+v", v.Outcome)
	}
	blind, err := CrossValidate(&Corpus{Train: c.Train}, aim)
	if err != nil || blind.Table() != v.Table() {
		t.Errorf("without the other parts it says\n%s\nwith them\n%s\n%v", blind.Table(), v.Table(), err)
	}
}

func TestReportsAreTheSameInEveryRun(t *testing.T) {
	var said []string
	for range 2 {
		r, err := Measure(parsed(t, invented(1500, 0)), aim)
		if err != nil {
			t.Fatal(err)
		}
		r.Time = Time{}
		said = append(said, r.Table())
	}
	if said[0] != said[1] {
		t.Errorf("one says\n%s\nanother\n%s", said[0], said[1])
	}
}

func TestPartsDependOnTheTextAlone(t *testing.T) {
	all := invented(4000, 0)
	c := parsed(t, all+strings.ReplaceAll(all, "ham\t", "spam\t"))
	where := map[string]int{}
	for part, labels := range [][]text.Label{c.Train, c.Judged[0], c.Judged[1]} {
		for _, l := range labels {
			if before, is := where[l.Text]; is && before != part {
				t.Fatalf("%q is in two parts", l.Text)
			}
			where[l.Text] = part
		}
		if share := len(labels) * 100 / c.size(); share < 26 || share > 39 {
			t.Errorf("part %d has %d %%", part, share)
		}
	}
}

func TestACorpusMayBePacked(t *testing.T) {
	plain := invented(500, 0)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(plain)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(content []byte) (*Corpus, error) {
		path := filepath.Join(t.TempDir(), "corpus")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return Read(path)
	}
	a, errA := read([]byte(plain))
	b, errB := read(packed.Bytes())
	if errA != nil || errB != nil || !slices.Equal(a.Train, b.Train) || a.size() != 500 || b.size() != 500 {
		t.Errorf("%v, %v", errA, errB)
	}
	if _, err := read(packed.Bytes()[:packed.Len()/2]); err == nil || !strings.Contains(err.Error(), "corpus:") {
		t.Errorf("a torn file: %v", err)
	}
	if _, err := read([]byte{0x1f, 0x8b, 0}); err == nil {
		t.Error("a file of three bytes was read")
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	good := invented(100, 0)
	for _, c := range []struct{ line, want string }{
		{"spma\tbuy", "invented.tsv:101: a line is ham or spam"},
		{"ham hello", "invented.tsv:101: a line is ham or spam"},
		{"ham\t", "invented.tsv:101: a line is ham or spam"},
		{"", "invented.tsv:101: a line is ham or spam"},
		{"ham\t" + strings.Repeat("x", 70_000), "invented.tsv:101: a text has at most 65536 bytes"},
	} {
		if _, err := parse("invented.tsv", strings.NewReader(good+c.line+"\n"+good)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.20q: %.200v", c.line, err)
		}
	}
	if _, err := parse("invented.tsv", strings.NewReader("ham\ta\nspam\tb\n")); err == nil || !strings.Contains(err.Error(), "of 2 texts, none is ham") {
		t.Errorf("two texts: %v", err)
	}
	if _, err := parse("invented.tsv", strings.NewReader(good+"ham\t"+strings.Repeat("x", text.MostBytes)+"\r\n")); err != nil {
		t.Errorf("a text of just the most: %v", err)
	}
}

// TestTheBestThresholdIsTheBest looks at all of them.
func TestTheBestThresholdIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Int64Range(-20, 20), 1, 40)
		s := scores{ham: some.Draw(t, "ham"), spam: some.Draw(t, "spam")}
		may := rapid.IntRange(0, 1_000_000).Draw(t, "may")
		got, want := best(s, may), 0
		for at := int64(-21); at <= 22; at++ {
			if o := outcome(s, text.Thresholds{Unsure: at, Block: at}); o.BlockedPPM() <= may && o.HamBlocked*1_000_000 <= may*o.Ham {
				want = max(want, o.SpamBlocked)
			}
		}
		if got.SpamBlocked != want || got.HamBlocked*1_000_000 > may*got.Ham {
			t.Errorf("%+v, want %d caught", got, want)
		}
	})
}

func TestUnsureIsNotBlocked(t *testing.T) {
	got := outcome(scores{ham: []int64{-5, 0, 1, 9, 10}, spam: []int64{0, 10, 11}}, text.Thresholds{Unsure: 1, Block: 10})
	if want := (Outcome{Count{5, 3}, 1, 2, 2, 0}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSinceWhenItIsSo(t *testing.T) {
	from := -1
	for i, is := range []bool{false, true, false, true, true} {
		from = since(from, i, is)
	}
	if from != 3 || since(3, 4, false) != -1 {
		t.Errorf("since %d", from)
	}
}
