package text

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// chatter writes texts: some are advertisements and most are not, and they share many words.
func chatter(seed uint64, n int) (labels []Label) {
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(words string, n int) (text []string) {
		for all := strings.Fields(words); n > 0; n-- {
			text = append(text, all[r.IntN(len(all))])
		}
		return text
	}
	const all = "the a you to and is of it for on me at your with be we have so do"
	for range n {
		l := Label{Spam: r.IntN(7) == 0}
		text := pick(all, 4+r.IntN(6))
		if l.Spam {
			text = append(text, pick("WIN prize cash claim offer credit urgent loan pills casino bonus", 2+r.IntN(4))...)
			text = append(text, fmt.Sprintf("call 0%d!", r.IntN(1e9)))
		} else {
			text = append(text, pick("dinner train sleep mother garden exam football rain late lovely cat coffee", 2+r.IntN(4))...)
		}
		r.Shuffle(len(text), func(i, k int) { text[i], text[k] = text[k], text[i] })
		l.Text = strings.Join(text, " ")
		labels = append(labels, l)
	}
	return labels
}

func learned(t testing.TB, c Config, labels []Label) *Model {
	t.Helper()
	m, err := Fold(c, slices.Values(labels))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// dumb is PA-II as the paper has it: real numbers, and a map of what is in texts by name.
type dumb struct{ weights map[string]float64 }

func (d *dumb) vector(text string) map[string]float64 {
	doc := newDocument(text)
	groups := [kinds]map[string]bool{{}, {}, {}}
	for _, w := range doc.words {
		groups[words]["word "+string(doc.runes[w.from:w.to])] = true
	}
	for i := 0; i+4 <= len(doc.runes); i++ {
		groups[grams]["gram "+string(doc.runes[i:i+4])] = true
	}
	for _, x := range doc.shape.traits() {
		groups[shapes][fmt.Sprint("shape ", x.kind, x.class)] = true
	}
	total := 0.0
	for k, g := range groups {
		if len(g) > 0 {
			total += []float64{1, 1, 0.25}[k]
		}
	}
	v := map[string]float64{}
	for k, g := range groups {
		for name := range g {
			v[name] = math.Sqrt([]float64{1, 1, 0.25}[k] / total / float64(len(g)))
		}
	}
	return v
}

func (d *dumb) margin(v map[string]float64) (sum float64) {
	for name, x := range v {
		sum += x * d.weights[name]
	}
	return sum
}

func (d *dumb) learn(text string, spam bool) {
	v, y, square := d.vector(text), -1.0, 0.0
	if spam {
		y = 1
	}
	for _, x := range v {
		square += x * x
	}
	const c = 1.0 / 6
	tau := max(0, 1-y*d.margin(v)) / (square + 1/(2*c))
	for name, x := range v {
		d.weights[name] += tau * y * x
	}
}

func TestAModelIsWhatThePaperSays(t *testing.T) {
	m, d := learned(t, Config{Bits: 24}, nil), dumb{map[string]float64{}}
	for i, l := range chatter(1, 400) {
		got, want := m.Score(l.Text), d.margin(d.vector(l.Text))*Sure
		if math.Abs(float64(got)-want) > 20 {
			t.Fatalf("label %d: %d, want %f", i, got, want)
		}
		m.Learn(l.Text, l.Spam)
		d.learn(l.Text, l.Spam)
	}
}

// TestScoresAreTheSameEverywhere holds what one machine computed against what this one does. They change with the algorithm: then format
// changes too.
func TestScoresAreTheSameEverywhere(t *testing.T) {
	m := learned(t, Config{}, chatter(2, 500))
	var got []int64
	for _, text := range []string{"claim your CASH prize now, call 0800123456", "lovely rain at the garden", "", "mother has won a prize", "日本語 ﷺ"} {
		got = append(got, m.Score(text))
	}
	unsure, err := m.Threshold(50_000)
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, unsure)
	if want := []int64{989299, -1238372, -1317803, -510093, -464990, -622180}; !slices.Equal(got, want) {
		t.Errorf("scores are %d, want %d", got, want)
	}
}

