package checks

import (
	"strings"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

func TestAdmittedFindsWhoIsLockedOut(t *testing.T) {
	const final = 50 * time.Second
	registered := []string{"1 2 ok register ann by=", "3 4 ok register ben by=", "5 6 ok register cat by="}
	in := []string{"51 52 ok return ann by=", "51 52 ok return ben by="}
	for _, story := range []struct {
		name  string
		lines []string
		asked int // at most
		want  reports.Status
		says  string
	}{
		{"all are let in", append(in, "51 52 ok return cat by="), -1, reports.Pass, "3 users were let in at the end; 0 more"},
		{"one is not", append(in, "51 52 ok return cat by= status=401"), -1, reports.Fail, "1 of 3 users are locked out: cat"},
		{"one is asked, and has chosen another", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403", "53 54 ok reset cat by="), -1, reports.Pass, "1 more had been asked to choose another password, and 1 of them did"},
		{"one is asked, and has not come to it", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403"), -1, reports.Inconclusive, "got no answer to that"},
		{"one is asked too many", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403"), 0, reports.Fail, "at most 0 may"},
		{"one is asked and let in with the old one", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by="), 0, reports.Pass, "3 users were let in"},
		{"one is to be asked, and no mail comes", append(in, "51 52 ok return cat by= status=403"), -1, reports.Fail, "was not asked"},
		{"the link does not work", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403", "53 54 ok reset cat by= status=401"), -1, reports.Fail, "and could not"},
		{"the link is answered with errors", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403", "53 54 unknown reset cat by= status=500"), -1, reports.Inconclusive, "cat was asked to choose another password, and got no answer to that"},
		{"the link works in the end", append(in, "30 30 ok reset-mail cat", "51 52 ok return cat by= status=403", "53 54 unknown reset cat by=", "55 56 ok reset cat by="), -1, reports.Pass, "and 1 of them did"},
		{"one was refused before all was well", append(in, "20 21 ok return cat by= status=401", "51 52 ok return cat by="), -1, reports.Pass, "3 users"},
		{"one does not come back", in, -1, reports.Inconclusive, "cat did not try"},
		{"one has left", append(in, "20 21 ok leave cat"), -1, reports.Pass, "2 users"},
		{"one got no answer at the end", append(in, "51 52 unknown return cat by="), -1, reports.Inconclusive, "cat did not try"},
	} {
		var h history.History
		for _, line := range append(append([]string{}, registered...), story.lines...) {
			h = append(h, use(t, line))
		}
		c := Admitted(h, final, 2, story.asked)
		if c.Status != story.want || !strings.Contains(c.Detail, story.says) {
			t.Errorf("%s: %s: %s", story.name, c.Status, c.Detail)
		}
	}
}

// TestAdmittedSaysWhoIsLockedOut, which is not who tried the door.
func TestAdmittedSaysWhoIsLockedOut(t *testing.T) {
	var h history.History
	for i, line := range []string{"1 2 ok register ann by=", "3 4 ok register ben by=", "51 52 ok return ann by= status=401", "53 54 ok return ben by= status=401"} {
		o := use(t, line)
		o.Client = min(i, 2)
		h = append(h, o)
	}
	if c := Admitted(h, 50*time.Second, 1, -1); c.Harm == nil || c.Harm.Clients != 2 || c.Harm.Times != 2 {
		t.Errorf("client 2 looked after clients 0 and 1, and the harm is %+v", c.Harm)
	}
}
