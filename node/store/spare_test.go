package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTheTailOfWrites is looked at by sorting.
func TestTheTailOfWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var y syncs
	now := time.Unix(1000, 0)
	var recent []time.Duration
	for second := range 200 {
		for range 50 {
			took := time.Duration(r.ExpFloat64() * float64(5*time.Millisecond))
			if second == 170 && len(recent)%50 == 0 {
				took = 700 * time.Millisecond
			}
			y.wrote(now, took)
			if second >= 140 {
				recent = append(recent, took)
			}
		}
		now = now.Add(time.Second)
	}
	tail, slowest := y.last(now.Add(-time.Second))
	slices.Sort(recent)
	want := recent[len(recent)*99/100-1]
	if tail > want || tail < want*7/8 || slowest != recent[len(recent)-1] {
		t.Errorf("the tail is %s and the slowest %s, want %s and %s", tail, slowest, want, recent[len(recent)-1])
	}
	if tail, slowest := y.last(now.Add(time.Minute)); tail != 0 || slowest != 0 {
		t.Errorf("a minute without writes: %s, %s", tail, slowest)
	}
}

func TestSizesOfDurations(t *testing.T) {
	for us := range time.Duration(100_000) {
		d := us * time.Microsecond
		if least, next := atLeast(size(d)), atLeast(size(d)+1); d < least || d >= next {
			t.Fatalf("%s is in the class from %s up to %s", d, least, next)
		}
	}
}
