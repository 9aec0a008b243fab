package net

import (
	"fmt"
	"io"

	"picloud/sim/event"
)

// capture writes what machines put on the wire, a line a segment.
type capture struct {
	w     io.Writer
	first map[[2]endpoint]uint64 // sequence number that a direction of a stream starts with
}

// Capture writes a line to w for everything that is sent from now on: when, the ends, how many
// packets, what kind, sequence numbers relative to the stream's start, and when it arrives or why
// it does not. What waits in a narrow queue gets another line when it has left that. It is for people and tests; nil ends it.
func (n *Network) Capture(w io.Writer) {
	n.capture = nil
	if w != nil {
		n.capture = &capture{w: w, first: make(map[[2]endpoint]uint64)}
	}
}

func (c *capture) line(t *transit, fate string) {
	s, p := t.seg, t.pair
	fmt.Fprintf(c.w, "%v %s:%d>%s:%d %s %s\n",
		t.now, p.from.name, s.from.port(), p.to.name, s.to.port(), c.describe(s), fate)
}

func (c *capture) describe(s *segment) string {
	if s.flags&flagUDP != 0 {
		return fmt.Sprintf("packet %d bytes", len(s.data))
	}
	if s.flags&flagSYN != 0 {
		c.first[[2]endpoint{s.from, s.to}] = s.seq
	}
	text := ""
	for _, f := range []struct {
		bit  flags
		name string
	}{{flagSYN, "SYN "}, {flagFIN, "FIN "}, {flagRST, "RST "}} {
		if s.flags&f.bit != 0 {
			text += f.name
		}
	}
	text += fmt.Sprintf("seq %d", s.seq-c.first[[2]endpoint{s.from, s.to}])
	if len(s.data) > 0 {
		text += fmt.Sprintf("+%d", len(s.data))
	}
	if s.flags&flagACK != 0 {
		text += fmt.Sprintf(" ack %d", s.ack-c.first[[2]endpoint{s.to, s.from}])
		if s.flags&flagRST == 0 {
			text += fmt.Sprintf(" room %d", s.window)
		}
	}
	if s.later > 0 {
		text += fmt.Sprintf(" later %d", s.later)
	}
	return text
}

// note writes what became of a segment; at is its arrival if it has one.
func (n *Network) note(t *transit, fate string, at event.Time) {
	if n.capture == nil {
		return
	}
	if at != 0 {
		fate = "arrives " + at.String()
	}
	n.capture.line(t, fate)
}
