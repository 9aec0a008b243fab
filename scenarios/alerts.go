package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"picloud/node/alerts"
	"picloud/reports"
	"picloud/scenarios/checks"
)

// AlertsFile holds the changes of the states of alerts in a run's folder, one a line.
const AlertsFile = "alerts.jsonl"

// alertChange is a change of the state of an alert, or the start of a monitor, which has forgotten all.
type alertChange struct {
	At reports.Seconds `json:"at"`
	alerts.Change
}

// alertChanges finds in the log of a run what monitors said.
func alertChanges(log []byte) []alertChange {
	var all []alertChange
	checks.EachLine(log, func(at []byte, _ string, object []byte) {
		if !bytes.Contains(object, []byte(`"msg":"`+alerts.ChangeMessage+`"`)) && !bytes.Contains(object, []byte(`"msg":"`+alerts.StartMessage+`"`)) {
			return
		}
		var c alertChange
		if json.Unmarshal(object, &c.Change) == nil && c.At.UnmarshalJSON(bytes.TrimSuffix(at, []byte("s"))) == nil {
			all = append(all, c)
		}
	})
	return all
}

// tiersIn returns what a monitor counted last.
func tiersIn(log []byte) map[string]reports.Tier {
	var tiers map[string]reports.Tier
	checks.EachLine(log, func(_ []byte, _ string, object []byte) {
		if !bytes.Contains(object, []byte(`"msg":"`+alerts.TiersMessage+`"`)) {
			return
		}
		var line struct{ Tiers []alerts.TierTotal }
		if json.Unmarshal(object, &line) != nil {
			return
		}
		tiers = map[string]reports.Tier{}
		for _, t := range line.Tiers {
			tiers[t.Name] = reports.Tier{Requests: t.Requests, Errors: t.Errors, P50: reports.Seconds(t.P50), P99: reports.Seconds(t.P99)}
		}
	})
	return tiers
}

// alertLines returns the content of AlertsFile.
func alertLines(changes []alertChange) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range changes {
		if changes[i].State == "" {
			continue
		}
		if err := e.Encode(&changes[i]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// alertsOf returns the alerts that fired in a run. What a monitor had not ended when the run ended, or when it
// was started again, ends there.
func alertsOf(changes []alertChange, end time.Duration) []reports.Alert {
	fired := []reports.Alert{}
	open := map[string]*reports.Alert{}
	closeAll := func(at reports.Seconds, ended bool) {
		for _, key := range slices.Sorted(maps.Keys(open)) {
			if a := open[key]; a.From > 0 {
				a.To, a.Open = at, ended
				fired = append(fired, *a)
			}
		}
		clear(open)
	}
	for i := range changes {
		c := &changes[i]
		key := c.Alert + fmt.Sprint(c.Labels) // fmt sorts the keys of maps
		a := open[key]
		if a == nil {
			a = &reports.Alert{Name: c.Alert, Labels: c.Labels, Pending: c.At}
		}
		a.Summary = c.Summary
		switch c.State {
		case alerts.Pending:
			open[key] = a
		case alerts.Firing:
			a.From = c.At
			open[key] = a
		case alerts.Resolved:
			a.To = c.At
			fired = append(fired, *a)
			delete(open, key)
		case alerts.Inactive:
			delete(open, key)
		default:
			closeAll(c.At, false)
		}
	}
	closeAll(reports.Seconds(end), true)
	reports.SortAlerts(fired)
	return fired
}

// hasMonitor says whether somebody looks at the nodes' metrics.
func (s *Scenario) hasMonitor() bool { return len(s.MachinesOf(RoleMonitor)) > 0 }
