package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a run of 150 seconds that fails: an outage, slow seconds, faults of all classes.
func sample() (*Result, Timeline) {
	r := &Result{
		Scenario: "first-cloud", Moral: "Five nodes keep every acknowledged write through every fault of the catalogue.",
		Seed: 42, TraceHash: "9f86d081884c7d65", SimulatedSeconds: 150e9, HealedAt: 125e9,
		Checks: []Check{
			{"linearizable", Fail, 21873, "1 of 312 keys are not linearizable, k0173 is one:\n" +
				"client 4 wrote \"4-812\" at 61.200s..61.260s\nclient 1 wrote \"1-790\" at 61.300s..61.340s\n" +
				"client 7 read \"4-812\" at 62.010s..62.020s", &Proof{"k0173", []Operation{
				{4, `wrote "4-812"`, 61_200e6, 61_260e6, true}, {1, `wrote "1-790"`, 61_300e6, 61_340e6, true},
				{2, `wrote "2-77"`, 61_310e6, 63_310e6, false}, {7, `read "4-812"`, 62_010e6, 62_020e6, true},
			}, 3}, nil},
			{"durable", Pass, 9012, "9012 acknowledged changes on 312 keys", nil, nil},
			{"live", Pass, 1890, "1890 of 1890 operations succeeded within 2.000s, the slowest took 0.412s", nil, nil},
			{"no-unexpected-death", Pass, 2, "2 processes ended by themselves, a fault excuses each", nil, nil},
			{"faults-felt", Inconclusive, 31, "required and not felt: disk-rot", nil, nil},
		},
		Deaths: []Death{
			{"pi-3", 44_512_000_000, "panic: pebble: wal: input/output error in " + strings.Repeat(`\\x00`, 30), "goroutine 12 [running]:\nmain.(*store).sync\n\tstore.go:88",
				"44.000s +3.000s disk-fsync-fail machine=pi-3 count=2", false},
			{"pi-1", 96_018_000_000, "exit status 1", "", "96.000s +4.000s disk-full machine=pi-1", false},
		},
		Alerts: []Alert{
			{Name: "NodeDown", Labels: map[string]string{"instance": "pi-2", "job": "picloud", "severity": "page"},
				Summary: "pi-2 does not say how it is.", Pending: 21e9, From: 31e9, To: 47e9},
			{Name: "GroupWithoutLeader", Labels: map[string]string{"group": "1", "severity": "page"}, Pending: 60e9, From: 62e9, To: 68e9},
			{Name: "StoreSlow", Labels: map[string]string{"instance": "pi-3", "severity": "ticket"}, Pending: 90e9, From: 90e9, To: 150e9, Open: true},
			{Name: "NodeDown", Labels: map[string]string{"instance": "pi-5", "job": "picloud", "severity": "page"}, Pending: 95e9, From: 105e9, To: 110e9},
		},
		Replay: "picloud sim first-cloud --seed 42",
	}
	kinds := []struct{ kind, class, target string }{
		{"kill", "process", "pi-1"}, {"power-cut", "process", "pi-2"}, {"pause", "process", "pi-3"},
		{"clock-step", "clock", "pi-4"}, {"clock-drift", "clock", "pi-5"}, {"net-loss", "network", "pi-1>*"},
		{"partition-minority", "network", "pi-1,pi-2"}, {"uplink-cut", "network", "shelf-1"},
		{"disk-stall", "disk", "pi-2"}, {"disk-rot", "disk", "pi-5"}, {"disk-fsync-fail", "disk", "pi-3"},
	}
	for i := range 40 {
		k := kinds[i*7%len(kinds)]
		from := Seconds(8+i*29%110) * 1e9
		f := Fault{On: onOf(k.target), Kind: k.kind, Class: k.class, Target: k.target, From: from, To: from + Seconds(i%9)*1e9,
			Felt: i%4 != 1, Required: i == 0 || i == 1}
		if f.Felt {
			f.Times = int64(i * i)
		}
		if k.kind == "net-loss" {
			f.Params = "rate=50000ppm"
		}
		r.Faults = append(r.Faults, f)
	}
	r.Faults[2].Must, r.Faults[2].Named = true, &Naming{"NodeDown", 11e9}
	r.Faults[4].Must, r.Faults[4].Missed = true, true
	r.Faults[6].Must, r.Faults[6].HiddenBy = true, "44.000s +3.000s disk-fsync-fail machine=pi-3 count=2"
	r.Faults[7].NeedNot = "too short: 9s are needed"
	r.Alerts[0].ExplainedBy, r.Alerts[1].ExplainedBy, r.Alerts[2].False = "66.000s +2.000s pause machine=pi-3", "8.000s +0.000s kill machine=pi-1", true
	r.Impact = &Impact{From: 8e9, Within: 1e9, Requests: 19000, Failed: 8, Unknown: 900, Late: 90, Clients: 8, Hit: 7, Bad: 9e9, Recovery: 83e9, P99: 90e6,
		Kinds:     []KindImpact{{"write", 9000, 700}, {"read", 9800, 280}, {"cas", 200, 18}},
		Stretches: []Stretch{{60e9, 66e9, 60, 60, 0}, {88e9, 91e9, 420, 60, 0}}}
	r.Machines = []Machine{
		{Name: "pi-1", Role: "node", Switch: "shelf-1", Leads: []Lead{{0, 2, 1e9, 59e9}, {0, 4, 66e9, 150e9}},
			States: []State{{Off, 8e9, 9e9}, {Restarting, 96_018_000_000, 97_018_000_000}}},
		{Name: "pi-2", Role: "node", Switch: "shelf-1", Leads: []Lead{{0, 3, 59e9, 60e9}}},
		{Name: "pi-3", Role: "node", Switch: "shelf-2", States: []State{{Paused, 66e9, 68e9}}},
		{Name: "pi-4", Role: "node", Switch: "shelf-2"}, {Name: "pi-5", Role: "node", Switch: "shelf-2"},
		{Name: "client-1", Role: "client", Switch: "shelf-1"},
	}
	r.Score = &Score{Required: 3, Named: 1, Missed: 1, Hidden: 1, Fired: 4, False: 1, PrecisionPPM: 750_000, RecallPPM: 500_000}
	var samples []Sample
	for ms := 0; ms < 150_000; ms += 7 {
		s := Sample{At: time.Duration(ms) * time.Millisecond, Latency: time.Duration(2+ms*37%11) * time.Millisecond}
		second := ms / 1000
		switch {
		case second < 3 || second >= 60 && second < 66:
			s.Outcome = []Outcome{Failed, Unknown, Unknown}[ms%3]
			if ms%70 > 6 {
				continue
			}
		case second%23 < 4:
			s.Latency *= time.Duration(1 + ms%97)
			if ms%5 == 0 {
				s.Outcome = Unknown
			}
		}
		switch s.Outcome {
		case OK:
			r.Operations.OK++
		case Failed:
			r.Operations.Failed++
		default:
			r.Operations.Unknown++
		}
		samples = append(samples, s)
	}
	r.Judge()
	return r, NewTimeline(samples, 150*time.Second)
}

