package abuse

import (
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestWhatComesBackInALongTime(t *testing.T) {
	b := bucket{"post user", 200 * thousand, day}
	for days, want := range map[time.Duration]int64{0: 0, 1: 1, 150: 150, 199: 199, 200: 200, 5000: 200} {
		if got := b.back(days * day); got != want*thousand {
			t.Errorf("after %d days %d thousandths came back, not of %d", days, got, want)
		}
	}
}

// TestALimitThatOutlivesItsRowIsRefused: nobody would know any more what was taken.
func TestALimitThatOutlivesItsRowIsRefused(t *testing.T) {
	for _, c := range []struct {
		tenant Tenant
		want   string
	}{
		{Tenant{Limits: []Limit{{Post, User, 3650, day}}}, ""},
		{Tenant{Limits: []Limit{{Post, User, 3651, day}}}, "takes more than"},
		{Tenant{Limits: []Limit{{Post, User, 200_000, day}}}, "takes more than"},
		{Tenant{UserHarm: 1_000_000, Forgive: day}, "takes more than"},
	} {
		c.tenant.Name = "shop"
		err := (&Config{Port: "1", Tenants: []Tenant{c.tenant}}).Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.tenant, err, c.want)
		}
	}
}
