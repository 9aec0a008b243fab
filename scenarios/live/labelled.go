package live

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"picloud/reports"
)

// labelled is the log of a run: each line of its processes after the time and the process, as package checks
// reads it.
type labelled struct {
	now func() time.Duration

	mu  sync.Mutex
	all bytes.Buffer
}

// of returns where a process writes.
func (l *labelled) of(label string) *lines { return &lines{log: l, label: label} }

func (l *labelled) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.all.Bytes())
}

// mostOf is how many lines are shown of a process that ended.
const mostOf = 20

// lastOf returns the last lines of a process.
func (l *labelled) lastOf(label string) string {
	var found []string
	for line := range strings.Lines(string(l.bytes())) {
		if _, text, _ := strings.Cut(line, " "); strings.HasPrefix(text, label+" ") {
			found = append(found, strings.TrimPrefix(text, label+" "))
		}
	}
	return strings.Join(found[max(0, len(found)-mostOf):], "")
}

// lines takes what one process says, in pieces of any size.
type lines struct {
	log   *labelled
	label string
	begun []byte // a line that has no end yet
}

func (w *lines) Write(b []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for line := range bytes.Lines(b) {
		if w.begun = append(w.begun, line...); bytes.HasSuffix(line, []byte("\n")) {
			fmt.Fprintf(&w.log.all, "%s %s %s", reports.Seconds(w.log.now()), w.label, w.begun)
			w.begun = w.begun[:0]
		}
	}
	return len(b), nil
}

// end ends a line that the process has not ended.
func (w *lines) end() {
	if len(w.begun) > 0 {
		w.Write([]byte("\n"))
	}
}
