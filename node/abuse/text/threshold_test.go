package text

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// dumbAllowed adds up the binomial distribution in rational numbers.
func dumbAllowed(n, ppm int) int {
	p := big.NewRat(int64(ppm), 1_000_000)
	q := new(big.Rat).Sub(big.NewRat(1, 1), p)
	power := func(x *big.Rat, n int) *big.Rat {
		e := big.NewInt(int64(n))
		return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), e, nil), new(big.Int).Exp(x.Denom(), e, nil))
	}
	sum := new(big.Rat)
	for k := range n {
		term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(k)))
		term.Mul(term, power(p, k)).Mul(term, power(q, n-k))
		if sum.Add(sum, term).Cmp(big.NewRat(1, 10)) > 0 {
			return k - 1
		}
	}
	return n - 1
}

func TestAsManyAreAllowedAsTheBinomialSays(t *testing.T) {
	for _, c := range []struct{ n, ppm, want int }{
		{0, 2000, -1}, {1150, 2000, -1}, {1151, 2000, 0}, {1536, 2000, 0}, {1943, 2000, 0}, {1944, 2000, 1}, {4096, 2000, 4},
		{113, 20_000, -1}, {114, 20_000, 0}, {4096, MostPPM, 384},
	} {
		if got := allowed(c.n, c.ppm); got != c.want {
			t.Errorf("%d of %d are allowed at %d ppm, want %d", got, c.n, c.ppm, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n, ppm := rapid.IntRange(0, 200).Draw(t, "n"), rapid.IntRange(1, MostPPM).Draw(t, "ppm")
		if got, want := allowed(n, ppm), dumbAllowed(n, ppm); got != want {
			t.Errorf("%d of %d are allowed at %d ppm, want %d", got, n, ppm, want)
		}
	})
}

// TestNoMoreThanAllowedReachAThreshold: of the scores that are held, and one score lower they would be too many.
func TestNoMoreThanAllowedReachAThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Model{held: held{scores: rapid.SliceOfN(rapid.Int64Range(-50, 50), 0, 600).Draw(t, "held")}}
		ppm := rapid.IntRange(1, MostPPM).Draw(t, "ppm")
		threshold, err := m.Threshold(ppm)
		if err != nil {
			t.Fatal(err)
		}
		reach := func(threshold int64) (n int) {
			for _, s := range m.held.scores {
				if s >= threshold {
					n++
				}
			}
			return n
		}
		may := allowed(len(m.held.scores), ppm)
		if (may < 0) != (threshold == Never) || may >= 0 && (reach(threshold) > may || reach(threshold-1) <= may) {
			t.Errorf("threshold %d, %d may reach it, %d do, %d would", threshold, may, reach(threshold), reach(threshold-1))
		}
	})
}

func TestTheLastScoresAreHeld(t *testing.T) {
	h := held{most: 3}
	for i := range int64(8) {
		h.add(i)
	}
	if got := slices.Sorted(slices.Values(h.scores)); !slices.Equal(got, []int64{5, 6, 7}) {
		t.Errorf("held are %d", got)
	}
}

// TestAModelThatKnowsLittleBlocksNothing: too few honest texts say where no line is; without any spam, what is new is not spam.
func TestAModelThatKnowsLittleBlocksNothing(t *testing.T) {
	labels := chatter(20, 3000)
	few := learned(t, Config{}, labels[:1000])
	if th, err := few.Thresholds(Policy{}); err != nil || th.Block != Never || th.Unsure == Never {
		t.Errorf("%+v: %v", th, err)
	}
	var honest []Label
	for _, l := range labels {
		if !l.Spam {
			honest = append(honest, l)
		}
	}
	m := learned(t, Config{}, honest)
	th, err := m.Thresholds(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range labels {
		if th.Verdict(m.Score(l.Text)) == Blocked {
			t.Errorf("%q was blocked", l.Text)
		}
	}
	if alone, err := m.Threshold(2000); err != nil || alone >= 1 || th.Block != 1 {
		t.Errorf("the threshold is %d alone, %d in a policy: %v", alone, th.Block, err)
	}
}

func TestSharesThatMakeNoSenseAreRefused(t *testing.T) {
	m := learned(t, Config{}, nil)
	for _, ppm := range []int{-1, 0, MostPPM + 1} {
		if at, err := m.Threshold(ppm); err == nil || at != Never {
			t.Errorf("%d ppm: %d", ppm, at)
		}
	}
}