// onOf returns the machines that a target of the sample stands for.
func onOf(target string) []string {
	switch target {
	case "pi-1>*":
		return []string{"pi-1", "pi-2", "pi-3", "pi-4", "pi-5", "client-1"}
	case "shelf-1":
		return []string{"pi-1", "pi-2", "client-1"}
	}
	return strings.Split(target, ",")
}

// sampleBoards is two boards, of which one gets hot and is reset.
func sampleBoards() Boards {
	all := Boards{{Machine: "pi-1", Events: []BoardEvent{{At: 2e8, Kind: "started"}}},
		{Machine: "pi-2", Events: []BoardEvent{{At: 2e8, Kind: "started"}, {At: 80e9, Kind: "relay-opened", Machine: "pi-1"}}}}
	for i := range all {
		b := &all[i]
		for second := range int64(150) {
			b.MilliCelsius = append(b.MilliCelsius, 45_000+int64(i)*second*250)
			b.Megahertz = append(b.Megahertz, 1500-min(int64(i)*max(0, second-100)*20, 900))
			b.Milliwatts = append(b.Milliwatts, 3000+second%10*200)
			b.Millivolts = append(b.Millivolts, 5100-second%10*20)
		}
	}
	return all
}

func TestBoardsAreWrittenAndReadBack(t *testing.T) {
	folder := t.TempDir()
	if b, err := ReadBoards(folder); err != nil || b != nil {
		t.Errorf("where there are none: %v, %v", b, err)
	}
	if err := errors.Join(WriteBoards(folder, nil), WriteBoards(folder, sampleBoards())); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadBoards(folder); err != nil || !reflect.DeepEqual(b, sampleBoards()) {
		t.Errorf("%v, %v", b, err)
	}
	if err := WriteBoards(folder, nil); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadBoards(folder); err != nil || b != nil {
		t.Errorf("after a run without boards in the same folder: %v, %v", b, err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := WriteFile(path, []byte(got)); err != nil {
			t.Fatal(err)
		}
	}
	if got != read(t, path) {
		t.Errorf("%s differs; if that is meant, run with -update", path)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheFilesOfARun(t *testing.T) {
	r, timeline := sample()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, ResultFile, string(b))
	golden(t, SummaryFile, Summary(r))
	junit, err := JUnit(r)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, JUnitFile, string(junit))
	golden(t, PageFile, Page(r, timeline, sampleBoards()))
	other, otherTimeline := sample()
	other.Seed, other.Checks[0].Status, other.Faults, other.Alerts = 43, Pass, other.Faults[:30], other.Alerts[1:]
	other.Judge()
	a, b2 := Side{"out/first-cloud-42", r, timeline}, Side{"out/first-cloud-43", other, otherTimeline}
	golden(t, DiffFile, DiffPage(a, b2))
	golden(t, "diff.txt", DiffText(a, b2))
}

func TestARunIsWrittenAndReadBack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out", "seed-42")
	r, timeline := sample()
	if err := Write(folder, r, timeline, sampleBoards()); err != nil {
		t.Fatal(err)
	}
	if err := WriteTiming(folder, Timing{WallSeconds: 1.5}); err != nil {
		t.Fatal(err)
	}
	again, timelineAgain, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, again) || !reflect.DeepEqual(timeline, timelineAgain) {
		t.Errorf("wrote %v, read %v", r, again)
	}
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "junit.xml report.html result.json summary.txt timeline.json timing.json" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestTheVerdict(t *testing.T) {
	check := func(s ...Status) (c []Check) {
		for _, status := range s {
			c = append(c, Check{Name: "c", Status: status})
		}
		return c
	}
	missed := []Fault{{Required: true}}
	tests := []struct {
		name   string
		checks []Check
		faults []Fault
		want   Status
	}{
		{"all pass", check(Pass, Pass), []Fault{{Required: true, Felt: true}, {}}, Pass},
		{"one fails", check(Pass, Inconclusive, Fail, Pass), nil, Fail},
		{"one fails and a fault was not felt", check(Fail), missed, Fail},
		{"one cannot decide", check(Pass, Inconclusive), nil, Inconclusive},
		{"a required fault was not felt", check(Pass), missed, Inconclusive},
		{"an unknown status is not a pass", check(Pass, "green"), nil, Inconclusive},
		{"nothing was checked", nil, nil, Inconclusive},
	}
	for _, test := range tests {
		r := Result{Checks: test.checks, Faults: test.faults}
		if r.Judge(); r.Verdict != test.want {
			t.Errorf("%s: got %s, want %s", test.name, r.Verdict, test.want)
		}
	}
}

