package checks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"picloud/reports"
	"picloud/scenarios/history"
)

// Serializable judges transactions on lists: within a partition they must seem to happen one after the
// other, in an order in which none comes before one that had returned before it was called. As elements
// are unique and lists only grow, what was read says in which order elements were appended, and with it
// which transaction must come before which; a circle proves that there is no order.
//
// Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations"
// (VLDB 2020).
func Serializable(h history.History, minimum int) reports.Check {
	c := reports.Check{Name: "serializable", Status: reports.Pass}
	partitions := map[string]history.History{}
	for i := range h {
		if o := &h[i]; o.Kind == history.Txn {
			partitions[o.Key] = append(partitions[o.Key], *o)
			if o.Outcome == history.OK {
				c.Count++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(partitions)) {
		if why := judgeLists(partitions[name]); why != "" {
			c.Status, c.Detail = reports.Fail, fmt.Sprintf("partition %s: %s", name, why)
			return c
		}
	}
	c.Detail = fmt.Sprintf("%d transactions in %d partitions", c.Count, len(partitions))
	atLeast(&c, minimum, "transactions")
	return c
}

// lists is what the transactions of a partition say of its lists.
type lists struct {
	txns     history.History
	appender map[string]int      // element -> transaction
	order    map[string][]string // key -> the longest list that was read
	edges    [][]edge            // by transaction, and then by moment
}

// edge says that one transaction comes before another, and why.
type edge struct {
	to  int
	why string
}

// judgeLists says why there is no order of the transactions, or nothing.
func judgeLists(txns history.History) string {
	l := &lists{txns: txns, appender: map[string]int{}, order: map[string][]string{}}
	for i := range txns {
		for _, s := range txns[i].Steps {
			if s.Append != "" {
				l.appender[s.Key+" "+s.Append] = i
			}
		}
	}
	if why := l.findOrders(); why != "" {
		return why
	}
	l.edges = make([][]edge, 2*len(txns))
	l.dataEdges()
	l.timeEdges()
	if circle := l.circle(); circle != nil {
		return "no order is possible:\n" + l.describe(circle)
	}
	return ""
}

// findOrders finds the longest list of each key. All others must be its beginnings.
func (l *lists) findOrders() string {
	l.eachRead(func(_ int, s *history.Step) {
		if len(s.Read) > len(l.order[s.Key]) {
			l.order[s.Key] = s.Read
		}
	})
	why := ""
	l.eachRead(func(i int, s *history.Step) {
		for _, element := range s.Read { // reads come first in a transaction
			if by, known := l.appender[s.Key+" "+element]; known && by == i && why == "" {
				why = fmt.Sprintf("%s read what it appended afterwards: %s", l.txns[i].String(), element)
			}
		}
		if why == "" && !slices.Equal(s.Read, l.order[s.Key][:len(s.Read)]) {
			why = fmt.Sprintf("%s is not a beginning of what another transaction read: %v", l.txns[i].String(), l.order[s.Key])
		}
	})
	if why != "" {
		return why
	}
	for _, key := range slices.Sorted(maps.Keys(l.order)) {
		seen := map[string]bool{}
		for _, element := range l.order[key] {
			i, known := l.appender[key+" "+element]
			switch {
			case !known:
				return fmt.Sprintf("%s has %s, which nobody appended", key, element)
			case l.txns[i].Outcome == history.Failed:
				return fmt.Sprintf("%s has %s of a transaction that failed: %s", key, element, l.txns[i].String())
			case seen[element]:
				return fmt.Sprintf("%s has %s twice: %v", key, element, l.order[key])
			}
			seen[element] = true
		}
	}
	return ""
}

// eachRead visits the reads of transactions that are ok.
func (l *lists) eachRead(visit func(txn int, s *history.Step)) {
	for i := range l.txns {
		if l.txns[i].Outcome != history.OK {
			continue
		}
		for j := range l.txns[i].Steps {
			if s := &l.txns[i].Steps[j]; s.Append == "" {
				visit(i, s)
			}
		}
	}
}

func (l *lists) before(a, b int, format string, args ...any) {
	if a != b {
		l.edges[a] = append(l.edges[a], edge{b, fmt.Sprintf(format, args...)})
	}
}

// dataEdges adds what follows from appends and reads.
func (l *lists) dataEdges() {
	for _, key := range slices.Sorted(maps.Keys(l.order)) {
		order := l.order[key]
		for i := 1; i < len(order); i++ {
			l.before(l.appender[key+" "+order[i-1]], l.appender[key+" "+order[i]], "%s had %s before %s", key, order[i-1], order[i])
		}
	}
	unread := l.unread()
	for _, key := range slices.Sorted(maps.Keys(unread)) {
		if order := l.order[key]; len(order) > 0 {
			for _, i := range unread[key] {
				l.before(l.appender[key+" "+order[len(order)-1]], i, "nobody read what it appended to %s", key)
			}
		}
	}
	l.eachRead(func(i int, s *history.Step) {
		n, order := len(s.Read), l.order[s.Key]
		if n > 0 {
			l.before(l.appender[s.Key+" "+s.Read[n-1]], i, "its %s of %s was read", s.Read[n-1], s.Key)
		}
		if n < len(order) {
			l.before(i, l.appender[s.Key+" "+order[n]], "it did not read %s of %s", order[n], s.Key)
			return
		}
		for _, later := range unread[s.Key] {
			l.before(i, later, "it did not read what the other appended to %s", s.Key)
		}
	})
}

// unread returns the transactions that have happened, as they are ok or something of them was read, and whose appends to a key nobody read.
func (l *lists) unread() map[string][]int {
	read := map[string]bool{}
	for key, order := range l.order {
		for _, element := range order {
			read[key+" "+element] = true
		}
	}
	unread := map[string][]int{}
	for i := range l.txns {
		t := &l.txns[i]
		happened := t.Outcome == history.OK || slices.ContainsFunc(t.Steps, func(s history.Step) bool { return s.Append != "" && read[s.Key+" "+s.Append] })
		for _, s := range t.Steps {
			if happened && s.Append != "" && !read[s.Key+" "+s.Append] {
				unread[s.Key] = append(unread[s.Key], i)
			}
		}
	}
	return unread
}

// timeEdges adds that a transaction comes before those that were called after it had returned. Each return is
// a moment, and moments follow one another, so that there are few edges.
func (l *lists) timeEdges() {
	n := len(l.txns)
	var ended []int // transactions that are ok, by return
	for i := range l.txns {
		if l.txns[i].Outcome == history.OK {
			ended = append(ended, i)
		}
	}
	slices.SortFunc(ended, func(a, b int) int { return cmp.Compare(l.txns[a].Return, l.txns[b].Return) })
	for m, i := range ended {
		l.edges[i] = append(l.edges[i], edge{n + m, "it had returned"})
		if m > 0 {
			l.edges[n+m-1] = append(l.edges[n+m-1], edge{n + m, ""})
		}
	}
	for i := range l.txns {
		m, _ := slices.BinarySearchFunc(ended, i, func(j, i int) int { return cmp.Compare(l.txns[j].Return, l.txns[i].Call) })
		if m > 0 {
			l.edges[n+m-1] = append(l.edges[n+m-1], edge{i, "when the other was called"})
		}
	}
}

// circle returns transactions and moments that each come before the next, and the last before the first; nil
// if there are none.
func (l *lists) circle() []int {
	const unseen, open, closed = 0, 1, 2
	state := make([]uint8, len(l.edges))
	for start := range l.edges {
		if state[start] != unseen {
			continue
		}
		path, next := []int{start}, []int{0}
		state[start] = open
		for len(path) > 0 {
			at := path[len(path)-1]
			if next[len(next)-1] == len(l.edges[at]) {
				state[at] = closed
				path, next = path[:len(path)-1], next[:len(next)-1]
				continue
			}
			to := l.edges[at][next[len(next)-1]].to
			next[len(next)-1]++
			switch state[to] {
			case open:
				return path[slices.Index(path, to):]
			case unseen:
				state[to] = open
				path, next = append(path, to), append(next, 0)
			}
		}
	}
	return nil
}

// describe prints a circle for people, without the moments.
func (l *lists) describe(circle []int) string {
	var b strings.Builder
	start := slices.IndexFunc(circle, func(i int) bool { return i < len(l.txns) })
	for k := range circle {
		i, to := circle[(start+k)%len(circle)], circle[(start+k+1)%len(circle)]
		if i < len(l.txns) {
			fmt.Fprintf(&b, "  %s\n", l.txns[i].String())
		}
		for _, e := range l.edges[i] {
			if e.to == to && e.why != "" {
				fmt.Fprintf(&b, "    before, because %s\n", e.why)
				break
			}
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
