package checks

import (
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

func TestALossMustBeSaid(t *testing.T) {
	const (
		lost   = `20s pi-1#2 {"msg":"the disk is damaged, and the node cannot leave its groups yet","why":"a sum"}` + "\n"
		other  = `22s pi-2#2 {"msg":"the disk is damaged, and the node cannot leave its groups yet","why":"a sum"}` + "\n"
		mended = `25s pi-1#2 {"msg":"the disk was damaged: all is thrown away, and comes again from others"}` + "\n"
	)
	op := func(at time.Duration, outcome history.Outcome, why string) history.Operation {
		return history.Operation{Kind: history.Read, Key: "k", Call: at, Return: at + time.Millisecond, Outcome: outcome, Error: why}
	}
	ok := op(50*time.Second, history.OK, "")
	said := op(50*time.Second, history.Failed, "use the copy of pi-1: it is damaged (lost)")
	database := op(50*time.Second, history.Failed, `status 500: {"error":{"kind":"lost"}}`)
	early := op(25*time.Second, history.Unknown, "context deadline exceeded")
	silent := op(50*time.Second, history.Unknown, "context deadline exceeded")
	alarm := []reports.Alert{{Name: "StoreGroupWithoutLeader", From: reports.Seconds(24 * time.Second), To: reports.Seconds(70 * time.Second)}}
	tests := []struct {
		log    string
		h      history.History
		alerts []reports.Alert
		want   reports.Status
		detail string
	}{
		{"", history.History{ok, silent}, nil, reports.Inconclusive, "no copy was lost for good"},
		{lost + mended, history.History{ok, silent}, nil, reports.Inconclusive, "no copy was lost for good"},
		{lost, history.History{ok, said, database, early}, alarm, reports.Pass, "1 operations succeeded, 2 said that what they ask for is lost, and 0 failed otherwise; StoreGroupWithoutLeader fires from 24"},
		{lost + other + mended, history.History{said, database}, alarm, reports.Pass, "pi-2 has lost its copy since 22"},
		{lost, history.History{said, database, silent}, alarm, reports.Fail, "1 of 3 operations that failed do not say that what they ask for is lost, and 950000 ppm of them are to; client 0"},
		{lost, history.History{said, database}, nil, reports.Fail, "no alert StoreGroupWithoutLeader fired in time; pi-1 has lost its copy since 20"},
		{lost, history.History{said}, alarm, reports.Inconclusive, "2 must say it"},
	}
	for _, test := range tests {
		c := Lost(test.h, []byte(test.log), test.alerts, Loss{Within: 20 * time.Second, SharePPM: 950_000, Minimum: 2, Alert: "StoreGroupWithoutLeader"})
		if c.Status != test.want || !strings.Contains(c.Detail, test.detail) {
			t.Errorf("%s\nis %s: %s\nwant %s: %s", test.log, c.Status, c.Detail, test.want, test.detail)
		}
	}
}

// TestALossThatWasNotSaidIsKnownByItsReason, and not by who lost what.
func TestALossThatWasNotSaidIsKnownByItsReason(t *testing.T) {
	log := []byte(`20s pi-1#2 {"msg":"the disk is damaged, and the node cannot leave its groups yet"}` + "\n")
	op := func(why string) history.Operation {
		return history.Operation{Kind: history.Read, Key: "k", Call: 50 * time.Second, Return: 51 * time.Second, Outcome: history.Failed, Error: why}
	}
	for why, want := range map[string]string{
		"no leader": "# of # operations that failed do not say that what they ask for is lost,",
		"(lost)":    "no alert NodeDown fired in time",
	} {
		c := Lost(history.History{op(why)}, log, nil, Loss{Within: 20 * time.Second, SharePPM: 950_000, Alert: "NodeDown"})
		if got := reports.Signature(&c); c.Status != reports.Fail || got != want {
			t.Errorf("%s: %s, known by %q, want %q", why, c.Status, got, want)
		}
	}
}
