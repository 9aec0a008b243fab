package checks

import (
	"strings"
	"testing"

	"picloud/reports"
)

func TestUntouched(t *testing.T) {
	const (
		begins = `1.000000000 pi-1#1 {"msg":"health looks after the node"}` + "\n"
		fan    = `2.000000000 pi-1#1 {"msg":"health acts","action":"fan","rule":"fan-30"}` + "\n"
		cycle  = `3.500000000 pi-1#1 {"msg":"health acts","action":"cycle","subject":"pi-2","rule":"hung"}` + "\n"
	)
	for _, c := range []struct {
		log    string
		status reports.Status
		detail string
	}{
		{begins + fan, reports.Pass, "1 nodes looked after their health and did nothing"},
		{begins + cycle, reports.Fail, "pi-1#1 did cycle pi-2 at 3.500s, by the rule hung"},
		{begins + cycle + cycle, reports.Fail, "by the rule hung; 2 deeds in all"},
		{"", reports.Inconclusive, "no node looked after its health"},
	} {
		if got := Untouched([]byte(c.log)); got.Status != c.status || !strings.Contains(got.Detail, c.detail) {
			t.Errorf("%q: %+v", c.log, got)
		}
	}
}
