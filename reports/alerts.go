package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Alert is an alert that fired.
type Alert struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Summary string            `json:"summary,omitempty"` // for people
	Pending Seconds           `json:"pending"`           // when its condition began to hold
	From    Seconds           `json:"from"`              // when it fired
	To      Seconds           `json:"to"`                // when its condition ended, or the run did
	Open    bool              `json:"open,omitempty"`    // it still fired when the run ended

	ExplainedBy string `json:"explained_by,omitempty"` // the fault from which it comes
	False       bool   `json:"false,omitempty"`        // it comes from no fault
}

// The labels that say what kind of alert it is. All others say what it is about; instance is the machine.
const severity, job, instance = "severity", "job", "instance"

// Target returns what the alert is about: "group=1 instance=pi-2".
func (a *Alert) Target() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if name != severity && name != job {
			parts = append(parts, name+"="+a.Labels[name])
		}
	}
	return strings.Join(parts, " ")
}

// class returns the class of style of its marks.
func (a *Alert) class() string {
	if a.Labels[severity] == "page" {
		return "page"
	}
	return "ticket"
}

// source says what an alert comes from.
func (a *Alert) source() string {
	if a.False {
		return "nothing: it is false"
	}
	return a.ExplainedBy
}

// SortAlerts puts alerts into the order in which a result has them.
func SortAlerts(all []Alert) {
	slices.SortStableFunc(all, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(a.From, b.From), strings.Compare(a.Name, b.Name), strings.Compare(a.Target(), b.Target()))
	})
}

// alertNames returns the names of alerts, sorted, and how many of the alerts still fired at the end.
func alertNames(all []Alert) (names []string, open int) {
	for i := range all {
		names = append(names, all[i].Name)
		if all[i].Open {
			open++
		}
	}
	slices.Sort(names)
	return slices.Compact(names), open
}

// fired says in a few words how many alerts there were.
func fired(all []Alert) string {
	_, open := alertNames(all)
	switch {
	case len(all) == 0:
		return "none fired"
	case open == 0:
		return fmt.Sprintf("%d fired, and all cleared", len(all))
	}
	return fmt.Sprintf("%d fired, %d still did at the end", len(all), open)
}

// mostAlertNames is how many kinds of alerts a summary lists.
const mostAlertNames = 5

// alertLines sums the alerts up, those of a name on one line, with an empty line at the end. There are none for
// a run in which nobody looked.
func alertLines(r *Result) []string {
	all := r.Alerts
	if all == nil {
		return nil
	}
	lines := []string{"Alerts: " + fired(all)}
	if r.Score != nil {
		lines[0] += fmt.Sprintf(", %d false; %s", r.Score.False, r.Score.of())
		lines = append(lines, scoreLines(r)...)
	}
	names, _ := alertNames(all)
	for i, name := range names {
		if i == mostAlertNames {
			lines = append(lines, fmt.Sprintf("  and %d other kinds", len(names)-i))
			break
		}
		times, first, sum := 0, Seconds(0), Seconds(0)
		for k := range all {
			if a := &all[k]; a.Name == name {
				if times++; times == 1 {
					first = a.From
				}
				sum += a.To - a.From
			}
		}
		lines = append(lines, fmt.Sprintf("  %-24s %4d×, first at %s, %s in all", name, times, first, sum))
	}
	return append(lines, "")
}

func (p *page) alerts(r *Result) {
	if r.Alerts == nil {
		return
	}
	p.put("<section>\n<h2>Alerts</h2>\n<p class=\"soft\">%s.</p>\n", strings.ToUpper(fired(r.Alerts)[:1])+fired(r.Alerts)[1:])
	if len(r.Alerts) > 0 {
		p.legend("page", "page", "ticket", "ticket", "hollow", "pending", "", "grey bands: faults, darker where more at one time")
		p.WriteString("<div class=\"wide plot\">\n" + alertsPlot(r) + "</div>\n")
	}
	p.naming(r)
	if len(r.Alerts) > 0 {
		p.put("<details>\n<summary>All %d alerts</summary>\n", len(r.Alerts))
		p.alertTable(r.Alerts)
		p.WriteString("</details>\n")
	}
	p.WriteString("</section>\n")
}

func (p *page) alertTable(all []Alert) {
	p.WriteString("<div class=\"wide\">\n<table>\n<thead><tr><th>Alert</th><th>Of</th><th class=\"number\">Pending</th>" +
		"<th class=\"number\">From</th><th class=\"number\">To</th><th>Comes from</th><th>What it said</th></tr></thead>\n<tbody>\n")
	for i := range all {
		a := &all[i]
		to := a.To.String()
		if a.Open {
			to = "the end"
		}
		p.put("<tr><td>%s</td><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td>"+
			"<td class=\"detail\">%s</td><td class=\"detail\">%s</td></tr>\n", a.Name, a.Target(), a.Pending, a.From, to, a.source(), a.Summary)
	}
	p.WriteString("</tbody>\n</table>\n</div>\n")
}

// alertsPlot draws each alert as a bar in the row of its name, hollow while it was pending, before the bands of
// the faults.
func alertsPlot(r *Result) string {
	names, _ := alertNames(r.Alerts)
	p := newPlot(r, len(names)*rowHeight+4, "alerts", "alerts, a row for each rule")
	p.bands(r)
	for i, name := range names {
		row := int64(i) * rowHeight * 10
		p.level(row+90, name)
		for k := range r.Alerts {
			a := &r.Alerts[k]
			if a.Name != name {
				continue
			}
			class := a.class()
			x := p.x(a.From)
			title := fmt.Sprintf("%s %s, %s to %s: %s", a.Name, a.Target(), a.From, a.To, a.Summary)
			if a.Pending < a.From {
				p.rect(class+" unfelt", p.x(a.Pending), x, row+60, row+120, title)
			}
			p.rect(class, x, max(x+25, p.x(a.To)), row+40, row+140, title)
		}
	}
	p.times(r.HealedAt)
	return p.finish()
}
