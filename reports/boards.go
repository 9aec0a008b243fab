package reports

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
)

// Boards is what the modelled boards of a run went through, in the order of their machines' names.
type Boards []Board

// Board is one of them. The lists have a figure for each second from the beginning on.
type Board struct {
	Machine      string       `json:"machine"`
	MilliCelsius []int64      `json:"milli_celsius"` // of the processor
	Megahertz    []int64      `json:"megahertz"`     // of its clock; 0 while nothing runs
	Milliwatts   []int64      `json:"milliwatts"`    // drawn
	Millivolts   []int64      `json:"millivolts"`    // that arrive
	Events       []BoardEvent `json:"events"`
}

// BoardEvent is something that happened to a board, or that it did to another.
type BoardEvent struct {
	At      Seconds `json:"at"`
	Kind    string  `json:"kind"`
	Machine string  `json:"machine,omitempty"` // to which it did it
}

// colours is how many classes of lines the page's style knows.
const colours = 8

// boards draws heat, clock and power of all boards.
func (p *page) boards(r *Result, all Boards) {
	if len(all) == 0 {
		return
	}
	p.WriteString("<section>\n<h2>The hardware</h2>\n<p class=\"soft\">As the modelled boards were, whatever their nodes could read of it.</p>\n")
	var legend []string
	for i := range all {
		legend = append(legend, fmt.Sprintf("rule board%d", i%colours), all[i].Machine)
	}
	p.legend(append(legend, "", "grey bands: faults")...)
	for _, plot := range []struct {
		name, title string
		per, least  int64
		of          func(*Board) []int64
	}{
		{"temperature", "Temperature, °C", 1000, 20, func(b *Board) []int64 { return b.MilliCelsius }},
		{"clock", "Clock, MHz", 1, 0, func(b *Board) []int64 { return b.Megahertz }},
		{"power", "Power, W", 1000, 0, func(b *Board) []int64 { return b.Milliwatts }},
		{"voltage", "Voltage at the board, V", 1000, 0, func(b *Board) []int64 { return b.Millivolts }},
	} {
		p.put("<h3>%s</h3>\n<div class=\"wide plot\">\n", plot.title)
		p.WriteString(boardsPlot(r, all, plot.name, plot.title, plot.per, plot.least, plot.of) + "</div>\n")
	}
	p.boardEvents(all)
	p.WriteString("</section>\n")
}

// boardsPlot draws a line for each board. Figures are printed by so many of the smallest unit.
func boardsPlot(r *Result, all Boards, name, title string, per, least int64, of func(*Board) []int64) string {
	p := newPlot(r, opsHeight, name, title)
	p.bands(r)
	high := least + 1
	for i := range all {
		for _, v := range of(&all[i]) {
			high = max(high, v/per+1)
		}
	}
	step := max(1, (high-least)/4)
	if step > 2 {
		step = roundUp(step)
	}
	high = least + (high-least+step-1)/step*step
	const base, full = opsHeight * 10, (opsHeight - 10) * 10
	y := func(v int64) int64 { return base - (max(v, least*per)-least*per)*full/((high-least)*per) }
	for v := least; v <= high; v += step {
		p.level(y(v*per), fmt.Sprint(v))
	}
	for i := range all {
		var points []string
		for second, v := range of(&all[i]) {
			points = append(points, tenths(p.x(Seconds(second)*1e9))+","+tenths(y(v)))
		}
		fmt.Fprintf(p, `<polyline class="board%d" points="%s"><title>%s</title></polyline>`+"\n", i%colours, strings.Join(points, " "), html.EscapeString(all[i].Machine))
	}
	p.times(r.HealedAt)
	return p.finish()
}

// boardEvents lists what happened to boards, but for their first start.
func (p *page) boardEvents(all Boards) {
	type event struct {
		BoardEvent
		of string
	}
	var list []event
	for i := range all {
		for n, e := range all[i].Events {
			if n > 0 || e.Kind != "started" {
				list = append(list, event{e, all[i].Machine})
			}
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b event) int { return cmp.Compare(a.At, b.At) })
	p.put("<details>\n<summary>%d resets, halts and relays</summary>\n<div class=\"wide\">\n<table>\n<thead><tr><th class=\"number\">At</th><th>Board</th>"+
		"<th>What</th></tr></thead>\n<tbody>\n", len(list))
	for _, e := range list {
		p.put("<tr><td class=\"number\">%s</td><td>%s</td><td>%s</td></tr>\n", e.At, e.of, strings.TrimSpace(strings.ReplaceAll(e.Kind, "-", " ")+" "+e.Machine))
	}
	p.WriteString("</tbody>\n</table>\n</div>\n</details>\n")
}
