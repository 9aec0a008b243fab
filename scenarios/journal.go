package scenarios

import (
	"encoding/json"
	"io"

	"picloud/chaos"
	"picloud/chaos/monkey"
	"picloud/reports"
)

// JournalFile holds what the monkey did in a live run, one event a line. A fault stands there as it stands in a result.
const JournalFile = "journal.jsonl"

// journalEntry is a line of the journal.
type journalEntry struct {
	At    reports.Seconds `json:"at"`
	What  string          `json:"what"`
	Fault *reports.Fault  `json:"fault,omitempty"`
	Times int64           `json:"times,omitempty"`
	Why   string          `json:"why,omitempty"`
}

// Journal returns what writes events down, line by line, and the first error of writing. The topology is what faults are aimed at.
func Journal(w io.Writer, top *chaos.Topology) (note func(monkey.Event), failed func() error) {
	var err error
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	note = func(v monkey.Event) {
		line := journalEntry{At: reports.Seconds(v.At), What: v.What, Times: v.Times, Why: v.Why}
		if v.Fault != nil {
			f := faultOf(v.Fault, top, v.Times)
			line.Fault = &f
		}
		if bad := e.Encode(&line); err == nil {
			err = bad
		}
	}
	return note, func() error { return err }
}
