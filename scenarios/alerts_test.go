package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

// monitored is a log in which a monitor, and others, say something.
const monitored = `1.000000000 m#1 {"msg":"monitor starts","machines":3}
2.000000000 pi-1#1 {"msg":"state","group":1,"alert":"none"}
3.000000000 m#1 {"msg":"alert","alert":"Down","state":"pending","labels":{"instance":"pi-1","job":"picloud"},"value":"0","summary":"pi-1 is down"}
4.000000000 m#1 {"msg":"alert","alert":"Down","state":"pending","labels":{"instance":"pi-2"},"value":"0","summary":"pi-2 is down"}
5.000000000 m#1 {"msg":"alert","alert":"Down","state":"firing","labels":{"instance":"pi-1","job":"picloud"},"value":"0","summary":"pi-1 is down"}
6.000000000 m#1 {"msg":"alert","alert":"Down","state":"inactive","labels":{"instance":"pi-2"},"value":"0","summary":"pi-2 is down"}
7.500000000 m#1 {"msg":"alert","alert":"Down","state":"resolved","labels":{"instance":"pi-1","job":"picloud"},"value":"0","summary":"pi-1 is down"}
8.000000000 m#1 {"msg":"alert","alert":"Slow","state":"firing","labels":{},"value":"2","summary":""}
9.000000000 m#2 {"msg":"monitor starts","machines":3}
9.500000000 m#2 {"msg":"alert","alert":"Slow","state":"firing","labels":{},"value":"3","summary":""}
9.700s m#2 {"msg":"alert","alert":"Down","state":"pending","labels":{"instance":"pi-3"},"value":"0","summary":""}
`

func TestAlertsAreReadFromTheLog(t *testing.T) {
	var got []string
	for _, a := range alertsOf(alertChanges([]byte(monitored)), 10*time.Second) {
		got = append(got, fmt.Sprintf("%s (%s) %s %s-%s open %v: %s", a.Name, a.Target(), a.Pending, a.From, a.To, a.Open, a.Summary))
	}
	want := []string{
		"Down (instance=pi-1) 3.000s 5.000s-7.500s open false: pi-1 is down",
		"Slow () 8.000s 8.000s-9.000s open false: ", // the monitor began anew
		"Slow () 9.500s 9.500s-10.000s open true: ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAlertsOfARunStandInItsFolder(t *testing.T) {
	s, r := perfectRun(t, 1)
	s.Store = &Store{}
	s.Topology.Machines = append(s.Topology.Machines, Machine{Name: "m", Role: RoleMonitor})
	r.Log = []byte(monitored)
	folder := t.TempDir()
	if err := s.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, AlertsFile))
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := bytes.Cut(text, []byte("\n")); string(first) != `{"at":3,"alert":"Down","state":"pending","labels":`+
		`{"instance":"pi-1","job":"picloud"},"value":"0","summary":"pi-1 is down"}` || bytes.Count(text, []byte("\n")) != 8 {
		t.Errorf("%s", text)
	}
	if result := s.Judge(r); len(result.Alerts) != 3 || result.Score == nil || result.Score.Fired != 3 || !strings.Contains(reports.Summary(&result), "Alerts: 3 fired, 1 still did at the end") {
		t.Errorf("%+v\n%s", result.Alerts, reports.Summary(&result))
	}
}

// TestTheLedgerKnowsWhichDeathsAreExcused: an alert after one is explained by the fault that excuses it.
func TestTheLedgerKnowsWhichDeathsAreExcused(t *testing.T) {
	s, r := perfectRun(t, 1)
	s.Store = &Store{}
	s.Topology.Machines = append(s.Topology.Machines, Machine{Name: "m", Role: RoleMonitor})
	rot, err := chaos.Parse("rot", "10s +0s disk-rot machine=pi-2 bits=9")
	if err != nil {
		t.Fatal(err)
	}
	r.Schedule, r.Felt = rot, []int64{1}
	r.Log = []byte(`100.000000000 m#1 {"msg":"alert","alert":"PicloudLBErrors","state":"pending","labels":{},"value":"1","summary":""}
110.000000000 m#1 {"msg":"alert","alert":"PicloudLBErrors","state":"firing","labels":{},"value":"1","summary":""}
`)
	if result := s.Judge(r); result.Score.False != 1 {
		t.Errorf("nothing died, and %d alerts are false", result.Score.False)
	}
	r.Deaths = []reports.Death{{Machine: "pi-2", At: reports.Seconds(95 * time.Second), Reason: "exit 1"}}
	if result := s.Judge(r); result.Score.False != 0 || result.Deaths[0].AllowedBy == "" {
		t.Errorf("pi-2 ended of its rot (%q), and %d alerts are false", result.Deaths[0].AllowedBy, result.Score.False)
	}
}

func TestARunInWhichNobodyLooksSaysNothingOfAlerts(t *testing.T) {
	s, r := perfectRun(t, 1)
	if result := s.Judge(r); result.Alerts != nil || result.Score != nil {
		t.Errorf("%v", result.Alerts)
	}
}
