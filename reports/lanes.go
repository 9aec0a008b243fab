package reports

import (
	"cmp"
	"fmt"
	"slices"
)

// A lane of a machine has four strips, in units of the plot from its top: faults, how the machine was, which groups it led, alerts.
const (
	laneHeight   = 30
	laneFaults   = 3
	laneState    = 10
	laneLeads    = 17
	laneAlerts   = 22
	stripHeight  = 5
	laneBaseline = laneState + stripHeight/2
)

// machines draws a lane for each machine, and one for what is about none.
func (p *page) machines(r *Result) {
	if len(r.Machines) == 0 {
		return
	}
	p.WriteString("<section>\n<h2>The machines</h2>\n<p class=\"soft\">A lane for each, from above: the faults aimed at it, how it was, which groups of the store it led, " +
		"the alerts about it. A dotted line leads from a fault to the alert that named it.</p>\n")
	p.legend("process", "process", "clock", "clock", "network", "network", "disk", "disk", "hardware", "hardware", "hollow", "not felt",
		"off", "off", "paused", "paused", "restarting", "restarting", "lead0", "leads a group", "page", "page", "ticket", "ticket")
	p.WriteString("<div class=\"wide plot\">\n" + lanesPlot(r) + "</div>\n")
	p.leads(r)
	p.WriteString("</section>\n")
}

func lanesPlot(r *Result) string {
	p := newPlot(r, (len(r.Machines)+1)*laneHeight, "machines", "machines, a lane for each")
	for i := range r.Machines {
		m := &r.Machines[i]
		p.level(int64(i)*laneHeight*10+laneBaseline*10, m.Name+" "+m.Role)
		p.lane(r, m, int64(i)*laneHeight*10)
	}
	p.level(int64(len(r.Machines))*laneHeight*10+laneBaseline*10, "no one of them")
	p.strips(r, "", int64(len(r.Machines))*laneHeight*10)
	p.times(r.HealedAt)
	return p.finish()
}

func (p *plot) lane(r *Result, m *Machine, top int64) {
	for _, s := range m.States {
		p.strip(string(s.Kind), top+laneState*10, s.From, s.To, fmt.Sprintf("%s %s, %s to %s", m.Name, s.Kind, s.From, s.To))
	}
	for _, l := range m.Leads {
		p.strip(fmt.Sprintf("lead%d", l.Group%colours), top+laneLeads*10, l.From, l.To,
			fmt.Sprintf("%s leads group %d in term %d, %s to %s", m.Name, l.Group, l.Term, l.From, l.To))
	}
	p.strips(r, m.Name, top)
}

// strips draws the faults and alerts of a machine, or of none.
func (p *plot) strips(r *Result, machine string, top int64) {
	for _, f := range r.played() {
		if !slices.Contains(f.On, machine) && !(machine == "" && len(f.On) == 0) {
			continue
		}
		class := f.Class
		if !f.Felt {
			class += " unfelt"
		}
		p.strip(class, top+laneFaults*10, f.From, f.To, faultTitle(&f))
		if f.Named != nil && r.named(&f, machine) {
			line(p, "detect", p.x(f.From), top+laneFaults*10+stripHeight*10, p.x(f.From+f.Named.After), top+laneAlerts*10+stripHeight*5)
		}
	}
	for i := range r.Alerts {
		if a := &r.Alerts[i]; a.Labels[instance] == machine {
			p.strip(a.class(), top+laneAlerts*10, a.From, a.To, fmt.Sprintf("%s %s, %s to %s: %s", a.Name, a.Target(), a.From, a.To, a.Summary))
		}
	}
}

// named tells whether the alert that named a fault first was about a machine.
func (r *Result) named(f *Fault, machine string) bool {
	return slices.ContainsFunc(r.Alerts, func(a Alert) bool {
		return a.Name == f.Named.Alert && a.Labels[instance] == machine && a.From <= f.From+f.Named.After && a.To >= f.From
	})
}

// strip draws a bar of a lane.
func (p *plot) strip(class string, y int64, from, to Seconds, title string) {
	x := p.x(from)
	p.rect(class, x, max(x+25, p.x(to)), y, y+stripHeight*10, title)
}

// leads lists who led which group in which term.
func (p *page) leads(r *Result) {
	type row struct {
		Lead
		machine string
	}
	var rows []row
	for i := range r.Machines {
		for _, l := range r.Machines[i].Leads {
			rows = append(rows, row{l, r.Machines[i].Name})
		}
	}
	if len(rows) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.From, b.From)) })
	p.put("<details>\n<summary>Who led which group: %d terms</summary>\n<div class=\"wide\">\n<table>\n<thead><tr><th class=\"number\">Group</th>"+
		"<th class=\"number\">Term</th><th>Leader</th><th class=\"number\">From</th><th class=\"number\">To</th></tr></thead>\n<tbody>\n", len(rows))
	for _, l := range rows {
		p.put("<tr><td class=\"number\">%d</td><td class=\"number\">%d</td><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td></tr>\n",
			l.Group, l.Term, l.machine, l.From, l.To)
	}
	p.WriteString("</tbody>\n</table>\n</div>\n</details>\n")
}
