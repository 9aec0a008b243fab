package checks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"picloud/reports"
)

// Digest is what a replica says of its state after it has applied an entry of the log.
type Digest struct {
	Node  string
	Group uint64 `json:"group"` // of replicas that agree with one another only
	Index uint64 `json:"index"`
	Hash  string `json:"hash"`
}

// Digests finds the digests in the log of a run, which has a line for each line of its processes:
// the time, the process as MACHINE#NUMBER and a JSON object. Replicas say their digest with the
// message "state".
func Digests(log []byte) []Digest {
	var all []Digest
	said(log, "state", func(node string, object []byte) {
		d := Digest{Node: node}
		if json.Unmarshal(object, &d) == nil && d.Hash != "" {
			all = append(all, d)
		}
	})
	return all
}

// said visits the lines of a run's log with a message: who said it, and the JSON object.
func said(log []byte, message string, visit func(node string, object []byte)) {
	want := []byte(`"msg":"` + message + `"`)
	EachLine(log, func(_ []byte, process string, object []byte) {
		if bytes.Contains(object, want) {
			node, _, _ := strings.Cut(process, "#")
			visit(node, object)
		}
	})
}

// EachLine visits the lines of a run's log: the time in seconds, the process, as MACHINE#NUMBER, and the JSON
// object.
func EachLine(log []byte, visit func(at []byte, process string, object []byte)) {
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, len(log)+1)
	for lines.Scan() {
		at, rest, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if process, object, is := bytes.Cut(rest, []byte(" ")); is {
			visit(at, string(process), object)
		}
	}
}

// Agreement judges whether replicas that applied the same entries hold the same state: all digests
// of an index must be equal, those of one replica before and after a restart too. It counts the
// indexes of which two digests or more are known.
func Agreement(digests []Digest, minimum int) reports.Check {
	c := reports.Check{Name: "agreement", Status: reports.Pass}
	type place struct{ group, index uint64 }
	first := map[place]Digest{}
	compared := map[place]bool{}
	for _, d := range digests {
		at := place{d.Group, d.Index}
		other, seen := first[at]
		if !seen {
			first[at] = d
			continue
		}
		compared[at] = true
		if other.Hash != d.Hash && c.Status == reports.Pass {
			c.Status = reports.Fail
			c.Detail = fmt.Sprintf("after entry %d %s holds %s, and %s holds %s", d.Index, other.Node, other.Hash, d.Node, d.Hash)
		}
	}
	c.Count = len(compared)
	if c.Status == reports.Pass {
		c.Detail = fmt.Sprintf("replicas held equal states at %d places of the log", c.Count)
	}
	atLeast(&c, minimum, "places that two replicas had reached")
	return c
}
