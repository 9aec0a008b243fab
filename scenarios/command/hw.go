package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"picloud/hw"
	"picloud/hw/pi"
	"picloud/node"
	"picloud/scenarios/shelf"
)

// Hw says what a node sees of the machine that it runs on.
func Hw(ctx context.Context, args []string) error {
	f := flags("hw", `hw [-board auto|none|pi] [-config FILE] [-json] [-watch [-every TIME]]

Says what a node sees of the machine that this runs on: each quantity with its value, or why it is not known, and what
can be done to the board, or why not. It runs on any Linux machine and changes nothing: no relay is switched, no fan set, no watchdog
started. With -config it reads the meters that the node's file names too, beside a node that runs. A watched board is printed again
every so often until it is interrupted; with -json that is an object a line.

Examples:
  picloud hw                                of this machine
  picloud hw -board=none                    of this machine, even if it is a Pi, what any Linux shows
  picloud hw -config /etc/picloud.yaml -watch
  picloud hw -json | jq '.quantities[] | select(.error)'`)
	kind := f.String("board", "auto", "what the machine is: pi for a Raspberry Pi, none for any other, auto to find out")
	config := f.String("config", "", "the node's configuration, for its meters")
	asJSON := f.Bool("json", false, "as JSON")
	watch := f.Bool("watch", false, "print it again and again")
	every := f.Duration("every", 2*time.Second, "how often, with -watch")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if given(f, "every") && (!*watch || *every < 100*time.Millisecond) {
		return errors.New("hw: -every is how often -watch prints, and 100ms or more")
	}
	board, err := boardOf(*kind, *config)
	if err != nil {
		return err
	}
	show := printBoard
	if *asJSON {
		show = (&boardEncoder{indent: !*watch}).print
	}
	return errors.Join(showBoard(ctx, os.Stdout, board, *watch, *every, show), board.Close())
}

// boardOf opens the board of this machine, with the meters of a node's configuration.
func boardOf(kind, config string) (hw.Board, error) {
	c := &node.Board{Kind: kind}
	if config != "" {
		m, err := shelf.ReadMachine(config)
		if err != nil {
			return nil, err
		}
		if b := m.Node.Board; b != nil && kind != "none" {
			c.Meters = b.Meters // its outputs are the node's
		}
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("hw: %w", err)
	}
	parts, err := pi.Open(pi.Config{})
	if err != nil {
		return nil, err
	}
	return node.OpenBoard(parts, c)
}

// showBoard reads a board and prints it, once or until the context ends.
func showBoard(ctx context.Context, w io.Writer, b hw.Board, again bool, every time.Duration, show func(io.Writer, hw.Info, hw.Reading) error) error {
	const settle = 100 * time.Millisecond // a meter that is new measures for so long
	b.Read()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
		if err := show(w, b.Info(), b.Read()); err != nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every - settle):
		}
	}
}

// printBoard prints a board for people.
func printBoard(w io.Writer, i hw.Info, r hw.Reading) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "board\t%s\n", i.Model)
	for _, line := range []struct{ name, text string }{{"revision", i.Revision}, {"serial", i.Serial}} {
		if line.text != "" {
			fmt.Fprintf(t, "%s\t%s\n", line.name, line.text)
		}
	}
	fmt.Fprintf(t, "cores\t%d\n", i.Cores)
	if i.MaxClock > 0 {
		fmt.Fprintf(t, "highest clock\t%s\n", i.MaxClock)
	}
	if i.HardLimit > 0 {
		fmt.Fprintf(t, "limits\tlowers its clock at %s, throttles at %s\n", i.SoftLimit, i.HardLimit)
	}
	fmt.Fprintln(t)
	for _, q := range r.Quantities() {
		text := q.Text
		if q.Err != nil {
			text = "unknown: " + q.Err.Error()
		}
		fmt.Fprintf(t, "%s\t%s\n", q.Label(), text)
	}
	fmt.Fprintln(t)
	for _, c := range hw.Capabilities() {
		text := "yes"
		if err := i.Has[c]; err != nil {
			text = "no: " + err.Error()
		}
		fmt.Fprintf(t, "has %s\t%s\n", c, text)
	}
	return t.Flush()
}

// shownBoard is a board as JSON.
type shownBoard struct {
	Model      string          `json:"model"`
	Revision   string          `json:"revision,omitempty"`
	Serial     string          `json:"serial,omitempty"`
	Cores      int             `json:"cores"`
	Relays     []string        `json:"relays,omitempty"`
	Quantities []shownQuantity `json:"quantities"`
	Lacks      []shownLack     `json:"lacks"`
}

// shownQuantity has an error in place of a figure and a text if it is not known. Figures are in °C, hertz, volts, amperes, bytes, bits a second, seconds.
type shownQuantity struct {
	Name    string   `json:"name"`
	Machine string   `json:"machine,omitempty"`
	Figure  *float64 `json:"figure,omitempty"`
	Text    string   `json:"text,omitempty"`
	Error   string   `json:"error,omitempty"`
}

type shownLack struct {
	Capability hw.Capability `json:"capability"`
	Error      string        `json:"error"`
}

type boardEncoder struct{ indent bool }

// print prints a board as JSON.
func (e *boardEncoder) print(w io.Writer, i hw.Info, r hw.Reading) error {
	shown := shownBoard{Model: i.Model, Revision: i.Revision, Serial: i.Serial, Cores: i.Cores, Relays: i.Relays, Lacks: []shownLack{}}
	for _, q := range r.Quantities() {
		s := shownQuantity{Name: q.Name, Machine: q.Machine, Text: q.Text}
		if q.Err != nil {
			s.Error = q.Err.Error()
		} else {
			s.Figure = &q.Figure
		}
		shown.Quantities = append(shown.Quantities, s)
	}
	for _, c := range hw.Capabilities() {
		if err := i.Has[c]; err != nil {
			shown.Lacks = append(shown.Lacks, shownLack{c, err.Error()})
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if e.indent {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(shown)
}
