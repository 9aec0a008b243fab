package reports

import (
	"testing"
	"time"
)

func TestTimesOfRequestsHaveTwoDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0s",
		413 * time.Microsecond:    "410µs",
		8_649 * time.Microsecond:  "8.6ms",
		997 * time.Millisecond:    "1s",
		1_260 * time.Millisecond:  "1.3s",
		75_400 * time.Millisecond: "1m15s",
	} {
		if got := took(Seconds(d)); got != want {
			t.Errorf("%s is shown as %s, not as %s", d, got, want)
		}
	}
}