func TestTheCauseFitsTheVerdict(t *testing.T) {
	r := Result{}
	if r.Judge(); r.Verdict != Inconclusive || r.Cause() != "nothing was checked" {
		t.Errorf("a run without checks is %s: %s", r.Verdict, r.Cause())
	}
}

func TestASummaryCountsWhatWasFelt(t *testing.T) {
	kill := []Fault{{Kind: "kill", Target: "pi-1", Felt: true, From: 8e9, To: 9e9}}
	for _, c := range []struct {
		faults        []Fault
		bad, recovery Seconds
		want          string
	}{
		{kill, 2e9, 5e9, "felt by 1 of 4 clients: 2 of 90 requests since the first fault went wrong, 2 seconds bad, the last over 5 s after the first fault\n"},
		{nil, 2e9, 5e9, "felt by 1 of 4 clients: 2 of 90 requests went wrong, 2 seconds bad, the last over 5 s after the beginning\n"},
		{kill, 0, 0, "felt by 1 of 4 clients: 2 of 90 requests since the first fault went wrong, and no second was bad\n"},
	} {
		r := &Result{SimulatedSeconds: 60e9, Faults: c.faults, Impact: &Impact{From: Seconds(8e9 * len(c.faults)), Clients: 4, Hit: 1, Requests: 90, Late: 2, Bad: c.bad, Recovery: c.recovery}}
		if text := Summary(r); !strings.Contains(text, c.want) {
			t.Errorf("%s\nshould say %q", text, c.want)
		}
	}
}

