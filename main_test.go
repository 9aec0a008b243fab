package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"picloud/scenarios/command"
)

// TestBadInputIsSaidInOneSentence gives each command what it cannot take. Nothing may be written.
func TestBadInputIsSaidInOneSentence(t *testing.T) {
	example, err := os.ReadFile("scenarios/example/notebook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	scenario := func(name, old, new string) string {
		text := strings.Replace(string(example), "./bin/notebook", "first-cloud-node", 1)
		changed := strings.Replace(text, old, new, 1)
		if changed == text {
			t.Fatalf("%s: there is no %q", name, old)
		}
		return write(t, name+".yaml", changed)
	}
	write(t, "nothing.yaml", "")
	write(t, "plain", "#!/bin/sh\n")
	write(t, "words.txt", "1s +2s kill machine=pi-1\nsoon something\n")
	write(t, "nobody.txt", "1.000s +2.000s kill machine=pi-9\n")
	write(t, "late.txt", "39.000s +2.000s kill machine=pi-1\n")
	good := scenario("good", "notebook", "good")
	cases := []struct{ args, want string }{
		{"", ""},
		{"simm", `unknown command "simm"`},
		{"sim -seeed 1", "-seeed"},
		{"sim -seed minus", `"minus"`},
		{"sim 7", "takes 0 arguments"},
		{"sim -scenario first-clod", `there is no scenario "first-clod" (did you mean "first-cloud"?)`},
		{"sim -scenario missing.yaml", "missing.yaml"},
		{"sim -scenario nothing.yaml", "nothing.yaml"},
		{"sim -scenario " + scenario("key", "liveness:", "livenes:"), "key.yaml:4:"},
		{"sim -scenario " + scenario("unit", "duration: 40s", "duration: 40"), "unit.yaml:3:"},
		{"sim -scenario " + scenario("kind", "    kill: 8s", "    kil: 8s"), "unknown fault kind"},
		{"sim -scenario " + scenario("switch", "program: first-cloud-node, switch: shelf-1", "program: first-cloud-node, switch: shelf-2"), "switch.yaml:9: "},
		{"sim -scenario " + scenario("twice", "{name: client-1", "{name: pi-1"), "pi-1 stands twice"},
		{"sim -scenario " + scenario("cores", "cores: 4", "cores: 0"), "0 cores"},
		{"sim -scenario " + scenario("card", "sd-good", "sd-god"), `unknown card "sd-god"`},
		{"sim -scenario " + scenario("program", "first-cloud-node", "first-cloud-nod"), `unknown program "first-cloud-nod"`},
		{"sim -scenario " + scenario("args", "first-cloud-node,", "first-cloud-node, args: [x],"), "takes no args"},
		{"sim -scenario " + scenario("path", "first-cloud-node", "./absent"), "./absent"},
		{"sim -scenario " + scenario("shell", "first-cloud-node", "./plain"), "./plain"},
		{"sim -scenario " + good + " -schedule absent.txt", "absent.txt"},
		{"sim -scenario " + good + " -schedule words.txt", "words.txt:"},
		{"sim -scenario " + good + " -schedule nobody.txt", "pi-9"},
		{"sim -scenario " + good + " -schedule late.txt", "everything must be healed at 25s"},
		{"scenarios first-clod", `there is no scenario "first-clod" (did you mean "first-cloud"?)`},
		{"scenarios -text", "-text needs the NAME"},
		{"scenarios a b", "takes one argument"},
		{"sweep -seeds 9-1", "the seeds 9-1 go down"},
		{"sweep -scenario nowhere", `"nowhere"`},
		{"sweep -shard 0/4", `like 2/4, not "0/4"`},
		{"sweep -shard 5/4", `like 2/4, not "5/4"`},
		{"sweep -shard 4", `like 2/4, not "4"`},
		{"sweep -seeds 1 -scenario quiet -shard 2/2", "is empty"},
		{"sweep -compare absent", "no sweep of pinboard has ended in absent"},
		{"soak -minutes 0", "-minutes is 1 to 1000000"},
		{"soak -tiers map,stoer", `there is no tier "stoer" (did you mean "store"?)`},
		{"defences -only hung-pie", `there is no scenario "hung-pie" (did you mean "hung-pi"?)`},
		{"hw -board raspberry", `board.kind: "raspberry" is none of auto, none, pi`},
		{"hw -every 1s", "-every is how often -watch prints"},
		{"hw -config absent.yaml", "absent.yaml"},
		{"alerts -at 127.0.0.1:1", "ask the monitor"},
		{"health -at 127.0.0.1:1", "ask the node"},
		{"health -forgive nowhere.yaml", "nowhere.yaml"},
		{"alerts -runbook NodeDwon", `there is no alert "NodeDwon" (did you mean "NodeDown"?)`},
		{"alerts -nodes pi-1", "-nodes says what is in the files of -export"},
		{"alerts -export x -nodes pi-1", `"pi-1" is not NAME=HOST:PORT`},
		{"chaos run -radius -2 late.txt", "-radius is a number of nodes, or -1, not -2"},
		{"replay", "takes 1 arguments"},
		{"replay absent", "absent"},
		{"judge absent", "absent"},
		{"shrink", "takes 1 arguments"},
		{"shrink absent", "absent"},
		{"shrink -scenario " + good, "-seed"},
		{"shrink -scenario " + good + " -seed 1 out", "takes 0 arguments"},
		{"shrink -scenario " + good + " -seed 1 -runs 0", "at least 1"},
		{"shrink -scenario " + good + " -seed 1 -program nowhere", "nowhere"},
		{"cause absent", "absent"},
		{"cause -seeds 0 absent", "at least 1"},
		{"museum -only louvre", `"louvre"`},
		{"mutants -only x-men", `"x-men"`},
		{"mutants -seeds 0", "-seeds is 1 to 1000000"},
		{"mutants -hunts 0", "-hunts is at least 1"},
		{"museum -cuts -1", "not negative"},
		{"bench-sim -seconds 0", "at least a second"},
		{"abuse-score -block 0", "1 to 20000 ppm"},
		{"abuse-score -corpus absent.tsv", "absent.tsv"},
		{"abuse-score -corpus " + write(t, "mails.tsv", "ham\thello\nspma\tbuy\n"), "mails.tsv:2:"},
		{"build a b", "one argument"},
		{"program nothing {}", `unknown program "nothing"`},
		{"program", "takes 2 arguments"},
	}
	before := files(t)
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			said, status := run(t, strings.Fields(c.args)...)
			if status != int(command.BadInput) {
				t.Errorf("status %d: %s", status, said)
			}
			if !strings.Contains(said, c.want) || c.want != "" && strings.Count(said, "\n") != 1 {
				t.Errorf("it said %q, want one line with %q", said, c.want)
			}
			if after := files(t); after != before {
				t.Errorf("it left files:\n%s\nbefore\n%s", after, before)
			}
		})
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		for _, h := range []string{"-h", "--help"} {
			said, status := run(t, c.name, h)
			if status != 0 || strings.Count(said, "usage: ") != 1 || !strings.Contains(said, "\nExample") {
				t.Errorf("picloud %s %s: status %d, and it says %s", c.name, h, status, said)
			}
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// files lists all files and folders below this one.
func files(t *testing.T) string {
	t.Helper()
	var all []string
	err := filepath.Walk(".", func(path string, _ os.FileInfo, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// run runs a command and returns what it wrote, and its status.
func run(t *testing.T, args ...string) (said string, status int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	status = dispatch(context.Background(), args)
	os.Stdout, os.Stderr = stdout, stderr
	w.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), status
}
