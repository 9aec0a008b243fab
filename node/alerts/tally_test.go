package alerts

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const shop = `# TYPE shop_total counter
shop_total{status="200"} %d
shop_total{status="503"} %d
# TYPE shop_seconds histogram
shop_seconds_bucket{le="0.1"} %d
shop_seconds_bucket{le="1"} %d
shop_seconds_bucket{le="+Inf"} %d
shop_seconds_sum 1
shop_seconds_count 1
# TYPE other counter
other 7
`

// TestATallyGoesOnWhereANodeBeginsAgain looks at two nodes three times; one of them starts again in between.
func TestATallyGoesOnWhereANodeBeginsAgain(t *testing.T) {
	y := newTally([]Tier{{Name: "shop", Requests: "shop_total", Failed: ServerErrors, Seconds: "shop_seconds"}})
	look := func(target string, ok, failed, fast, most, all int) {
		t.Helper()
		said, err := samples(strings.NewReader(fmt.Sprintf(shop, ok, failed, fast, most, all)), y.wants)
		if err != nil {
			t.Fatal(err)
		}
		y.add(target, said)
	}
	look("pi-1", 10, 1, 8, 11, 11)
	look("pi-2", 5, 0, 5, 5, 5)
	look("pi-1", 60, 2, 50, 60, 62)
	look("pi-2", 3, 1, 3, 4, 4) // it has started again
	want := TierTotal{Name: "shop", Requests: 71, Errors: 3, P50: 61206896 * time.Nanosecond, P99: 0}
	got := y.totals()[0]
	if got.Requests != want.Requests || got.Errors != want.Errors {
		t.Errorf("%+v", got)
	}
	// 58 of 71 took up to 0.1 s, 69 up to 1 s: half of them are 35.5 of the first bucket's 58.
	if got.P50.Round(time.Millisecond) != 61*time.Millisecond || got.P99 != time.Second {
		t.Errorf("%+v", got)
	}
}