func TestLabelsOfPlotsAreNotCutOff(t *testing.T) {
	r := &Result{SimulatedSeconds: 1000e9, HealedAt: 990e9, Alerts: []Alert{{Name: "PicloudLBRetriesOverBudget"}, {Name: "NodeDown"}}}
	got := alertsPlot(r)
	for _, want := range []string{
		`text-anchor="end" textLength="143" lengthAdjust="spacingAndGlyphs">PicloudLBRetriesOverBudget<`, `text-anchor="end">NodeDown<`, `text-anchor="end">all healed<`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, got)
		}
	}
}

// TestSagsOfTheVoltageAreSeen: five volts and what is missing of them fill the plot.
func TestSagsOfTheVoltageAreSeen(t *testing.T) {
	got := boardsPlot(&Result{SimulatedSeconds: 3e9}, Boards{{Millivolts: []int64{5100, 4600, 5100}}}, "voltage", "V", 1000, 0, func(b *Board) []int64 { return b.Millivolts })
	points := regexp.MustCompile(`points="[0-9.]+,([0-9.]+) [0-9.]+,([0-9.]+) `).FindStringSubmatch(got)
	if len(points) != 3 {
		t.Fatal(got)
	}
	high, _ := strconv.ParseFloat(points[1], 64)
	low, _ := strconv.ParseFloat(points[2], 64)
	if low-high < opsHeight/13 {
		t.Errorf("half a volt is from %s to %s, of a plot of %d", points[1], points[2], opsHeight)
	}
}

// TestLabelsOfAProofAreNotCutOff: the operation that shows it is the last one, at the right edge.
func TestLabelsOfAProofAreNotCutOff(t *testing.T) {
	swapped := func(n int) string {
		return fmt.Sprintf("swapped \"c4-%d\" for \"c7-%d\" and found nothing", 100+n, 200+n)
	}
	p := &Proof{Key: "k", Impossible: 3, Operations: []Operation{
		{1, `wrote "c1-1"`, 1e9, 2e9, true}, {2, swapped(0), 2e9, 9e9, false}, {4, swapped(1), 7e9, 8e9, false}, {3, swapped(2), 8e9, 9e9, true}}}
	texts := regexp.MustCompile(`<text x="([0-9.]+)" y="[0-9.]+" text-anchor="start">([^<]*)</text>`).FindAllStringSubmatch(proofPlot(p), -1)
	if len(texts) != len(p.Operations) {
		t.Fatalf("%d labels of %d operations", len(texts), len(p.Operations))
	}
	for _, text := range texts {
		x, err := strconv.ParseFloat(text[1], 64)
		if label := html.UnescapeString(text[2]); err != nil || x < plotLeft || x+float64(len(label)*letterWide) > plotWidth {
			t.Errorf("%q stands at %s of %d: %v", label, text[1], plotWidth, err)
		}
	}
}

// TestALongRunSaysHowItsLatenciesAreAddedUp: a bar of several seconds shows the worst of them.
func TestALongRunSaysHowItsLatenciesAreAddedUp(t *testing.T) {
	for seconds, want := range map[int]string{
		180: "<h3>Latency of operations that are ok, in each second</h3>",
		360: "<h3>Latency of operations that are ok, in every 2 seconds, the worst second of each</h3>",
	} {
		if page := Page(&Result{SimulatedSeconds: Seconds(seconds) * 1e9}, make(Timeline, seconds), nil); !strings.Contains(page, want) {
			t.Errorf("a page of %d seconds does not say %q", seconds, want)
		}
	}
}

func TestASummaryIsShortWhateverTheRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.SampledFrom([]string{"again", strings.Repeat("again and ", 50) + "again"}).Draw(t, "command")
		r := &Result{Scenario: "s", Verdict: Fail, Replay: typed}
		words := rapid.StringN(0, 300, -1)
		for range rapid.IntRange(0, 30).Draw(t, "checks") {
			r.Checks = append(r.Checks, Check{Name: "c", Status: Fail, Detail: words.Draw(t, "detail")})
		}
		for range rapid.IntRange(0, 100).Draw(t, "faults") {
			r.Faults = append(r.Faults, Fault{Kind: rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "kind"), Missed: rapid.Bool().Draw(t, "missed")})
		}
		for range rapid.IntRange(0, 30).Draw(t, "alerts") {
			r.Alerts = append(r.Alerts, Alert{Name: rapid.StringMatching(`[a-z]{1,30}`).Draw(t, "alert"), False: rapid.Bool().Draw(t, "false")})
		}
		if rapid.Bool().Draw(t, "scored") {
			r.Score = &Score{Required: 1, Missed: len(r.Faults)}
		}
		for range rapid.IntRange(0, 10).Draw(t, "deaths") {
			r.Deaths = append(r.Deaths, Death{Machine: "pi-1", Reason: words.Draw(t, "reason")})
		}
		text := Summary(r)
		if n := strings.Count(text, "\n"); n > maxSummary || !strings.HasSuffix(text, "\n\nAgain: "+typed+"\n") {
			t.Fatalf("%d lines:\n%s", n, text)
		}
	})
}

func TestThePageNeedsNothingAndEscapesEverything(t *testing.T) {
	r, timeline := sample()
	const evil = `</script><script>alert("x")</script><b>&`
	r.Moral, r.Scenario = evil, evil
	r.Faults[0].Target, r.Faults[0].Class, r.Faults[0].Kind, r.Faults[0].On = evil, evil, evil, []string{evil}
	r.Alerts[0].Summary, r.Alerts[1].Labels["group"], r.Alerts[0].Name = evil, evil, evil
	r.Checks[0].Name, r.Checks[0].Detail, r.Impact.Kinds[0].Kind = evil, evil, evil
	m := &r.Machines[0]
	m.Name, m.Role, m.Switch, m.States[0].Kind = evil, evil, evil, evil
	boards := sampleBoards()
	boards[0].Machine, boards[1].Events[1].Machine = evil, evil
	page := Page(r, timeline, boards)
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("the page has %d scripts: the facts and what shows them are two", n)
	}
	page = strings.Replace(page, js, "", 1) // which names the namespace of SVG
	for _, bad := range []string{"<b>&", "alert(\"", "http://", "https://", "url(", "@import", " src=", " href="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	r.Faults, r.Deaths, r.Checks, r.Alerts = nil, nil, nil, []Alert{}
	if page := Page(r, nil, nil); !strings.Contains(page, "No fault was played.") || !strings.Contains(page, "None fired.") {
		t.Error("a page without faults and alerts does not say so")
	}
	if r.Alerts, r.Score = nil, nil; strings.Contains(Page(r, nil, nil), " fired, ") {
		t.Error("a page speaks of alerts when nobody looked")
	}
}

func TestListsInJSONAreNeverNull(t *testing.T) {
	b, err := (&Result{}).Encode()
	if err != nil || bytes.Contains(b, []byte("null")) {
		t.Errorf("%s (%v)", b, err)
	}
}

func TestSecondsInJSONAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Seconds(rapid.Int64Range(-1e18, 1e18).Draw(t, "nanoseconds"))
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Seconds
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("%d gives %s and that %d (%v)", want, b, got, err)
		}
	})
	for text, want := range map[string]string{"12500000000": "12.5", "150000000000": "150", "1": "0.000000001", "0": "0"} {
		var n int64
		json.Unmarshal([]byte(text), &n)
		if b, _ := json.Marshal(Seconds(n)); string(b) != want {
			t.Errorf("%s ns prints as %s, want %s", text, b, want)
		}
	}
}

func TestTheTimelineCountsEachSecond(t *testing.T) {
	ms := time.Millisecond
	got := NewTimeline([]Sample{
		{100 * ms, 1 * ms, OK}, {200 * ms, 3 * ms, OK}, {999 * ms, 2 * ms, OK},
		{1000 * ms, 9 * ms, Failed}, {2500 * ms, 9 * ms, Unknown},
	}, 4*time.Second)
	want := Timeline{
		{OK: 3, MedianUS: 2000, P99US: 3000, MaxUS: 3000}, {Failed: 1}, {Unknown: 1}, {},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
