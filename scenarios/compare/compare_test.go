package compare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/scenarios/compare/load"
)

func run(store string, requests int, median float64) Run {
	return Run{store, load.Result{Seconds: 2, All: load.Latency{Count: requests, MedianMS: median}}}
}

func TestRatiosAreThoseOfPairs(t *testing.T) {
	r := Report{Runs: []Run{
		run(Ours, 300, 1), run("etcd", 100, 2),
		run(Ours, 100, 3), run("etcd", 200, 2),
		run(Ours, 400, 8), run("etcd", 200, 2),
	}}
	r.compare(2)
	found := map[string]Ratio{}
	for _, x := range r.Ratios {
		found[x.Of] = x
	}
	if x := found["requests per second"]; x.Min != 0.5 || x.Median != 2 || x.Max != 3 || x.Better != "above 1" {
		t.Errorf("%+v", x)
	}
	if x := found["median"]; x.Min != 0.5 || x.Median != 1.5 || x.Max != 4 || x.Better != "below 1" {
		t.Errorf("%+v", x)
	}
	if x, is := found["median of reads"]; is {
		t.Errorf("there were no reads, and their ratio is %+v", x)
	}
	r.Runs = r.Runs[:4]
	r.Ratios = nil
	r.compare(2)
	if x := r.Ratios[0]; x.Median != 1.75 {
		t.Errorf("the median of two is %v", x.Median)
	}
}

func TestWhatWasBuiltIsNotBuiltAgain(t *testing.T) {
	for _, f := range []*Foreign{Etcd(), NATS()} {
		t.Run(f.Name, func(t *testing.T) { keepsWhatWasBuilt(t, f) })
	}
}

func keepsWhatWasBuilt(t *testing.T, f *Foreign) {
	folder := t.TempDir()
	if err := f.writeSources(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "main.go", "scenarios/compare/load/load.go", "scenarios/compare/load/jobs.go", "scenarios/compare/load/measure.go", "scenarios/compare/load/result.go"} {
		path := filepath.Join(folder, name)
		old := time.Unix(1e9, 0)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		if err := f.writeSources(folder); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s was written again: %v", name, err)
		}
		if err := os.WriteFile(path, []byte("of an older version"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := f.writeSources(folder); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), "older") {
			t.Errorf("%s is old: %v", name, err)
		}
	}
}

func TestAComparisonThatMakesNoSenseIsRefused(t *testing.T) {
	good := Store{Program: "p", Connections: 1, Loops: 1, ValueBytes: 1, Groups: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*Store){
		func(c *Store) { c.Program = "" },
		func(c *Store) { c.Loops, c.Connections = 1, 2 },
		func(c *Store) { c.ValueBytes = 0 },
		func(c *Store) { c.ReadPercent = 101 },
		func(c *Store) { c.Groups = 0 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if _, err := (&Queue{PayloadBytes: 7, Copies: 1}).Contest(); err == nil || !strings.Contains(err.Error(), "at least 8") {
		t.Errorf("jobs that have no room for their numbers: %v", err)
	}
	for _, copies := range []int{0, 4} {
		if _, err := (&Queue{PayloadBytes: 8, Copies: copies}).Contest(); err == nil || !strings.Contains(err.Error(), "1 to 3") {
			t.Errorf("%d copies: %v", copies, err)
		}
	}
}