func TestSpamIsToldFromOtherTexts(t *testing.T) {
	m := learned(t, Config{}, chatter(3, 2000))
	th, err := m.Thresholds(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[Verdict]map[bool]int{Blocked: {}, Unsure: {}, Clean: {}}
	for _, l := range chatter(4, 2000) {
		count[th.Verdict(m.Score(l.Text))][l.Spam]++
	}
	if spam := count[Blocked][true] + count[Unsure][true] + count[Clean][true]; 100*count[Blocked][true] < 95*spam || count[Blocked][false] > 4 {
		t.Errorf("honest texts and spam, by verdict: %v", count)
	}
}

func TestDisguisedSpamIsSpam(t *testing.T) {
	m := learned(t, Config{}, chatter(5, 2000))
	th, err := m.Thresholds(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"claim the cash prize", "CLAIM the C A S H prize", "cl4im the ca$h pr1ze", "ｃｌａｉｍ the саsh pri\u200bze", "claaaim the caaash prizeee"} {
		if s := m.Score(text); th.Verdict(s) != Blocked {
			t.Errorf("%q is %s with %d", text, th.Verdict(s), s)
		}
	}
}

func TestALabelMovesTheScoreItsWay(t *testing.T) {
	labels := chatter(6, 300)
	rapid.Check(t, func(t *rapid.T) {
		m, err := Fold(Config{Bits: 12}, slices.Values(labels[:rapid.IntRange(0, len(labels)).Draw(t, "learned")]))
		if err != nil {
			t.Fatal(err)
		}
		text, spam := rapid.String().Draw(t, "text"), rapid.Bool().Draw(t, "spam")
		before := m.Score(text)
		m.Learn(text, spam)
		if after := m.Score(text); spam && after < before || !spam && after > before {
			t.Errorf("%q, spam %t: from %d to %d", text, spam, before, after)
		}
	})
}

// TestEqualLabelsMakeEqualModels: also when a source among them is forgotten; in another order, or with another size, they are others.
func TestEqualLabelsMakeEqualModels(t *testing.T) {
	labels := chatter(7, 400)
	m := learned(t, Config{}, labels)
	one, err := New(Config{Bits: 18, Held: 1536})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range labels {
		one.Learn(l.Text, l.Spam)
	}
	if m.Digest() != one.Digest() {
		t.Error("folded and learned one by one they differ")
	}
	if h, s := m.Labels(); h+s != 400 || s == 0 || h < s {
		t.Errorf("%d honest texts, %d spam", h, s)
	}
	before := one.Digest()
	for what, change := range map[string]func(by int64){
		"a score": func(by int64) { one.held.scores[7] += by }, "a weight": func(by int64) { one.weights[7] += int32(by) },
	} {
		if change(1); one.Digest() == before {
			t.Errorf("%s changes, and the digest does not", what)
		}
		change(-1)
	}
	one.Learn("x", false)
	reversed := slices.Clone(labels)
	slices.Reverse(reversed)
	for what, other := range map[string]*Model{
		"a label more": one, "in reverse": learned(t, Config{}, reversed), "a label less": learned(t, Config{}, labels[:399]),
		"smaller": learned(t, Config{Bits: 17}, labels), "holds less": learned(t, Config{Held: 1535}, labels),
	} {
		if other.Digest() == m.Digest() {
			t.Errorf("%s: the digest is the same", what)
		}
	}
}

// TestNoLabelsBreakAModel: contradictions and huge texts leave weights and scores within their bounds.
func TestNoLabelsBreakAModel(t *testing.T) {
	m := learned(t, Config{Bits: 10}, nil)
	r := rand.New(rand.NewPCG(8, 0))
	huge := make([]byte, MostBytes)
	for i := range huge {
		huge[i] = byte(r.Uint32())
	}
	texts := []string{"", "a", string(huge), strings.Repeat("buy now ", 8000), strings.Repeat("\ufdfa", 20_000)}
	for range 40 {
		text := texts[r.IntN(len(texts))]
		m.Learn(text, r.IntN(2) == 0)
		if s := m.Score(text); s < -10*Sure || s > 10*Sure {
			t.Fatalf("a score of %d", s)
		}
	}
	extreme := learned(t, Config{}, nil)
	for i := range extreme.weights {
		extreme.weights[i] = most
	}
	for _, text := range texts {
		extreme.Learn(text, true)
		if s := extreme.Score(text); s < 0 || s > far/one*Sure {
			t.Fatalf("a score of %d", s)
		}
	}
	if got := slices.Max(extreme.weights); got > most {
		t.Errorf("a weight of %d", got)
	}
}

func TestReasonsMakeTheScore(t *testing.T) {
	m := learned(t, Config{}, chatter(9, 1000))
	text := "URGENT: claim your ca$h, mother, call 0800123456!"
	all := m.Reasons(text, 1000)
	sum := int64(0)
	for i, r := range all {
		sum += r.Weight
		if i > 0 && max(r.Weight, -r.Weight) > max(all[i-1].Weight, -all[i-1].Weight) {
			t.Errorf("%v comes behind %v", r, all[i-1])
		}
	}
	if score := m.Score(text); sum < score-100 || sum > score+100 {
		t.Errorf("all reasons are %d, the score %d: %v", sum, score, all)
	}
	weight := map[string]int64{}
	for _, r := range all {
		weight[r.What] = r.Weight
	}
	if weight[`"ca$h"`] <= 0 || weight[`"claim"`] <= 0 || weight[`"mother"`] >= 0 || weight["digits of the longest number: 10"] <= 0 {
		t.Errorf("the reasons are %v", all)
	}
	if few := m.Reasons(text, 3); !slices.Equal(few, all[:3]) {
		t.Errorf("the first three are %v", few)
	}
	if none := learned(t, Config{}, nil).Reasons(text, 3); len(none) != 0 {
		t.Errorf("a model that has learned nothing has reasons: %v", none)
	}
}

func TestTextsAreScoredAtTheSameTime(t *testing.T) {
	labels := chatter(10, 200)
	m := learned(t, Config{}, labels)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, l := range labels {
				m.Score(l.Text)
				m.Reasons(l.Text, 3)
			}
		})
	}
	all.Wait()
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for _, c := range []Config{{Bits: 9}, {Bits: 25}, {Bits: -1}, {Held: 99}, {Held: 4097}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
		if _, err := Fold(c, slices.Values([]Label{})); err == nil {
			t.Errorf("%+v was folded", c)
		}
	}
	for _, p := range []Policy{{BlockPPM: -1}, {BlockPPM: 20_001}, {UnsurePPM: 1999}, {UnsurePPM: 100_001}} {
		if _, err := learned(t, Config{}, nil).Thresholds(p); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

func benchmark(b *testing.B, each func(m *Model, l Label), labels []Label) {
	m := learned(b, Config{}, chatter(11, 1000))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		each(m, labels[i%len(labels)])
	}
}

// BenchmarkScore scores texts of some 60 characters.
func BenchmarkScore(b *testing.B) {
	benchmark(b, func(m *Model, l Label) { m.Score(l.Text) }, chatter(12, 1000))
}

func BenchmarkLearn(b *testing.B) {
	benchmark(b, func(m *Model, l Label) { m.Learn(l.Text, l.Spam) }, chatter(12, 1000))
}

// BenchmarkScoreLongest scores the longest text.
func BenchmarkScoreLongest(b *testing.B) {
	var all strings.Builder
	for _, l := range chatter(13, 2000) {
		all.WriteString(l.Text + " ")
	}
	benchmark(b, func(m *Model, l Label) { m.Score(l.Text) }, []Label{{Text: all.String()[:MostBytes]}})
}

func BenchmarkThresholds(b *testing.B) {
	m := learned(b, Config{}, chatter(14, 3000))
	for b.Loop() {
		if _, err := m.Thresholds(Policy{}); err != nil {
			b.Fatal(err)
		}
	}
}
