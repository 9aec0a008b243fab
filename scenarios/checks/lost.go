package checks

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Loss is what is asked of a cloud that has lost data.
type Loss struct {
	Within   time.Duration // after a copy was lost for good everybody is told so
	SharePPM int64         // of the operations that fail from then on, which must say that they do so for the loss
	Minimum  int           // of those that say it
	Alert    string        // that must fire
}

// What a node logs of a damaged disk: that it cannot be mended yet, or not be told whose it is, and what ends that.
const (
	copyUnread = "the disk is damaged, and the node does not start from it"
	copyLost   = "the disk is damaged, and the node cannot leave its groups yet"
	copyWhole  = "the disk is whole after all"
	copyThrown = "the disk was damaged: all is thrown away, and comes again from others"
)

// Lost judges whether a loss is said and never hidden, where more copies were damaged than a store survives: from some time after a
// copy was lost for good, what is asked for is answered, which is for other checks to judge, or refused for the reason
// that it is lost; and an alert fires. It is inconclusive if no copy was lost for good. Count is the number of operations that said it.
func Lost(h history.History, log []byte, alerts []reports.Alert, l Loss) reports.Check {
	c := reports.Check{Name: "lost", Status: reports.Pass}
	machine, since, is := lostSince(log)
	if !is {
		c.Status = reports.Inconclusive
		c.Detail = "no copy was lost for good: there was nothing to say"
		return c
	}
	served, silent, first := 0, 0, ""
	var harm wronged
	for i := range h {
		o := &h[i]
		switch {
		case o.Call < since+l.Within:
		case o.Outcome == history.OK:
			served++
		case SaysLost(o):
			c.Count++
		default:
			harm.by(o)
			if silent++; first == "" {
				first = fmt.Sprintf("%s: %s", o, o.Error)
			}
		}
	}
	alarm := time.Duration(-1)
	for i := range alerts {
		if a := &alerts[i]; a.Name == l.Alert && time.Duration(a.To) >= since && alarm < 0 {
			alarm = time.Duration(a.From)
		}
	}
	c.Detail = fmt.Sprintf("%s has lost its copy since %s: from %s on %d operations succeeded, %d said that what they ask for is lost, and %d failed otherwise",
		machine, history.Seconds(since), history.Seconds(since+l.Within), served, c.Count, silent)
	switch {
	case int64(c.Count)*1e6 < l.SharePPM*int64(c.Count+silent):
		c.Status = reports.Fail
		c.Detail = fmt.Sprintf("%d of %d operations that failed do not say that what they ask for is lost, and %d ppm of them are to; %s; %s",
			silent, c.Count+silent, l.SharePPM, first, c.Detail)
	case alarm < 0 || alarm > since+l.Within:
		c.Status, c.Detail = reports.Fail, "no alert "+l.Alert+" fired in time; "+c.Detail
	case c.Count < l.Minimum:
		c.Status = reports.Inconclusive
		c.Detail += fmt.Sprintf("; %d must say it", l.Minimum)
	default:
		c.Detail += fmt.Sprintf("; %s fires from %s on", l.Alert, history.Seconds(alarm))
	}
	harm.into(&c)
	return c
}

// SaysLost tells whether an operation ended with the error that what it asks for is lost, in the words of the store, the database or its
// Redis.
func SaysLost(o *history.Operation) bool {
	return strings.Contains(o.Error, "(lost)") || strings.Contains(o.Error, `"kind":"lost"`) || strings.Contains(o.Error, `"kind": "lost"`)
}

// lostSince returns which machine said first that it has lost its copy and has not taken that back, and since when it has.
func lostSince(log []byte) (machine string, since time.Duration, is bool) {
	lost := map[string]time.Duration{}
	var order []string
	EachLine(log, func(at []byte, process string, object []byte) {
		var line struct{ Msg string }
		if !strings.Contains(string(object), "disk") || json.Unmarshal(object, &line) != nil {
			return
		}
		name, _, _ := strings.Cut(process, "#")
		switch _, before := lost[name]; {
		case (line.Msg == copyLost || line.Msg == copyUnread) && !before:
			var now reports.Seconds
			if now.UnmarshalJSON([]byte(strings.TrimSuffix(string(at), "s"))) == nil {
				lost[name] = time.Duration(now)
				order = append(order, name)
			}
		case line.Msg == copyWhole, line.Msg == copyThrown:
			delete(lost, name)
		}
	})
	for _, name := range order {
		if at, still := lost[name]; still && (!is || at < since) {
			machine, since, is = name, at, true
		}
	}
	return machine, since, is
}
