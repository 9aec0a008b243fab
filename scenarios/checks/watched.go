package checks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Told is one event as a watcher was told it. The value of a list is its elements with commas between them.
type Told struct {
	Watcher   string `json:"watcher"`
	Partition string `json:"partition"`
	Revision  uint64 `json:"revision"`
	Key       string `json:"key"`
	Value     string `json:"value"`
}

// ToldIn finds in the log of a run what watchers were told, in their order, behind which partitions each watches: that is of revision 0, and
// no event.
func ToldIn(log []byte) []Told {
	var all []Told
	for _, what := range []string{"watching", "watched"} {
		said(log, what, func(_ string, object []byte) {
			var t Told
			if json.Unmarshal(object, &t) == nil && t.Watcher != "" {
				all = append(all, t)
			}
		})
	}
	return all
}

// Watched judges what watchers of lists were told from the beginning on: nothing twice, nothing out of order,
// nothing left out. A transaction appends one element at most to a list, so each event of a list must hold
// one element more than the one before; and all that transactions read must have been told to every
// watcher of the partition, as it was read: as lists only grow, each was a beginning of the last that was told. It counts events.
func Watched(told []Told, h history.History, minimum int) reports.Check {
	c := reports.Check{Name: "watched", Status: reports.Pass}
	watches := map[string]*watch{}
	for i := range told {
		t := &told[i]
		name := t.Partition + " watched by " + t.Watcher
		if watches[name] == nil {
			watches[name] = &watch{partition: t.Partition, lists: map[string]string{}, at: map[string]uint64{}}
		}
		if t.Revision == 0 {
			continue
		}
		c.Count++
		if why := watches[name].take(t); why != "" {
			c.Status, c.Detail = reports.Fail, fmt.Sprintf("%s: %s", name, why)
			return c
		}
	}
	for _, name := range slices.Sorted(maps.Keys(watches)) {
		if why := watches[name].misses(h); why != "" {
			c.Status, c.Detail = reports.Fail, fmt.Sprintf("%s: %s", name, why)
			return c
		}
	}
	c.Detail = fmt.Sprintf("%d events in %d watches", c.Count, len(watches))
	atLeast(&c, minimum, "events")
	return c
}

// watch is what one watcher knows of one partition.
type watch struct {
	partition string
	revision  uint64
	lists     map[string]string
	at        map[string]uint64 // revision of each list
}

// take takes an event and says what is wrong with it, or nothing.
func (w *watch) take(t *Told) string {
	before := w.lists[t.Key]
	start := before
	if before != "" {
		start += ","
	}
	switch {
	case t.Revision < w.revision || t.Revision == w.at[t.Key]:
		return fmt.Sprintf("revision %d of %s comes after revision %d", t.Revision, t.Key, max(w.revision, w.at[t.Key]))
	case !strings.HasPrefix(t.Value, start) || strings.Count(t.Value, ",") != elements(before):
		return fmt.Sprintf("at revision %d %s was [%s], and next, at revision %d, it is [%s]", w.at[t.Key], t.Key, before, t.Revision, t.Value)
	}
	w.revision, w.at[t.Key], w.lists[t.Key] = t.Revision, t.Revision, t.Value
	return ""
}

func elements(list string) int {
	if list == "" {
		return 0
	}
	return strings.Count(list, ",") + 1
}

// misses says what transactions read and the watcher was not told, or nothing.
func (w *watch) misses(h history.History) string {
	for i := range h {
		o := &h[i]
		if o.Kind != history.Txn || o.Key != w.partition || o.Outcome != history.OK {
			continue
		}
		for _, s := range o.Steps {
			if len(s.Read) > 0 && !strings.HasPrefix(w.lists[s.Key]+",", strings.Join(s.Read, ",")+",") {
				return fmt.Sprintf("%s, and the last that was told of it is [%s]", o.String(), w.lists[s.Key])
			}
		}
	}
	return ""
}
