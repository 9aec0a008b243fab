package reports

import (
	"fmt"
	"strings"
)

// Naming is how an alert named a fault.
type Naming struct {
	Alert string  `json:"alert"` // the first that did
	After Seconds `json:"after"` // from the fault's beginning until all its machines were named
}

// Score sums up what alerts made of the faults of a run.
type Score struct {
	Required     int   `json:"required"` // faults that alerts must name: those named, missed and hidden
	Named        int   `json:"named"`
	Missed       int   `json:"missed"`
	Hidden       int   `json:"hidden"`        // by other faults; neither named nor missed
	Fired        int   `json:"fired"`         // alerts
	False        int   `json:"false"`         // of them, which nothing explains
	PrecisionPPM int64 `json:"precision_ppm"` // share of the alerts that are not false
	RecallPPM    int64 `json:"recall_ppm"`    // share of those named among those named and missed
}

// of says what the score is, for the line of a summary.
func (s *Score) of() string {
	if s.Required == 0 {
		return "no fault had to be named"
	}
	text := fmt.Sprintf("%d of %d faults named in time", s.Named, s.Named+s.Missed)
	if s.Hidden > 0 {
		text += fmt.Sprintf(", %d more hidden by others", s.Hidden)
	}
	return text
}

// mostScored is how many missed faults, and false alerts, a summary lists.
const mostScored = 2

// scoreLines lists faults that no alert named and alerts that no fault explains.
func scoreLines(r *Result) []string {
	var lines []string
	missed, wrong := 0, 0
	for i := range r.Faults {
		if f := &r.Faults[i]; f.Missed {
			if missed++; missed <= mostScored {
				lines = append(lines, "  missed: "+f.Line())
			}
		}
	}
	for i := range r.Alerts {
		if a := &r.Alerts[i]; a.False {
			if wrong++; wrong <= mostScored {
				lines = append(lines, fmt.Sprintf("  false: %s %s at %s", a.Name, a.Target(), a.From))
			}
		}
	}
	return lines
}

// naming is the part of the page that says which alert named each fault.
func (p *page) naming(r *Result) {
	if r.Score == nil || len(r.Faults) == 0 && r.Score.False == 0 {
		return
	}
	s := r.Score
	p.put("<h3>Which alert named which fault</h3>\n<p class=\"soft\">%s. Precision %s, recall %s.</p>\n", strings.ToUpper(s.of()[:1])+s.of()[1:],
		percent(s.PrecisionPPM), percent(s.RecallPPM))
	var must, may []Fault
	for i := range r.Faults {
		switch f := r.Faults[i]; {
		case f.Must:
			must = append(must, f)
		case f.Felt:
			may = append(may, f)
		}
	}
	if len(must) > 0 {
		p.namingTable(must)
	}
	if s.False > 0 {
		p.put("<h3>False alerts: %d</h3>\n", s.False)
		var wrong []Alert
		for i := range r.Alerts {
			if r.Alerts[i].False {
				wrong = append(wrong, r.Alerts[i])
			}
		}
		p.alertTable(wrong)
	}
	if len(may) > 0 {
		p.put("<details>\n<summary>%d faults that were felt and need not be named</summary>\n", len(may))
		p.namingTable(may)
		p.WriteString("</details>\n")
	}
}

func (p *page) namingTable(faults []Fault) {
	p.WriteString("<div class=\"wide\">\n<table>\n<thead><tr><th>Fault</th><th>Target</th><th class=\"number\">From</th><th class=\"number\">To</th>" +
		"<th class=\"number\">After</th><th>Named by</th></tr></thead>\n<tbody>\n")
	for i := range faults {
		f := &faults[i]
		p.put("<tr><td>%s</td><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td>", f.Kind, f.Target, f.From, f.To)
		switch {
		case f.Named != nil:
			p.put("<td class=\"number\">%s</td><td>%s</td></tr>\n", f.Named.After, f.Named.Alert)
		case f.Missed:
			p.WriteString("<td></td><td><span class=\"status fail\">missed</span></td></tr>\n")
		case f.HiddenBy != "":
			p.put("<td></td><td class=\"detail soft\">hidden by %s</td></tr>\n", f.HiddenBy)
		default:
			p.put("<td></td><td class=\"detail soft\">%s</td></tr>\n", f.NeedNot)
		}
	}
	p.WriteString("</tbody>\n</table>\n</div>\n")
}

// percent prints a share without rounding it up.
func percent(ppm int64) string { return fmt.Sprintf("%d.%d %%", ppm/10_000, ppm%10_000/1000) }
