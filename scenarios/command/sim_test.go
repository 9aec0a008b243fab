package command

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/node/mutant"
	"picloud/scenarios"
)

// TestALogIsTakenAsItIsOrCompressed, and one that cannot be read is refused with its name, and its line if there is one.
func TestALogIsTakenAsItIsOrCompressed(t *testing.T) {
	const line = `203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 20` + "\n"
	folder := t.TempDir()
	for _, c := range []struct{ scenario, file, text, want string }{
		{"access-log", "plain.log", line, ""},
		{"access-log", "packed.log.gz", line, ""},
		{"access-log", "cut.log", line + line[:60], "cut.log:2: the request does not end"},
		{"access-log", "cut.log.gz", line + line[:60], "cut.log.gz:2: the request does not end"},
		{"access-log", "missing.log", "", "missing.log: no such file or directory"},
		{"quiet", "plain.log", line, "plain.log: the scenario quiet replays no log"},
	} {
		name := filepath.Join(folder, c.file)
		if c.text != "" {
			write(t, name, c.text)
		}
		s, err := scenarios.Load(c.scenario)
		if err != nil {
			t.Fatal(err)
		}
		switch err := useLog(s, name); {
		case err == nil && c.want == "":
			if s.Users.Replay.Packed == "" {
				t.Errorf("%s is not what is replayed", c.file)
			}
		case err == nil, c.want == "", !strings.HasSuffix(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
}

// TestTheCommandThatRepeatsARunSaysAllThatMakesIt: what is left out would make another one.
func TestTheCommandThatRepeatsARunSaysAllThatMakesIt(t *testing.T) {
	for _, c := range []struct {
		planted                      mutant.Name
		without, schedule, log, want string
	}{
		{"", "", "", "", "make sim SEED=7 SCENARIO=quiet"},
		{"", "health", "", "", "make sim SEED=7 SCENARIO=quiet WITHOUT=health"},
		{"", "", "faults.txt", "", "make sim SEED=7 SCENARIO=quiet SCHEDULE=faults.txt"},
		{"", "health", "faults.txt", "access.log", "make sim SEED=7 SCENARIO=quiet WITHOUT=health SCHEDULE=faults.txt LOG=access.log"},
		{mutant.StaleRead, "health", "faults.txt", "", ".cache/mutants/stale-read sim -seed 7 -scenario quiet -without health -schedule faults.txt"},
		{"", "health", "my faults.txt", "", "bin/picloud sim -seed 7 -scenario quiet -without health -schedule 'my faults.txt'"}, // make would take it apart
		{mutant.StaleRead, "", "", "my access.log", ".cache/mutants/stale-read sim -seed 7 -scenario quiet -log 'my access.log'"},
	} {
		if got := repeat(c.planted, 7, "quiet", c.without, c.schedule, c.log); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(text), "\nsim: ")
	recipe, _, _ = strings.Cut(recipe, "\n\n")
	for variable, flag := range map[string]string{"SEED": "-seed", "SCENARIO": "-scenario", "WITHOUT": "-without", "SCHEDULE": "-schedule", "LOG": "-log"} {
		if !strings.Contains(recipe, "$(if $("+variable+"),"+flag+" $("+variable+"))") {
			t.Errorf("make sim does not take %s", variable)
		}
	}
}

// write writes a file, compressed if its name says so.
func write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !strings.HasSuffix(name, ".gz") {
		_, err = f.WriteString(text)
	} else {
		z := gzip.NewWriter(f)
		if _, err = z.Write([]byte(text)); err == nil {
			err = z.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
