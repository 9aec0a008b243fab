package checks

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// TestEveryCheckHasWordsForPeople reads the sources: a check without them would be named in a report, and not explained.
func TestEveryCheckHasWordsForPeople(t *testing.T) {
	named := regexp.MustCompile(`(?:reports\.Check\{\{?Name: |check\.Name = )"([a-z-]+)"`)
	found := 0
	for _, pattern := range []string{"*.go", "../*.go", "../runner/*.go", "../live/*.go", "../command/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range named.FindAllSubmatch(text, -1) {
				if name := string(match[1]); name != "judging" && regexp.MustCompile(`_test\.go$`).FindString(file) == "" {
					if found++; reports.Meaning(name) == "" {
						t.Errorf("%s: nobody says what it means that the check %s fails", file, name)
					}
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d checks were found in the sources", found)
	}
}

// TestAFailedCheckSaysWhoWasDoneWrong, how often, when, and since when that had been promised.
func TestAFailedCheckSaysWhoWasDoneWrong(t *testing.T) {
	s := func(n int) time.Duration { return time.Duration(n) * time.Second }
	put := history.Operation{Client: 1, Kind: history.Write, Key: "k", Value: "a", Call: s(1), Return: s(2), Outcome: history.OK}
	misses := func(client, at int) history.Operation {
		return history.Operation{Client: client, Kind: history.Read, Key: "k", Call: s(at), Return: s(at + 1), Outcome: history.OK}
	}
	slow := misses(4, 20)
	slow.Return = s(29)
	stranger := func(client, at int) history.Operation {
		return history.Operation{Client: client, Kind: history.Use, Key: "ann", Use: &history.Visit{Action: "profile", User: "ann", As: "bob"},
			Call: s(at), Return: s(at + 1), Outcome: history.OK}
	}
	users := func(lines ...string) (h history.History) {
		for n, line := range lines {
			o := use(t, line)
			o.Client = n + 1
			h = append(h, o)
		}
		return h
	}
	ann, post := "1 2 ok register ann", "3 4 ok post ann id=p1"
	for _, c := range []struct {
		name string
		got  reports.Check
		want reports.Harm
	}{
		{"durable", Durable(history.History{put, misses(2, 10), misses(3, 12), misses(2, 14)}, s(9), 1),
			reports.Harm{Clients: 2, Times: 3, First: 11e9, Last: 15e9, Promised: 2e9}},
		{"linearizable", Linearizable(history.History{put, misses(2, 10), misses(3, 12)}, 1, 1e6), reports.Harm{Clients: 1, Times: 1, First: 11e9, Last: 11e9}},
		{"live", Live(history.History{put, slow}, Liveness{From: s(9), To: s(40), Within: s(2), SharePPM: 1e6, Minimum: 1}),
			reports.Harm{Clients: 1, Times: 1, First: 29e9, Last: 29e9}},
		{"kept", Kept(users(ann, post, "60 61 ok profile ann by=bob fresh"), s(50), 1), reports.Harm{Clients: 1, Times: 1, First: 61e9, Last: 61e9, Promised: 4e9}},
		{"kept", Kept(users(ann, post, "10 11 ok timeline bob wrong=ann/p1", "60 61 ok profile ann by=bob seen=p1 fresh", "62 63 ok timeline eve wrong=ann/p1"), s(50), 1),
			reports.Harm{Clients: 1, Times: 2, First: 11e9, Last: 63e9, Promised: 4e9}},
		{"bounded", Bounded(users(ann, post, "10 11 ok profile ann by=bob", "12 13 ok profile ann by=eve"), s(2), false, 1),
			reports.Harm{Clients: 2, Times: 2, First: 11e9, Last: 13e9}},
		{"jobs", Jobs(users(ann, "60 61 ok profile ann fresh"), s(50), s(10), 1), reports.Harm{Clients: 1, Times: 1, First: 50e9, Last: 50e9, Promised: 2e9}},
		{"sessions", Sessions(history.History{stranger(5, 10), stranger(6, 11)}, 1), reports.Harm{Clients: 2, Times: 2, First: 11e9, Last: 12e9}},
	} {
		if c.got.Status != reports.Fail || c.got.Harm == nil || *c.got.Harm != c.want {
			t.Errorf("%s: %s, %+v, want %+v", c.name, c.got.Status, c.got.Harm, c.want)
		}
	}
	if c := Durable(history.History{put}, s(9), 1); c.Harm != nil {
		t.Errorf("nobody was done wrong, and %+v was", c.Harm)
	}
}

// TestARushIsSeen when it begins, and not when a crowd has been there all the time.
func TestARushIsSeen(t *testing.T) {
	for name, c := range map[string]struct{ usual, then, want int }{"a crowd comes": {4, 40, 10}, "a crowd stays": {40, 40, 0}, "few come": {1, 5, 0}} {
		var h history.History
		for second := range 30 {
			n, outcome := c.usual, history.OK
			if second >= 20 {
				n, outcome = c.then, history.Failed
			}
			for i := range n {
				at := time.Duration(second)*time.Second + time.Duration(i)*time.Millisecond
				h = append(h, history.Operation{Client: i, Kind: history.Read, Key: "k", Call: at, Return: at, Outcome: outcome})
			}
		}
		i := Impact(h, 0, time.Second)
		if len(i.Stretches) != 1 || i.Stretches[0].Rush != c.want || i.Until != 30e9 {
			t.Errorf("%s: %+v, want a rush of %d, and nobody after 30 s", name, i, c.want)
		}
	}
}
