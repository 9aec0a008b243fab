package command

import (
	"strings"
	"testing"
	"time"

	"picloud/node/proof"
)

func TestFindingsAreShown(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		findings []proof.Finding
		want     string
	}{
		{nil, "no processor was seen computing wrongly\n"},
		{[]proof.Finding{
			{Node: "pi-5", Core: 2, Operation: "sha256", State: proof.Condemned, Batch: "week-20", First: at.UnixMilli(), Last: at.Add(time.Minute).UnixMilli(), Times: 1,
				Retests: 1000, Wrong: 998, By: "exam", Message: "0011223344556677", Length: 55, Got: "aa", Want: "ab"},
			{Node: "pi-6", Core: -1, Operation: "sha256", State: proof.Suspected, Batch: "week-20", First: at.UnixMilli(), Last: at.UnixMilli(), Times: 1, Retests: 1000, By: "sample", Length: 43},
		}, `NODE  BATCH    CORE       OPERATION  STATE      SINCE                LAST                 TIMES  WRONG        FOUND BY  EVIDENCE
pi-5  week-20  2          sha256     condemned  2026-03-01 12:00:00  2026-03-01 12:01:00  1      998 of 1000  exam      55 bytes 0011223344556677 hash to aa, not ab
pi-6  week-20  not known  sha256     suspected  2026-03-01 12:00:00  2026-03-01 12:00:00  1      0 of 1000    sample    43 bytes  hash to , not 
`},
	} {
		var b strings.Builder
		if err := printFindings(&b, c.findings); err != nil || b.String() != c.want {
			t.Errorf("%v\n%s\nnot\n%s", err, b.String(), c.want)
		}
	}
}
