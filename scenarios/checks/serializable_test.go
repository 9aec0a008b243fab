package checks

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"picloud/reports"
	"picloud/scenarios/history"
)

// txn makes a transaction from a text: "a=1,2 b+3" reads [1 2] of a and appends 3 to b; "a=" reads nothing.
func txn(call, ret int, outcome history.Outcome, text string) history.Operation {
	o := history.Operation{Client: call, Kind: history.Txn, Key: "p", Call: time.Duration(call), Return: time.Duration(ret), Outcome: outcome}
	for _, field := range strings.Fields(text) {
		if key, element, is := strings.Cut(field, "+"); is {
			o.Steps = append(o.Steps, history.Step{Key: key, Append: element})
			continue
		}
		key, list, _ := strings.Cut(field, "=")
		s := history.Step{Key: key}
		if list != "" {
			s.Read = strings.Split(list, ",")
		}
		o.Steps = append(o.Steps, s)
	}
	return o
}

func TestTransactionsAreJudgedByWhatTheyRead(t *testing.T) {
	const ok, failed, unknown = history.OK, history.Failed, history.Unknown
	for _, test := range []struct {
		name string
		h    history.History
		want reports.Status
		says string
	}{
		{"one after the other", history.History{txn(1, 2, ok, "a+1"), txn(3, 4, ok, "a=1 a+2"), txn(5, 6, ok, "a=1,2")}, reports.Pass, ""},
		{"side by side", history.History{txn(1, 9, ok, "a+1"), txn(2, 8, ok, "a="), txn(3, 7, ok, "a=1")}, reports.Pass, ""},
		{"a stale read", history.History{txn(1, 2, ok, "a+1"), txn(3, 4, ok, "a="), txn(5, 6, ok, "a=1")}, reports.Fail, "no order is possible"},
		{"a lost append", history.History{txn(1, 2, ok, "a+1"), txn(3, 4, ok, "a=")}, reports.Fail, "no order is possible"},
		{"a lost update", history.History{txn(1, 9, ok, "a= a+1"), txn(2, 8, ok, "a= a+2"), txn(10, 11, ok, "a=1,2")}, reports.Fail, "no order is possible"},
		{"write skew", history.History{txn(1, 9, ok, "a= b+1"), txn(2, 8, ok, "b= a+2"), txn(10, 11, ok, "a=2 b=1")}, reports.Fail, "no order is possible"},
		{"a torn read", history.History{txn(1, 9, ok, "a+1 b+2"), txn(2, 8, ok, "a=1 b=")}, reports.Fail, "no order is possible"},
		{"one half of an unknown one", history.History{txn(1, 2, unknown, "a+1 b+2"), txn(3, 4, ok, "a=1 b=")}, reports.Fail, "no order is possible"},
		{"both halves of an unknown one", history.History{txn(1, 2, unknown, "a+1 b+2"), txn(3, 4, ok, "a= b="), txn(5, 6, ok, "a=1 b=2")}, reports.Pass, ""},
		{"two orders", history.History{txn(1, 2, ok, "a+1"), txn(1, 3, ok, "a+2"), txn(4, 5, ok, "a=1,2"), txn(6, 7, ok, "a=2")}, reports.Fail, "is not a beginning"},
		{"twice", history.History{txn(1, 2, ok, "a+1"), txn(4, 5, ok, "a=1,1")}, reports.Fail, "twice"},
		{"from nowhere", history.History{txn(4, 5, ok, "a=7")}, reports.Fail, "nobody appended"},
		{"what it appended afterwards", history.History{txn(1, 2, ok, "a=1 a+1")}, reports.Fail, "read what it appended afterwards"},
		{"a failed one", history.History{txn(1, 2, failed, "a+1"), txn(4, 5, ok, "a=1")}, reports.Fail, "that failed"},
		{"an unknown one, seen late", history.History{txn(1, 2, unknown, "a+1"), txn(4, 5, ok, "a="), txn(6, 7, ok, "a=1")}, reports.Pass, ""},
		{"an unknown one, seen and gone", history.History{txn(1, 2, unknown, "a+1"), txn(4, 5, ok, "a=1"), txn(6, 7, ok, "a=")}, reports.Fail, "no order is possible"},
		{"an unknown one, never seen", history.History{txn(1, 2, unknown, "a+1"), txn(4, 5, ok, "a=")}, reports.Pass, ""},
	} {
		for i := range test.h {
			if err := test.h[i].Validate(); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		c := Serializable(test.h, 1)
		if c.Status != test.want || !strings.Contains(c.Detail, test.says) {
			t.Errorf("%s: %s, %s", test.name, c.Status, c.Detail)
		}
	}
	if c := Serializable(nil, 1); c.Status != reports.Inconclusive {
		t.Errorf("nothing to judge: %s", c.Status)
	}
}

// TestWhatHappenedInOneOrderIsSerializable makes histories of transactions that take effect at an instant
// between call and return.
func TestWhatHappenedInOneOrderIsSerializable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := map[string][]string{}
		var h history.History
		for i := range rapid.IntRange(1, 30).Draw(t, "transactions") {
			at := 100 + 10*i
			o := txn(at-rapid.IntRange(0, 60).Draw(t, "early"), at+rapid.IntRange(0, 60).Draw(t, "late"), history.OK, "")
			o.Outcome = rapid.SampledFrom([]history.Outcome{history.OK, history.OK, history.Unknown, history.Failed}).Draw(t, "outcome")
			effect := o.Outcome == history.OK || o.Outcome == history.Unknown && rapid.Bool().Draw(t, "effect")
			for _, key := range []string{"a", "b"} {
				if read := rapid.IntRange(0, 2).Draw(t, "read"); read > 0 {
					s := history.Step{Key: key}
					if o.Outcome == history.OK {
						s.Read = slices.Clone(state[key])
					}
					o.Steps = append(o.Steps, s)
				}
				if rapid.Bool().Draw(t, "append") {
					element := fmt.Sprint(i)
					o.Steps = append(o.Steps, history.Step{Key: key, Append: element})
					if effect {
						state[key] = append(state[key], element)
					}
				}
			}
			if len(o.Steps) > 0 {
				h = append(h, o)
			}
		}
		if c := Serializable(h, 0); c.Status != reports.Pass {
			t.Fatalf("%s: %s", c.Status, c.Detail)
		}
	})
}
