package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Side is one of two runs that are compared: its files, and what it is called.
type Side struct {
	Name     string
	Result   *Result
	Timeline Timeline
}

// Row is a line of a comparison: a figure or a judgement of both runs.
type Row struct {
	Name string
	A, B string
}

// Differs tells whether the two runs differ in it.
func (r *Row) Differs() bool { return r.A != r.B }

// Part is rows of one sort.
type Part struct {
	Title string
	Rows  []Row
}

// Compare returns two runs side by side, in parts. In each part what differs comes first.
func Compare(a, b *Result) []Part {
	parts := []Part{
		{"The run", []Row{
			{"scenario", a.Scenario, b.Scenario}, {"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
			{"verdict", string(a.Verdict), string(b.Verdict)}, {"cause", a.Cause(), b.Cause()},
			{"length", a.length(), b.length()},
			{"trace", fmt.Sprintf("%.16s", a.TraceHash), fmt.Sprintf("%.16s", b.TraceHash)},
		}},
		{"Checks", union(checkRows(a), checkRows(b))},
		{"What clients felt", union(impactRows(a), impactRows(b))},
		{"Incident", union(incidentRows(a), incidentRows(b))},
		{"Alerts, times fired", union(tallies(a.Alerts, func(x *Alert) string { return strings.TrimSpace(x.Name + " " + x.Target()) }),
			tallies(b.Alerts, func(x *Alert) string { return strings.TrimSpace(x.Name + " " + x.Target()) }))},
		{"Faults, times felt", union(faultRows(a), faultRows(b))},
		{"Processes that ended by themselves", union(tallies(a.Deaths, func(d *Death) string { return d.Machine }), tallies(b.Deaths, func(d *Death) string { return d.Machine }))},
	}
	for i := range parts {
		slices.SortStableFunc(parts[i].Rows, func(a, b Row) int {
			switch {
			case a.Differs() == b.Differs():
				return 0
			case a.Differs():
				return -1
			}
			return 1
		})
	}
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.Rows) == 0 })
}

// fact is a name with its value, of one run.
type fact struct{ name, value string }

// union puts the facts of two runs side by side, in the order of the first, then of the second. What one does not have is empty.
func union(a, b []fact) []Row {
	var rows []Row
	for _, f := range a {
		rows = append(rows, Row{Name: f.name, A: f.value})
	}
	for _, f := range b {
		if i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == f.name }); i >= 0 {
			rows[i].B = f.value
		} else {
			rows = append(rows, Row{Name: f.name, B: f.value})
		}
	}
	return rows
}

func checkRows(r *Result) []fact {
	var all []fact
	for _, c := range r.Checks {
		first, _, _ := strings.Cut(c.Detail, "\n")
		all = append(all, fact{c.Name, string(c.Status) + ": " + strings.TrimSuffix(first, ":")})
	}
	return all
}

func impactRows(r *Result) []fact {
	i := r.Impact
	if i == nil {
		return nil
	}
	return []fact{
		{"counted from", i.From.String()}, {"late after", i.Within.String()}, {"requests", strconv.Itoa(i.Requests)}, {"failed", strconv.Itoa(i.Failed)}, {"of which nobody knows", strconv.Itoa(i.Unknown)},
		{"late", strconv.Itoa(i.Late)}, {"clients hit", fmt.Sprintf("%d of %d", i.Hit, i.Clients)}, {"bad seconds", i.Bad.String()},
		{"recovery", i.Recovery.String()}, {"99 of 100 within", i.P99.String()},
	}
}

func incidentRows(r *Result) []fact {
	var all []fact
	for _, a := range r.Incident() {
		all = append(all, fact{a.Question, a.Text})
	}
	return all
}

func faultRows(r *Result) []fact {
	var all []fact
	played := r.played()
	for _, kind := range kindsByClass(played) {
		times, felt := 0, 0
		for i := range played {
			if f := &played[i]; f.Kind == kind {
				times++
				if f.Felt {
					felt++
				}
			}
		}
		all = append(all, fact{kind, fmt.Sprintf("%d of %d", felt, times)})
	}
	return all
}

// tallies counts things by their names, in the order of the names.
func tallies[T any](all []T, name func(*T) string) []fact {
	counts := map[string]int{}
	var names []string
	for i := range all {
		n := name(&all[i])
		if counts[n]++; counts[n] == 1 {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var facts []fact
	for _, n := range names {
		facts = append(facts, fact{n, strconv.Itoa(counts[n])})
	}
	return facts
}

// DiffText returns a comparison for a terminal: of each part what differs, and how much does not.
func DiffText(a, b Side) string {
	var w strings.Builder
	fmt.Fprintf(&w, "A: %s\nB: %s\n", a.Name, b.Name)
	for _, p := range Compare(a.Result, b.Result) {
		same := 0
		fmt.Fprintf(&w, "\n%s\n", p.Title)
		for i := range p.Rows {
			row := &p.Rows[i]
			switch {
			case !row.Differs():
				same++
			case len(row.A)+len(row.B) > 60:
				fmt.Fprintf(&w, "  %s\n    A  %s\n    B  %s\n", row.Name, absent(row.A), absent(row.B))
			default:
				fmt.Fprintf(&w, "  %-34s %20s  %20s\n", row.Name, absent(row.A), absent(row.B))
			}
		}
		if same > 0 {
			fmt.Fprintf(&w, "  equal: %d\n", same)
		}
	}
	return w.String()
}

// absent shows that a run does not have what the other has.
func absent(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// DiffPage returns a comparison as a page, which needs neither network nor script.
func DiffPage(a, b Side) string {
	p := &page{}
	p.head(fmt.Sprintf("%s against %s", a.Name, b.Name), "")
	p.put("<header>\n<h1>Two runs side by side</h1>\n<p>A: %s <span class=\"status %s\">%s</span></p>\n<p>B: %s <span class=\"status %s\">%s</span></p>\n</header>\n",
		a.Name, a.Result.Verdict, mark(a.Result.Verdict), b.Name, b.Result.Verdict, mark(b.Result.Verdict))
	for _, part := range Compare(a.Result, b.Result) {
		p.put("<section>\n<h2>%s</h2>\n<div class=\"wide\">\n<table class=\"sides\">\n<thead><tr><th></th><th>A</th><th>B</th></tr></thead>\n<tbody>\n", part.Title)
		for i := range part.Rows {
			row := &part.Rows[i]
			class := "same"
			if row.Differs() {
				class = "differs"
			}
			p.put("<tr class=\"%s\"><td>%s</td><td class=\"detail\">%s</td><td class=\"detail\">%s</td></tr>\n", class, row.Name, absent(row.A), absent(row.B))
		}
		p.WriteString("</tbody>\n</table>\n</div>\n</section>\n")
	}
	p.WriteString("<section>\n<h2>What the clients saw</h2>\n")
	for _, s := range []struct {
		of string
		Side
	}{{"A", a}, {"B", b}} {
		p.put("<h3>%s: %s</h3>\n<div class=\"wide plot\">\n", s.of, s.Name)
		p.WriteString(operationsPlot(s.Result, s.Timeline) + "</div>\n")
	}
	p.WriteString("</section>\n</main>\n</body>\n</html>\n")
	return p.String()
}
