package checks

import (
	"encoding/json"
	"fmt"
	"time"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Untouched judges whether nodes that look after their health left everything as it was, but for their fans: with hardware that is well there
// is nothing to do. Count is how many of them there were.
func Untouched(log []byte) reports.Check {
	c := reports.Check{Name: "untouched", Status: reports.Pass}
	did := 0
	EachLine(log, func(at []byte, process string, object []byte) {
		var line struct {
			Msg     string `json:"msg"`
			Action  string `json:"action"`
			Subject string `json:"subject"`
			Rule    string `json:"rule"`
		}
		if json.Unmarshal(object, &line) != nil {
			return
		}
		switch {
		case line.Msg == "health looks after the node":
			c.Count++
		case line.Msg == "health acts" && line.Action != "fan":
			if did++; did == 1 {
				c.Status = reports.Fail
				c.Detail = fmt.Sprintf("%s did %s %s at %s, by the rule %s", process, line.Action, line.Subject, when(at), line.Rule)
			}
		}
	})
	switch {
	case did > 1:
		c.Detail += fmt.Sprintf("; %d deeds in all", did)
	case did == 0 && c.Count == 0:
		c.Status, c.Detail = reports.Inconclusive, "no node looked after its health"
	case did == 0:
		c.Detail = fmt.Sprintf("%d nodes looked after their health and did nothing", c.Count)
	}
	return c
}

// when prints the time at the beginning of a line of a log.
func when(at []byte) string {
	d, err := time.ParseDuration(string(at) + "s")
	if err != nil {
		return string(at)
	}
	return history.Seconds(d)
}
