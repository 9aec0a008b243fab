package reports

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

//go:embed page.css
var css string

//go:embed page.js
var js string

// Page returns the run as one HTML page that needs no network. Its script moves a cursor through the plots and plays the run back; all
// facts are there without it.
func Page(r *Result, t Timeline, b Boards) string {
	p := &page{}
	p.head(fmt.Sprintf("%s, seed %d: %s", r.Scenario, r.Seed, r.Verdict), js)
	p.header(r)
	p.minimal(r.Minimal)
	p.checks(r)
	p.users(r, t)
	p.WriteString(rack)
	p.machines(r)
	p.faults(r)
	p.alerts(r)
	p.coverage(r)
	p.boards(r, b)
	p.tiers(r)
	p.deaths(r)
	if !IsLive(r.TraceHash) {
		p.unmodelled()
	}
	p.WriteString("</main>\n<script type=\"application/json\" id=\"run\">" + r.script(t, b) + "</script>\n<script>" + js + "</script>\n</body>\n</html>\n")
	return p.String()
}

// rack is where the script puts the machines. Without it nothing is shown.
const rack = `<section id="rack" hidden>
<h2>The run, played back</h2>
<p class="soft">The machines on their shelves. The time is that of the cursor in all plots: point at one, or drag in one to look closer.</p>
<div class="stage"></div>
</section>
`

