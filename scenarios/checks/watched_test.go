package checks

import (
	"strings"
	"testing"

	"picloud/reports"
	"picloud/scenarios/history"
)

// tell makes events from texts of revision, key and value.
func tell(watcher string, events ...string) (all []Told) {
	for _, e := range events {
		fields := strings.Fields(e)
		revision := uint64(fields[0][0] - '0')
		all = append(all, Told{Watcher: watcher, Partition: "p", Revision: revision, Key: fields[1], Value: fields[2]})
	}
	return all
}

func TestWatchersAreToldEverythingOnceAndInOrder(t *testing.T) {
	read := history.History{txn(1, 2, history.OK, "p/a=1,2 p/b=9")}
	all := []string{"1 p/a 1", "3 p/b 9", "4 p/a 1,2"}
	for _, test := range []struct {
		name string
		told []Told
		want reports.Status
		says string
	}{
		{"all of it", append(tell("x", all...), tell("y", all...)...), reports.Pass, ""},
		{"two lists in one revision", tell("x", "1 p/a 1", "3 p/b 9", "3 p/a 1,2"), reports.Pass, ""},
		{"twice", tell("x", "1 p/a 1", "1 p/a 1"), reports.Fail, "comes after revision 1"},
		{"out of order", tell("x", "3 p/b 9", "1 p/a 1"), reports.Fail, "comes after revision 3"},
		{"a gap", tell("x", "3 p/b 9", "4 p/a 1,2"), reports.Fail, "was [], and next, at revision 4, it is [1,2]"},
		{"another list", tell("x", "1 p/a 1", "2 p/a 7,2"), reports.Fail, "was [1]"},
		{"an element that begins like the last", tell("x", "1 p/a 1", "2 p/a 12"), reports.Fail, "was [1]"},
		{"an element that nobody read", tell("x", "1 p/a 7", "3 p/b 9", "4 p/a 7,2"), reports.Fail, "the last that was told of it is [7,2]"},
		{"the end", tell("x", all[:2]...), reports.Fail, "the last that was told of it is [1]"},
		{"nothing of what it watches", append(tell("y", all...), Told{Watcher: "x", Partition: "p"}), reports.Fail, "the last that was told of it is []"},
		{"nothing", nil, reports.Inconclusive, ""},
	} {
		c := Watched(test.told, read, 1)
		if c.Status != test.want || !strings.Contains(c.Detail, test.says) {
			t.Errorf("%s: %s, %s", test.name, c.Status, c.Detail)
		}
	}
}
