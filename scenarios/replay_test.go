package scenarios

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"picloud/scenarios/accesslog"
	"picloud/scenarios/users"
)

// replayed is what comes to a scenario's machine for a log.
func replayed(t *testing.T, s *Scenario, seed uint64) []users.Errand {
	t.Helper()
	packed, err := s.ReplayOn(s.Users.Replay.Machine, streams(seed))
	if err != nil {
		t.Fatal(err)
	}
	errands, err := packed.Errands()
	if err != nil {
		t.Fatal(err)
	}
	return errands
}

// TestALogIsMadeFromTheSeed: the same one for the same seed, all of it within its part of the run.
func TestALogIsMadeFromTheSeed(t *testing.T) {
	s, err := Load("access-log")
	if err != nil {
		t.Fatal(err)
	}
	r := s.Users.Replay
	errands := replayed(t, s, 1)
	if first, last := errands[0].At, errands[len(errands)-1].At; len(errands) != r.Shape.Requests || first < time.Duration(r.Start) || last >= time.Duration(r.End) {
		t.Errorf("%d errands from %s to %s", len(errands), first, last)
	}
	if !slices.Equal(errands, replayed(t, s, 1)) || slices.Equal(errands, replayed(t, s, 2)) {
		t.Error("the seed does not decide what is made")
	}
	if other, err := s.ReplayOn("pi-1", streams(1)); other != nil || err != nil {
		t.Errorf("another machine replays %d bytes: %v", len(other), err)
	}
}

// TestAScenarioReplaysOnesOwnLog, whatever the seed, and its file then says all of it that a run needs, and no address.
func TestAScenarioReplaysOnesOwnLog(t *testing.T) {
	s, err := Load("access-log")
	if err != nil {
		t.Fatal(err)
	}
	const text = `203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /private-page/ HTTP/1.1" 200 20
203.0.113.8 - - [17/May/2015:10:05:05 +0000] "POST /private-page/ HTTP/1.1" 201 20
203.0.113.9 - - [17/May/2015:10:05:06 +0000] "GET /a.png HTTP/1.1" 200 20
`
	log, err := accesslog.Parse("log", strings.NewReader(text))
	if err == nil {
		err = s.UseLog(log)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []users.Errand{{At: 15 * time.Second, Client: 0, Kind: users.ErrandProfile}, {At: 45 * time.Second, Client: 1, Kind: users.ErrandPost},
		{At: 60 * time.Second, Client: 0, Kind: users.ErrandThumb}}
	for _, seed := range []uint64{1, 2} {
		got := replayed(t, s, seed)
		for i := range got {
			got[i].Who = 0
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %v, want %v", seed, got, want)
		}
	}
	again, err := Parse("again.yaml", s.Text())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(replayed(t, again, 3), replayed(t, s, 1)) {
		t.Error("the file that was written says something else")
	}
	if bytes.Contains(s.Text(), []byte("203.0")) || bytes.Contains(s.Text(), []byte("private")) {
		t.Error("the file says whose log it was")
	}
	if other, err := Load("quiet"); err != nil || other.UseLog(log) == nil {
		t.Errorf("a scenario that replays nothing takes a log: %v", err)
	}
}

func TestAMistakeAboutAReplayIsFound(t *testing.T) {
	text, err := files.ReadFile("access-log.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"    machine: home-1", "    machine: home-2", `users.replay.machine: "home-2" is not the one machine on which users are (did you mean "home-1"?)`},
		{"    end: 75s", "    end: 10s", "users.replay: a log that is replayed from 15s to 10s does not fit into a run of 2m10s"},
		{"    end: 75s", "    end: 175s", "users.replay: a log that is replayed from 15s to 2m55s does not fit into a run of 2m10s"},
		{"    end: 75s", "    end: 75s\n    packed: abc=", "users.replay: there is the shape of a log or a packed one, one of both"},
		{"    shape: {requests: 4000, clients: 600, crawlers: 4, probers: 4, crowds: 3}", "    packed: nonsense", "users.replay.packed: users: a replay is not errands as they are packed"},
		{"requests: 4000", "requests: 0", "users.replay.shape: a log has 1 to 1000000 requests of 1 to 100000 clients"},
		{"crawlers: 4", "crawler: 4", `unknown key "crawler" (did you mean "crawlers"?)`},
	} {
		if !strings.Contains(string(text), test.old) {
			t.Fatalf("there is no %q", test.old)
		}
		_, err := Parse("file.yaml", []byte(strings.Replace(string(text), test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.new, err, test.want)
		}
	}
}
