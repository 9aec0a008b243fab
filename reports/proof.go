package reports

import (
	"fmt"
	"slices"
)

// Proof is a few operations on one key that no order explains.
type Proof struct {
	Key        string      `json:"key"`
	Operations []Operation `json:"operations"` // in the order of their calls
	// Impossible is the place of the operation with whose return it was certain: what returned before can be explained.
	Impossible int `json:"impossible"`
}

// Operation is one operation of a proof.
type Operation struct {
	Client int     `json:"client"`
	Did    string  `json:"did"` // "wrote \"a\"", "read nothing"
	Call   Seconds `json:"call"`
	Return Seconds `json:"return"`
	Sure   bool    `json:"sure"` // its outcome is known; otherwise it may have happened at any time after its call, or never
}

const (
	proofRow   = 34 // of a client, in units of the plot
	proofBar   = 14
	letterWide = 6 // about, of the font of plots
)

// proof draws the operations: a row for each client, the time from left to right. As operations are milliseconds long and may lie seconds
// apart, equal steps lead from one call or return to the next, and the times stand below.
func (p *page) proof(c *Check) {
	if c.Proof == nil || len(c.Proof.Operations) == 0 {
		return
	}
	p.put("<h3>%s: the operations on %s that no order explains</h3>\n", c.Name, c.Proof.Key)
	p.legend("ok", "ok", "unknown", "nobody knows whether it happened", "failed", "with its return it was certain",
		"", "from one mark below to the next are equal steps, not equal times")
	p.WriteString("<div class=\"wide plot\">\n" + proofPlot(c.Proof) + "</div>\n")
	o := &c.Proof.Operations[c.Proof.Impossible]
	p.put("<p>Client %d %s, at %s to %s: nothing that happened before can have left that, in any order that fits the times.</p>\n", o.Client, o.Did, o.Call, o.Return)
}

func proofPlot(proof *Proof) string {
	var marks []Seconds
	var clients []int
	for _, o := range proof.Operations {
		marks = append(marks, o.Call, o.Return)
		clients = append(clients, o.Client)
	}
	slices.Sort(marks)
	slices.Sort(clients)
	marks, clients = slices.Compact(marks), slices.Compact(clients)
	p := &plot{height: len(clients) * proofRow}
	fmt.Fprintf(p, `<svg viewBox="0 0 %d %d" role="img" aria-label="operations of the proof, a row for each client">`+"\n", plotWidth, p.height+axisHeight)
	x := func(t Seconds) int64 {
		n, _ := slices.BinarySearch(marks, t)
		return plotLeft*10 + int64(n)*(plotRight-plotLeft-60)*10/max(1, int64(len(marks)-1))
	}
	for i, c := range clients {
		y := int64(i)*proofRow*10 + 240
		line(p, "grid", plotLeft*10, y, plotRight*10, y)
		text(p, plotLeft*10-70, y+38, "end", fmt.Sprintf("client %d", c))
	}
	end := make([]int64, len(clients)) // of what stands in a row already
	for i, o := range proof.Operations {
		row := slices.Index(clients, o.Client)
		y := int64(row) * proofRow * 10
		from, to, class := x(o.Call), x(o.Return), "ok"
		switch {
		case i == proof.Impossible:
			class = "failed"
		case !o.Sure:
			class, to = "unknown", plotRight*10
		}
		p.rect(class, from, max(from+40, to), y+170, y+170+proofBar*10, fmt.Sprintf("client %d %s at %s..%s", o.Client, o.Did, o.Call, o.Return))
		wide := int64(len([]rune(o.Did))) * letterWide * 10
		at := max(min(from, plotWidth*10-wide), end[row], plotLeft*10) // before its bar rather than cut off
		text(p, at, y+140, "start", o.Did)
		end[row] = at + wide + 2*letterWide*10
	}
	last := int64(-1000)
	for _, t := range marks {
		line(p, "grid", x(t), 0, x(t), int64(p.height)*10)
		if x(t)-last > 600 {
			text(p, x(t), int64(p.height)*10+160, "middle", t.String())
			last = x(t)
		}
	}
	return p.String() + "</svg>\n"
}
