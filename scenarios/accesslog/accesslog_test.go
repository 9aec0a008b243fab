package accesslog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	common   = `10.0.0.1 - anna [17/May/2015:10:05:03 +0200] "GET /a?b=1 HTTP/1.1" 200 2326`
	combined = common + ` "http://from.example/" "Agent/1.0 (\"quoted\" [and] so on)"`
)

func TestBothFormatsAreRead(t *testing.T) {
	want := Request{Client: "10.0.0.1", At: time.Date(2015, 5, 17, 8, 5, 3, 0, time.UTC), Method: "GET", Path: "/a?b=1", Status: 200, Bytes: 2326}
	for _, line := range []string{common, combined} {
		all, err := Parse("log", strings.NewReader(line+"\n"))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		all[0].At = all[0].At.UTC()
		if all[0] != want {
			t.Errorf("%s is read as %+v", line, all[0])
		}
	}
}

// TestWhatClientsSendIsNoMistake: the format is the server's, the rest is theirs.
func TestWhatClientsSendIsNoMistake(t *testing.T) {
	for _, request := range []string{`-`, ``, `\x16\x03\x01`, `GET /two words HTTP/1.1`, `GET /no-version`, `\"`} {
		all, err := Parse("log", strings.NewReader(strings.Replace(combined, "GET /a?b=1 HTTP/1.1", request, 1)))
		if err != nil || all[0].Method != "" || all[0].Path != "" {
			t.Errorf("%q: %+v, %v", request, all, err)
		}
	}
	for _, user := range []string{"a b", "x[1]", `""`, " ", "a [b] c", `\" [1/2]`, "x [17/May/2015:10:05:03 +0200] y"} {
		all, err := Parse("log", strings.NewReader(strings.Replace(combined, "anna", user, 1)))
		if err != nil || all[0].Path != "/a?b=1" {
			t.Errorf("the user %q: %+v, %v", user, all, err)
		}
	}
	if all, err := Parse("log", strings.NewReader(strings.Replace(common, "2326", "-", 1))); err != nil || all[0].Bytes != 0 {
		t.Errorf("an answer without a body: %+v, %v", all, err)
	}
}

func TestAMistakeIsFoundAtItsLine(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"10.0.0.1 ", "", `log:2: the user is missing`},
		{combined, "", `log:2: the client's address is missing`},
		{" - anna", "", `log:2: the second field, of identd is missing`},
		{"[17/May", "17/May", `log:2: the time is missing: there is no [`},
		{"+0200]", "+0200", `log:2: the request is missing: there is no "`},
		{"17/May/2015", "2015-05-17", `log:2: the time "2015-05-17:10:05:03 +0200" is not like 02/Jan/2006:15:04:05 -0700`},
		{`HTTP/1.1" `, `HTTP/1.1"`, `log:2: behind the request there is no space: "\"200 2326 \"http://from.example/\" \"Agent/"`},
		{" 200 ", " 20 ", `log:2: the status "20" is not 100 to 999`},
		{" 200 ", " ok ", `log:2: the status "ok" is not 100 to 999`},
		{" 2326", " many", `log:2: the number of bytes "many" is neither one nor -`},
		{" 2326", " -1", `log:2: the number of bytes "-1" is neither one nor -`},
		{` on)"`, ` on)`, `log:2: the agent does not end`},
		{` on)"`, ` on)" 0.003`, `log:2: there is more behind the line's last field: "0.003"`},
		{combined, strings.Repeat("a", longestLine+1), `log:2: the line is longer than 65536 bytes`},
	} {
		line := strings.Replace(combined, c.old, c.new, 1)
		if line == combined {
			t.Fatalf("%q does not stand in the line", c.old)
		}
		if _, err := Parse("log", strings.NewReader(combined+"\n"+line+"\n"+combined+"\n")); err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.new, err, c.want)
		}
	}
	ages := strings.Replace(combined, "2015", "2025", 1) + "\n" + combined
	if _, err := Parse("log", strings.NewReader(ages)); err == nil || err.Error() != "log: it begins at 2015-05-17 and ends at 2025-05-17, ten years or more later" {
		t.Errorf("a log of ages: %v", err)
	}
	if _, err := Parse("log", strings.NewReader("")); err == nil || err.Error() != "log:1: the log is empty" {
		t.Errorf("an empty log: %v", err)
	}
}

