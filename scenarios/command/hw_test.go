package command

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
)

// TestABoardIsShown shows machines to people and to programs: what is known, and why the rest is not.
func TestABoardIsShown(t *testing.T) {
	for _, c := range []struct {
		machine string
		want    []string
	}{
		{"5", []string{"board          Raspberry Pi 5 Model B Rev 1.0\n", "47.712°C\n", "2.400GHz\n", "5.118V\n", "unknown: hw: use current: no meter of the board's own supply",
			"2950 a minute\n", "0x000003 SC64G\n", "has fan            yes\n", "has relays         no: "}},
		{"4B with Debian", []string{"under-voltage   unknown: hw: find hwmon device: none of 1 is called rpi_volt (absent); and ", "has watchdog       yes\n"}},
		{"PC", []string{"a machine that is no Raspberry Pi\n", "51°C\n", "has halt           no: hw: use halt: the machine is only looked at (absent)\n"}},
	} {
		t.Run(c.machine, func(t *testing.T) {
			b := boardIn(t, c.machine)
			var people, programs bytes.Buffer
			if err := showBoard(t.Context(), &people, b, false, time.Second, printBoard); err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(people.String(), w) {
					t.Errorf("it does not say %q:\n%s", w, people.String())
				}
			}
			if err := showBoard(t.Context(), &programs, b, false, time.Second, (&boardEncoder{}).print); err != nil {
				t.Fatal(err)
			}
			var shown shownBoard
			if err := json.Unmarshal(programs.Bytes(), &shown); err != nil || strings.Count(programs.String(), "\n") != 1 {
				t.Fatalf("%v: %s", err, programs.String())
			}
			if r := b.Read(); len(shown.Quantities) != len(r.Quantities()) || shown.Model != b.Info().Model {
				t.Errorf("%+v", shown)
			}
			for _, q := range shown.Quantities {
				if (q.Figure == nil) != (q.Error != "") {
					t.Errorf("%s has figure %v and error %q", q.Name, q.Figure, q.Error)
				}
			}
		})
	}
}

func boardIn(t *testing.T, machine string) hw.Board {
	t.Helper()
	for _, m := range hwtest.Machines() {
		if m.Name != machine {
			continue
		}
		open := board.Any
		if m.Board {
			open = func(p hw.Parts) (hw.Board, error) { return board.Open(p, hw.Config{}) }
		}
		b, err := open(m.New())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Fatalf("there is no machine %q", machine)
	return nil
}

// TestThisMachineIsShown runs the command on whatever machine the test runs on.
func TestThisMachineIsShown(t *testing.T) {
	b, err := boardOf("none", "")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := showBoard(t.Context(), &said, b, false, time.Second, printBoard); err != nil || !strings.Contains(said.String(), "temperature") {
		t.Errorf("%v: %s", err, said.String())
	}
}