// head begins a page. Its policy lets the browser load nothing, and run no script but the one that is given.
func (p *page) head(title, script string) {
	policy := "default-src 'none'; style-src 'unsafe-inline'"
	if script != "" {
		sum := sha256.Sum256([]byte(script))
		policy += "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	p.put(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="%s">
<title>%s</title>
<style>
`, policy, title)
	p.WriteString(css + "</style>\n</head>\n<body>\n<main>\n")
}

type page struct{ strings.Builder }

// put writes a format whose texts are escaped; %d and %s only.
func (p *page) put(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = html.EscapeString(a)
		case fmt.Stringer:
			args[i] = html.EscapeString(a.String())
		case Status:
			args[i] = html.EscapeString(string(a))
		}
	}
	fmt.Fprintf(p, format, args...)
}

func (p *page) header(r *Result) {
	p.put("<header>\n<span class=\"status %s\">%s</span>\n<h1>%s</h1>\n", r.Verdict,
		mark(r.Verdict), r.Scenario)
	if r.Moral != "" {
		p.put("<p class=\"soft\">%s</p>\n", r.Moral)
	}
	p.put("<p class=\"cause\">%s</p>\n<dl class=\"incident\">\n", r.Cause())
	for _, a := range r.Incident() {
		p.put("<div><dt>%s</dt><dd>%s</dd></div>\n", a.Question, a.Text)
	}
	p.WriteString("</dl>\n<dl>\n")
	fact := func(name, value string) { p.put("<div><dt>%s</dt><dd>%s</dd></div>\n", name, value) }
	o := r.Operations
	fact("seed", fmt.Sprint(r.Seed))
	fact("length", r.length())
	fact("operations", fmt.Sprint(o.OK+o.Failed+o.Unknown))
	fact("ok", fmt.Sprint(o.OK))
	fact("failed", fmt.Sprint(o.Failed))
	fact("unknown", fmt.Sprint(o.Unknown))
	fact("trace", fmt.Sprintf("%.16s", r.TraceHash))
	p.WriteString("</dl>\n")
	if r.Replay != "" {
		p.put("<p class=\"cause soft\">Again: <code>%s</code></p>\n", r.Replay)
	}
	p.WriteString("</header>\n")
}

// mark is a status with a sign, so that it does not depend on colour.
func mark(s Status) string {
	return map[Status]string{Pass: "✓ pass", Fail: "✗ fail", Inconclusive: "? inconclusive"}[s]
}

func (p *page) checks(r *Result) {
	p.WriteString("<section>\n<h2>Checks</h2>\n<table " +
		"class=\"stack\">\n<thead><tr><th>Status</th><th>Check</th>" +
		"<th class=\"number\">Looked at</th><th>What it found</th></tr></thead>\n<tbody>\n")
	for _, c := range r.Checks {
		p.put("<tr><td><span class=\"status %s\">%s</span></td><td class=\"name\">%s</td><td "+
			"class=\"number\">%d</td><td class=\"detail\">",
			c.Status, mark(c.Status), c.Name, c.Count)
		first, rest, more := strings.Cut(c.Detail, "\n")
		p.put("%s", first)
		if more {
			p.put("<pre>%s</pre>", rest)
		}
		p.WriteString("</td></tr>\n")
	}
	p.WriteString("</tbody>\n</table>\n")
	for i := range r.Checks {
		p.proof(&r.Checks[i])
	}
	p.WriteString("</section>\n")
}

func (p *page) users(r *Result, t Timeline) {
	per := "each second"
	if n := perBar(len(t)); n > 1 {
		per = fmt.Sprintf("every %d seconds", n)
	}
	p.put("<section>\n<h2>What the clients saw</h2>\n<h3>Operations in %s</h3>\n", per)
	p.legend("ok", "ok", "unknown", "unknown", "failed", "failed",
		"", "grey bands: faults, darker where more at one time")
	p.WriteString("<div class=\"wide plot\">\n" + operationsPlot(r, t) + "</div>\n")
	if perBar(len(t)) > 1 {
		per += ", the worst second of each"
	}
	p.put("<h3>Latency of operations that are ok, in %s</h3>\n", per)
	p.legend("rule median", "median", "rule p99", "99 of 100", "rule max", "slowest")
	p.WriteString("<div class=\"wide plot\">\n" + latencyPlot(r, t) + "</div>\n</section>\n")
}

// legend takes pairs of a class, which gives the mark, and a text.
func (p *page) legend(pairs ...string) {
	p.WriteString("<p class=\"legend\">")
	for i := 0; i < len(pairs); i += 2 {
		p.WriteString("<span>")
		if pairs[i] != "" {
			p.put("<i class=\"%s\"></i>", pairs[i])
		}
		p.put("%s</span>", pairs[i+1])
	}
	p.WriteString("</p>\n")
}

func (p *page) faults(r *Result) {
	p.WriteString("<section>\n<h2>Faults</h2>\n")
	if len(r.Faults) == 0 {
		p.put("<p class=\"soft\">%s</p>\n</section>\n", r.nonePlayed())
		return
	}
	played := r.played()
	var unfelt []Fault
	for _, f := range played {
		if !f.Felt {
			unfelt = append(unfelt, f)
		}
	}
	if len(played) == 0 {
		p.put("<p class=\"soft\">%s</p>\n", r.nonePlayed())
	} else {
		p.put("<p class=\"soft\">%d were played, %d were felt%s.</p>\n", len(played), len(played)-len(unfelt), after("; ", r.unplayed()))
		p.legend("process", "process", "clock", "clock", "network", "network", "disk", "disk", "hardware", "hardware",
			"hollow", "not felt")
		p.WriteString("<div class=\"wide plot\">\n" + faultsPlot(r) + "</div>\n")
	}
	if len(unfelt) > 0 {
		p.put("<h3>Not felt: %d</h3>\n", len(unfelt))
		p.faultTable(unfelt)
	}
	p.put("<details>\n<summary>All %d faults</summary>\n", len(r.Faults))
	p.faultTable(r.Faults)
	p.WriteString("</details>\n</section>\n")
}

func (p *page) faultTable(faults []Fault) {
	p.WriteString("<div class=\"wide\">\n<table>\n<thead><tr><th>Kind</th><th>Target</th><th " +
		"class=\"number\">From</th>" +
		"<th class=\"number\">To</th><th " +
		"class=\"number\">Felt</th><th>Parameters</th></tr></thead>\n<tbody>\n")
	for _, f := range faults {
		kind := f.Kind
		if f.Required {
			kind += " (required)"
		}
		p.put("<tr><td>%s</td><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td>"+
			"<td class=\"number\">%d×</td><td>%s</td></tr>\n", kind, f.Where(), f.From, f.To,
			f.Times, f.Params)
	}
	p.WriteString("</tbody>\n</table>\n</div>\n")
}

// deaths lists the processes that ended by themselves, each end of a machine for the same reason once: a program that finds damage ends again
// whenever it is started.
func (p *page) deaths(r *Result) {
	if len(r.Deaths) == 0 {
		return
	}
	type same struct{ machine, reason, allowedBy string }
	times, first := map[same]int{}, map[same]bool{}
	for _, d := range r.Deaths {
		times[same{d.Machine, d.Reason, d.AllowedBy}]++
	}
	p.put("<section>\n<h2>Processes that ended by themselves</h2>\n<p class=\"soft\">%s.</p>\n", count(len(r.Deaths), "end", "ends"))
	for _, d := range r.Deaths {
		of := same{d.Machine, d.Reason, d.AllowedBy}
		if first[of] {
			continue
		}
		first[of] = true
		p.put("<h3>%s at %s", d.Machine, d.At)
		if n := times[of]; n > 1 {
			p.put(", and for the same reason %s", count(n-1, "more time", "more times"))
		}
		p.put("</h3>\n<p>%s</p>\n", d.Reason)
		if d.AllowedBy != "" {
			p.put("<p class=\"soft\">Excused by <code>%s</code></p>\n", d.AllowedBy)
		}
		if d.Stack != "" {
			p.put("<details><summary>Stack</summary><pre>%s</pre></details>\n", d.Stack)
		}
	}
	p.WriteString("</section>\n")
}
