package reports

import (
	"fmt"
	"slices"
	"strings"
)

// coverage is the part of the page that says which kinds of faults hit which tier: the roles of the machines at which they were aimed.
func (p *page) coverage(r *Result) {
	played := r.played()
	if len(played) == 0 || len(r.Machines) == 0 {
		return
	}
	roleOf := map[string]string{}
	var roles []string
	for i := range r.Machines {
		m := &r.Machines[i]
		roleOf[m.Name] = m.Role
		if !slices.Contains(roles, m.Role) {
			roles = append(roles, m.Role)
		}
	}
	type cell struct{ kind, role string }
	times, felt := map[cell]int{}, map[cell]int{}
	for i := range played {
		f := &played[i]
		var hit []string
		for _, machine := range f.On {
			if role := roleOf[machine]; !slices.Contains(hit, role) {
				hit = append(hit, role)
				times[cell{f.Kind, role}]++
				if f.Felt {
					felt[cell{f.Kind, role}]++
				}
			}
		}
	}
	p.WriteString("<section>\n<h2>Which faults hit which tier</h2>\n<p class=\"soft\">Felt of played, by the roles of the machines at which they were aimed. " +
		"A fault that is aimed at several tiers counts for each.</p>\n<div class=\"wide\">\n<table>\n<thead><tr><th>Fault</th>")
	for _, role := range roles {
		p.put("<th class=\"number\">%s</th>", role)
	}
	p.WriteString("</tr></thead>\n<tbody>\n")
	for _, kind := range kindsByClass(played) {
		p.put("<tr><td>%s</td>", kind)
		for _, role := range roles {
			text := ""
			if n := times[cell{kind, role}]; n > 0 {
				text = fmt.Sprintf("%d of %d", felt[cell{kind, role}], n)
			}
			p.put("<td class=\"number\">%s</td>", text)
		}
		p.WriteString("</tr>\n")
	}
	p.WriteString("</tbody>\n</table>\n</div>\n</section>\n")
}

// unmodelled is what no run of the simulator shows, as DESIGN.md has it under "Not modelled"; a test compares the two.
var unmodelled = [...]struct{ topic, what string }{
	{"Processor", "caches, memory bandwidth, interrupts; goroutines of one process run one at a time"},
	{"Atomic loops", "code that neither allocates nor calls is never interrupted"},
	{"Network", "names that resolve wrongly, two machines with one address; finer points of TCP; faults of the loopback"},
	{"Hardware", "USB devices; errors of PHYs; bits that flip in memory; ageing"},
	{"Disk", "where files lie on a card, permissions, memory mapping"},
	{"Operating system", "users, signals, real files"},
}

// unmodelled says what a pass does not cover.
func (p *page) unmodelled() {
	p.WriteString("<section>\n<h2>What was not simulated</h2>\n<ul>\n")
	for _, u := range unmodelled {
		p.put("<li><b>%s</b>: %s.</li>\n", u.topic, strings.TrimSuffix(u.what, "."))
	}
	p.WriteString("</ul>\n<p class=\"soft\">The reasons stand in DESIGN.md, under <i>Not modelled</i>. A live run on real machines has all of this.</p>\n</section>\n")
}