// TestALogHappensWithinAnotherTime: servers write lines late, and tell no parts of seconds.
func TestALogHappensWithinAnotherTime(t *testing.T) {
	var lines []string
	for _, at := range []string{"anna 10:00:00", "ben 10:01:39", "anna 10:00:50", "cleo 10:00:50"} {
		who, when, _ := strings.Cut(at, " ")
		lines = append(lines, strings.NewReplacer("10.0.0.1", who, "10:05:03", when).Replace(common))
	}
	log, err := Parse("log", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range Arrivals(log, 10*time.Second) { // a hundred seconds
		got = append(got, fmt.Sprint(a.Client, " ", a.Number, " ", a.After))
	}
	if want := []string{"anna 0 0s", "anna 0 5s", "cleo 1 5.05s", "ben 2 9.9s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestALogThatIsMadeLooksLikeARealOne, and is the same for the same seed.
func TestALogThatIsMadeLooksLikeARealOne(t *testing.T) {
	shape := Shape{Requests: 5000, Clients: 500, Crawlers: 4, Probers: 4, Crowds: 3}
	text := Make(rand.New(rand.NewPCG(1, 2)), shape)
	if text != Make(rand.New(rand.NewPCG(1, 2)), shape) || text == Make(rand.New(rand.NewPCG(1, 3)), shape) {
		t.Error("the seed does not decide what is made")
	}
	log, err := Parse("log", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	of, missing, posts, night, day := map[string]int{}, 0, 0, 0, 0
	minutes := map[time.Time]int{}
	for _, r := range log {
		of[r.Client]++
		minutes[r.At.Truncate(10*time.Minute)]++
		switch {
		case r.Status == 404:
			missing++
		case r.Method == "POST":
			posts++
		}
		switch r.At.Hour() {
		case 3:
			night++
		case 15:
			day++
		}
	}
	var counts, busy []int
	for _, n := range of {
		counts = append(counts, n)
	}
	for _, n := range minutes {
		busy = append(busy, n)
	}
	slices.Sort(counts)
	slices.Sort(busy)
	if len(log) != 5000 || missing < 100 || posts < 20 {
		t.Errorf("%d requests, %d for what is not there, %d posts", len(log), missing, posts)
	}
	if median, most := counts[len(counts)/2], counts[len(counts)-1]; most < 20*median {
		t.Errorf("half of the clients come %d times, the one that comes most often %d times: no heavy tail", median, most)
	}
	if day < 2*night {
		t.Errorf("%d requests in an hour of the night and %d in one of the day", night, day)
	}
	if median, most := busy[len(busy)/2], busy[len(busy)-1]; most < 4*median {
		t.Errorf("ten minutes have %d requests, those with a crowd %d", median, most)
	}
}

func TestShapesAreRefused(t *testing.T) {
	for _, s := range []Shape{{}, {Requests: 1}, {Requests: 1, Clients: 1, Crawlers: 1}, {Requests: 1, Clients: 3, Crawlers: -1}, {Requests: 1, Clients: 1, Crowds: 101}} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	least := Shape{Requests: 1, Clients: 1}
	if _, err := Parse("log", strings.NewReader(Make(rand.New(rand.NewPCG(1, 2)), least))); err != nil || least.Validate() != nil {
		t.Errorf("the smallest log: %v, %v", err, least.Validate())
	}
}

// FuzzParse: whatever is read is in order, can be replayed, and is read as the same again when it is written as servers do.
func FuzzParse(f *testing.F) {
	f.Add(combined + "\n" + common)
	f.Add(Make(rand.New(rand.NewPCG(1, 2)), Shape{Requests: 5, Clients: 3}))
	f.Add("")
	f.Add(`a b c [01/Jan/0000:00:00:00 +0000] "\\" 999 0` + "\n" + `a b c [01/Jan/9999:00:00:00 +0000] "" 100 -`)
	f.Fuzz(func(t *testing.T, text string) {
		log, err := Parse("log", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "log:") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is refused with %q", text, err)
			}
			return
		}
		last := time.Duration(0)
		for i, a := range Arrivals(log, time.Minute) {
			if a.After < last || a.After >= time.Minute {
				t.Fatalf("request %d of %q comes at %s, after one at %s", i, text, a.After, last)
			}
			last = a.After
			line := fmt.Sprintf("%s - - [%s] %q %03d %d", a.Client, a.At.Format(timeFormat), "", a.Status, a.Bytes)
			if again, err := Parse("log", strings.NewReader(line)); err != nil || !again[0].At.Equal(a.At) || again[0].Client != a.Client {
				t.Fatalf("%q is read as %+v, %v", line, again, err)
			}
		}
	})
}
