package reports

import "encoding/json"

// data is what the page's script is told, beside what it finds in the page. Times are in seconds, of milliseconds.
type data struct {
	End      Seconds       `json:"end"`
	Healed   Seconds       `json:"healed"`
	Left     int           `json:"left"`  // where the axis of time begins in a plot
	Right    int           `json:"right"` // and where it ends
	Seconds  [][6]int64    `json:"seconds"`
	Machines []machineData `json:"machines"`
	Faults   []faultData   `json:"faults"`
	Alerts   []alertData   `json:"alerts"`
}

type machineData struct {
	Name   string      `json:"name"`
	Role   string      `json:"role"`
	Shelf  string      `json:"shelf"`
	States []stateData `json:"states"`
	Leads  []leadData  `json:"leads"`
	Board  *boardData  `json:"board,omitempty"`
}

type stateData struct {
	Kind Condition `json:"kind"`
	From Seconds   `json:"from"`
	To   Seconds   `json:"to"`
}

type leadData struct {
	Group uint64  `json:"group"`
	Term  uint64  `json:"term"`
	From  Seconds `json:"from"`
	To    Seconds `json:"to"`
}

type faultData struct {
	Kind   string   `json:"kind"`
	Class  string   `json:"class"`
	Target string   `json:"target"`
	From   Seconds  `json:"from"`
	To     Seconds  `json:"to"`
	Felt   bool     `json:"felt"`
	On     []string `json:"on"`
}

type alertData struct {
	Name   string  `json:"name"`
	Target string  `json:"target"`
	From   Seconds `json:"from"`
	To     Seconds `json:"to"`
}

// boardData has a figure for each second, in the smallest units that a board has.
type boardData struct {
	Temperature []int64 `json:"temperature"`
	Clock       []int64 `json:"clock"`
	Power       []int64 `json:"power"`
	Voltage     []int64 `json:"voltage"`
}

// script returns what the page's script is told, as JSON that can stand in a page: signs that mean something there are escaped.
func (r *Result) script(t Timeline, boards Boards) string {
	d := data{End: coarse(max(r.SimulatedSeconds, 1e9)), Healed: r.HealedAt, Left: plotLeft, Right: plotRight, Seconds: [][6]int64{}, Machines: []machineData{}, Faults: []faultData{}, Alerts: []alertData{}}
	for _, s := range t {
		d.Seconds = append(d.Seconds, [6]int64{int64(s.OK), int64(s.Failed), int64(s.Unknown), s.MedianUS, s.P99US, s.MaxUS})
	}
	for i := range r.Machines {
		m := &r.Machines[i]
		one := machineData{Name: m.Name, Role: m.Role, Shelf: m.Switch, States: []stateData{}, Leads: []leadData{}}
		for _, s := range m.States {
			one.States = append(one.States, stateData{s.Kind, coarse(s.From), coarse(s.To)})
		}
		for _, l := range m.Leads {
			one.Leads = append(one.Leads, leadData{l.Group, l.Term, coarse(l.From), coarse(l.To)})
		}
		for n := range boards {
			if b := &boards[n]; b.Machine == m.Name {
				one.Board = &boardData{b.MilliCelsius, b.Megahertz, b.Milliwatts, b.Millivolts}
			}
		}
		d.Machines = append(d.Machines, one)
	}
	for _, f := range r.played() {
		d.Faults = append(d.Faults, faultData{f.Kind, f.Class, f.Target, coarse(f.From), coarse(f.To), f.Felt, append([]string{}, f.On...)})
	}
	for i := range r.Alerts {
		a := &r.Alerts[i]
		d.Alerts = append(d.Alerts, alertData{a.Name, a.Target(), coarse(a.From), coarse(a.To)})
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic("reports: what a script is told is numbers and texts only: " + err.Error())
	}
	return string(b)
}

// coarse cuts a time to milliseconds.
func coarse(t Seconds) Seconds { return t / 1e6 * 1e6 }
