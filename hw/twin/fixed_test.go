package twin

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDecayIsTheExponential(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tau := time.Duration(rapid.Int64Range(int64(time.Second), int64(1000*time.Second)).Draw(rt, "tau"))
		over := time.Duration(rapid.Int64Range(1, int64(20*tau)).Draw(rt, "time"))
		got := float64(newDecay(tau).over(over)) / (1 << 64)
		want := math.Exp(-float64(over) / float64(tau))
		if math.Abs(got-want) > 1e-12 {
			rt.Fatalf("exp(-%s/%s) = %v, want %v", over, tau, got, want)
		}
	})
	if got := newDecay(time.Second).over(1000 * time.Hour); got != 0 {
		t.Errorf("after a thousand hours %d is left", got)
	}
}

func TestPowerIsThePower(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := rapid.Int64Range(1, 3000).Draw(rt, "whole")
		part := rapid.Int64Range(1, whole).Draw(rt, "part")
		exponent := rapid.Int64Range(0, 300).Draw(rt, "hundredths")
		want := 1e6 * math.Pow(float64(part)/float64(whole), float64(exponent)/100)
		if got := power(part, whole, exponent); math.Abs(float64(got)-want) > 1 {
			rt.Fatalf("(%d/%d)^%d/100 = %d, want %v", part, whole, exponent, got, want)
		}
	})
}

func TestSquareRootIsTheRoot(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.Uint64().Draw(rt, "x")
		want := new(big.Int).Sqrt(new(big.Int).SetUint64(x))
		if got := squareRoot(x); got != want.Uint64() {
			rt.Fatalf("root of %d is %d, want %s", x, got, want)
		}
	})
}

func TestMulDivIsTheQuotient(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		number := rapid.Int64Range(0, math.MaxInt64)
		a, b, c := number.Draw(rt, "a"), number.Draw(rt, "b"), rapid.Int64Range(1, math.MaxInt64).Draw(rt, "c")
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		if want.Div(want, big.NewInt(c)); !want.IsInt64() {
			want = big.NewInt(math.MaxInt64)
		}
		if got := mulDiv(a, b, c); got != want.Int64() {
			rt.Fatalf("%d*%d/%d = %d, want %s", a, b, c, got, want)
		}
	})
}

func TestSagSolvesTheCircuit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		supply := rapid.Int64Range(4000, 5500).Draw(rt, "supply")
		ohm := rapid.Int64Range(0, 2000).Draw(rt, "milliohm")
		watt := rapid.Int64Range(0, 15_000).Draw(rt, "milliwatt")
		volts := sag(supply, ohm, watt)
		if 4*ohm*watt > supply*supply {
			if volts != supply/2 {
				rt.Fatalf("a cable that cannot carry it gives %d", volts)
			}
			return
		}
		v := float64(volts)
		if miss := float64(supply) - float64(ohm)*float64(watt)/v - v; math.Abs(miss) > 1+float64(supply)/math.Sqrt(float64(supply*supply-4*ohm*watt)+1) {
			rt.Fatalf("%d mV over %d mΩ at %d mW: %d mV misses by %v", supply, ohm, watt, volts, miss)
		}
	})
}
