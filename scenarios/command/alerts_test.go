package command

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/node"
	"picloud/node/alerts"
)

// stood is what a monitor says: one that fires, one that it inhibits, and one that is pending.
func stood() []alerts.Alert {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	alert := func(name, severity, class, instance string) alerts.Alert {
		return alerts.Alert{Name: name, State: alerts.Firing, Since: at, Summary: name + " it is.",
			Labels: map[string]string{"alertname": name, "severity": severity, "class": class, "instance": instance, "job": "picloud"}}
	}
	slow, down, off := alert("Slow", "page", "symptom", "pi-2"), alert("Down", "page", "cause", "pi-1"), alert("Off", "ticket", "cause", "pi-3")
	slow.Inhibited, slow.InhibitedBy, off.State = true, "Down instance=pi-1", alerts.Pending
	return []alerts.Alert{off, slow, down}
}

// monitorOf serves alerts as a monitor does, and returns where.
func monitorOf(t *testing.T, list []alerts.Alert) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/alerts" {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestAlertsAreShownInTheOrderInWhichTheyMatter(t *testing.T) {
	list, err := askMonitor(t.Context(), monitorOf(t, stood()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		all  bool
		want string
	}{
		{false, `
STATE   SINCE                SEVERITY  CLASS  ALERT               SUMMARY      INHIBITED BY
firing  2026-03-01 12:00:00  page      cause  Down instance=pi-1  Down it is.  
alerts: 1; 2 are pending or inhibited, and -all shows them
`}, {true, `
STATE    SINCE                SEVERITY  CLASS    ALERT               SUMMARY      INHIBITED BY
firing   2026-03-01 12:00:00  page      cause    Down instance=pi-1  Down it is.  
firing   2026-03-01 12:00:00  page      symptom  Slow instance=pi-2  Slow it is.  Down instance=pi-1
pending  2026-03-01 12:00:00  ticket    cause    Off instance=pi-3   Off it is.   
alerts: 3
`}} {
		var said strings.Builder
		if err := printAlerts(&said, list, c.all); err != nil || "\n"+said.String() != c.want {
			t.Errorf("all %v: it says (%v)\n%s\nand not%s", c.all, err, said.String(), c.want)
		}
	}
	var said strings.Builder
	var read []alerts.Alert
	if err := printJSON(&said, list, true); err != nil || json.Unmarshal([]byte(said.String()), &read) != nil || len(read) != 3 || !read[1].Inhibited {
		t.Errorf("as JSON it says (%v) %s", err, said.String())
	}
}

func TestTheStatusSaysWhetherSomethingPages(t *testing.T) {
	held := stood()[:2]
	if err := Alerts(t.Context(), []string{"-at", monitorOf(t, held)}); err != nil {
		t.Errorf("nothing pages: %v", err)
	}
	if err := Alerts(t.Context(), []string{"-at", monitorOf(t, stood()), "-json"}); !errors.Is(err, Fail) {
		t.Errorf("something pages: %v", err)
	}
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	err := Alerts(t.Context(), []string{"-at", strings.TrimPrefix(none.URL, "http://")})
	if v := Verdict(0); err == nil || errors.As(err, &v) || !strings.Contains(err.Error(), "it is no monitor") {
		t.Errorf("a node that is no monitor: %v", err)
	}
}

func TestEveryAlertHasARunbookToPrint(t *testing.T) {
	rules, err := node.Rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Alerts() {
		var said strings.Builder
		if err := printRunbook(&said, r.Name); err != nil || !strings.HasPrefix(said.String(), r.Name+" (") || !strings.Contains(said.String(), blanks(r.Runbook)) || strings.Contains(said.String(), "{{ $") {
			t.Errorf("%s: %v: %s", r.Name, err, said.String())
		}
	}
}

func TestWhatIsExportedIsAllThatThereIs(t *testing.T) {
	folder := t.TempDir()
	if err := exportMonitoring(folder, "pi-1=pi-1:8080,pi-2=10.0.0.2:8080"); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(folder, "prometheus.yml"))
	if want := `      - {targets: ["10.0.0.2:8080"], labels: {instance: "pi-2"}}`; err != nil || !strings.Contains(string(config), want) {
		t.Errorf("it has no %s (%v):\n%s", want, err, config)
	}
	var files []alerts.File
	for _, f := range node.RuleFiles() {
		text, err := os.ReadFile(filepath.Join(folder, "rules", f.Name+".yaml"))
		if err != nil {
			t.Error(err)
		}
		files = append(files, alerts.File{Name: f.Name, Text: text})
	}
	if _, err := alerts.Parse(files...); err != nil {
		t.Error(err)
	}
	if boards, err := filepath.Glob(filepath.Join(folder, "dashboards", "*.json")); err != nil || len(boards) < 3 {
		t.Errorf("the dashboards are %q (%v)", boards, err)
	}
}
