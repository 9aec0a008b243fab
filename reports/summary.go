package reports

import (
	"fmt"
	"strings"
)

// maxSummary is the most lines that a summary has.
const maxSummary = 40

// maxDetail is how many lines of what a failed check found a summary has.
const maxDetail = 6

// maxColumns is where a line of a summary is cut.
const maxColumns = 160

// Summary returns the run for a person at a terminal, in at most 40 lines.
func Summary(r *Result) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	add("%s: %s, seed %d", strings.ToUpper(string(r.Verdict)), r.Scenario, r.Seed)
	if r.Verdict != Pass {
		add("  %s", r.Cause())
	}
	if r.Moral != "" {
		add("  %s", r.Moral)
	}
	add("")
	add("%s, trace %s", r.length(), r.TraceHash)
	o := r.Operations
	add("%d operations: %d ok, %d failed, %d unknown", o.OK+o.Failed+o.Unknown, o.OK, o.Failed,
		o.Unknown)
	if i := r.Impact; i != nil && i.Harmed() > 0 {
		bad := "and no second was bad"
		if i.Bad > 0 {
			bad = count(int(i.Bad/1e9), "second", "seconds") + " bad, the last over " + r.recovery()
		}
		add("felt by %d of %d clients: %d of %d requests%s went wrong, %s", i.Hit, i.Clients, i.Harmed(), i.Requests, i.since(), bad)
	}
	add("")
	add("Checks")
	for _, c := range r.Checks {
		detail := strings.Split(c.Detail, "\n")
		add("  %-12s  %-20s  %s", c.Status, c.Name, detail[0])
		if c.Status == Fail {
			for _, line := range detail[1:min(len(detail), maxDetail)] {
				add("  %36s  %s", "", line)
			}
		}
	}
	add("")
	rest := maxSummary - len(lines)
	if r.Replay != "" {
		rest -= 2
	}
	if len(r.Deaths) > 0 {
		rest -= min(len(r.Deaths), 4) + 2
	}
	alerts := append(tierLines(r.Tiers), alertLines(r)...)
	lines = append(lines, faultLines(r, rest-len(alerts))...)
	lines = append(lines, alerts...)
	if len(r.Deaths) > 0 {
		add("Processes that ended by themselves: %d", len(r.Deaths))
		for _, d := range r.Deaths[:min(len(r.Deaths), 4)] {
			reason, _, _ := strings.Cut(d.Reason, "\n")
			add("  %s at %s: %s%s", d.Machine, d.At, reason, excused(d))
		}
		add("")
	}
	again := ""
	if r.Replay != "" {
		again = "Again: " + r.Replay
	}
	return finish(lines, again)
}

func excused(d Death) string {
	if d.AllowedBy == "" {
		return " (unexpected)"
	}
	return " (" + strings.Join(strings.Fields(d.AllowedBy), " ") + ")"
}

// faultLines lists how many faults of each kind there were and how many were felt, several kinds
// to a line where needed, in at most `most` lines with an empty one at the end.
func faultLines(r *Result, most int) []string {
	faults := r.played()
	type tally struct {
		played, felt int
		required     bool
	}
	kinds := kindsByClass(faults)
	tallies := map[string]*tally{}
	for _, k := range kinds {
		tallies[k] = &tally{}
	}
	felt := 0
	for _, f := range faults {
		t := tallies[f.Kind]
		t.played++
		if f.Felt {
			t.felt++
			felt++
		}
		t.required = t.required || f.Required
	}
	lines := []string{fmt.Sprintf("Faults: %d played, %d felt%s", len(faults), felt, after(", and ", r.unplayed()))}
	columns := 1
	for (len(kinds)+columns-1)/columns > most-2 && columns < 4 {
		columns++
	}
	var row string
	for i, k := range kinds {
		t, mark := tallies[k], ""
		if t.required {
			mark = "*"
		}
		row += fmt.Sprintf("  %-24s %4s", k+mark, fmt.Sprintf("%d/%d", t.felt, t.played))
		if (i+1)%columns == 0 || i == len(kinds)-1 {
			lines, row = append(lines, row), ""
		}
	}
	if len(kinds) > 0 {
		lines[0] += "; felt/played of each kind, * is required"
	}
	return append(lines, "")
}

// finish cuts what is too long, and puts the last line, if there is one, after it.
func finish(lines []string, last string) string {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	most := maxSummary
	if last != "" {
		most -= 2
	}
	if len(lines) > most {
		lines = append(lines[:most-1], fmt.Sprintf("and %d more lines, see %s", len(lines)-most+1, PageFile))
	}
	var b strings.Builder
	for _, line := range lines {
		line = strings.TrimRight(line, " ")
		if runes := []rune(line); len(runes) > maxColumns {
			line = string(runes[:maxColumns-1]) + "…"
		}
		b.WriteString(line + "\n")
	}
	if last != "" {
		b.WriteString("\n" + last + "\n") // whole: it is typed
	}
	return b.String()
}
