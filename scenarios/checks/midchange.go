package checks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"picloud/reports"
)

// change is a change of members, or a snapshot on its way, as the leader of its group logs it.
type change struct {
	Group uint64 `json:"group"`
	ID    uint64 `json:"id"`
	What  string `json:"what"`
}

// MidChange counts how often a group lost its leader in the middle of a change of members or of sending a
// snapshot: the leader's process ended, or it said that it leads no more, between the beginning and the
// end. It judges nothing; a sweep sums it up.
func MidChange(log []byte) reports.Check {
	c := reports.Check{Name: "leader-lost-mid-change", Status: reports.Pass}
	open := map[string][]change{} // by process
	last := map[string]int{}      // the last process of each machine
	begun := 0
	lost := func(process string, is func(*change) bool) {
		open[process] = slices.DeleteFunc(open[process], func(ch change) bool {
			if is(&ch) {
				c.Count++
				return true
			}
			return false
		})
	}
	EachLine(log, func(_ []byte, process string, object []byte) {
		machine, number, _ := strings.Cut(process, "#")
		if n, err := strconv.Atoi(number); err == nil && n > last[machine] {
			if before := last[machine]; before > 0 {
				lost(fmt.Sprintf("%s#%d", machine, before), func(*change) bool { return true })
			}
			last[machine] = n
		}
		var line struct {
			change
			Msg   string `json:"msg"`
			Leads bool   `json:"leads"`
		}
		if json.Unmarshal(object, &line) != nil {
			return
		}
		switch line.Msg {
		case "change begins":
			begun++
			open[process] = append(open[process], line.change)
		case "change ends":
			open[process] = slices.DeleteFunc(open[process], func(ch change) bool { return ch.ID == line.ID })
		case "leader":
			if !line.Leads {
				lost(process, func(ch *change) bool { return ch.Group == line.Group })
			}
		}
	})
	c.Detail = fmt.Sprintf("%d of %d changes of members and snapshots on their way", c.Count, begun)
	return c
}
