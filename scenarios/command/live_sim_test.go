package command

import (
	"testing"

	"picloud/reports"
)

func TestTheWorseOfTwoVerdicts(t *testing.T) {
	order := []reports.Status{reports.Pass, reports.Inconclusive, reports.Fail} // from good to bad
	for i, a := range order {
		for k, b := range order {
			if got, want := worse(a, b), order[max(i, k)]; got != want {
				t.Errorf("the worse of %s and %s is %s", a, b, got)
			}
		}
	}
}
