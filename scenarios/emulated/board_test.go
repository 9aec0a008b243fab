package emulated

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"picloud/hw"
	"picloud/node"
	"picloud/scenarios/emulated/inside"
	"picloud/scenarios/shelf"
)

// TestPi goes through what a node does with a board, on one Pi. The last of its steps resets the board.
func TestPi(t *testing.T) {
	p := on(t, numbered(parts(t), 1))
	for _, step := range []struct {
		name string
		run  func(*testing.T, *Pi)
	}{
		{"the kernel runs on the board", kernelRuns},
		{"picloud hw knows the board", boardIsKnown},
		{"reading an output back makes it an input", readBack},
		{"a relay that is open is so to the kernel", relayIsOpen},
		{"a node serves, and keeps its board alive", nodeLives},
		{"a node that ends leaves the board alone", nodeEnds},
		{"a node that hangs has its board reset", nodeHangs},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, p) }) {
			return
		}
	}
}

func numbered(c Config, n byte) Config {
	c.Number = n
	return c
}

// file reads a file of the guest that must be there.
func file(t *testing.T, p *Pi, path string) string {
	t.Helper()
	text, err := p.File(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(text, "\x00\n ")
}

// board is what QEMU has the board be. Its temperature never changes.
const (
	board   = "Raspberry Pi 3 Model B"
	coldest = 20 // °C
	hottest = 30
)

// kernelRuns shows that the guest is what it is to be, by the kernel's files alone.
func kernelRuns(t *testing.T, p *Pi) {
	if model := file(t, p, "/proc/device-tree/model"); model != board {
		t.Errorf("the board is a %q", model)
	}
	if kind := file(t, p, "/sys/class/thermal/thermal_zone0/type"); kind != "cpu-thermal" {
		t.Errorf("the sensor is %q", kind)
	}
	heat := file(t, p, "/sys/class/thermal/thermal_zone0/temp")
	if n, err := strconv.Atoi(heat); err != nil || n < coldest*1000 || n > hottest*1000 {
		t.Errorf("the processor has %s m°C, outside of what QEMU has it have", heat)
	}
}

// boardIsKnown shows that the program sees what the kernel shows, and that what the kernel does not show is unknown and not fine.
func boardIsKnown(t *testing.T, p *Pi) {
	ended, err := p.Run(t.Context(), "/"+inside.Program, "hw", "-json")
	if err != nil || ended.Status != 0 {
		t.Fatalf("picloud hw ends with %+v (%v)", ended, err)
	}
	var shown struct {
		Model, Revision string
		Cores           int
		Quantities      []struct {
			Name, Error string
			Figure      *float64
		}
		Lacks []struct{ Capability, Error string }
	}
	if err := json.Unmarshal([]byte(ended.Output), &shown); err != nil {
		t.Fatalf("%v: %s", err, ended.Output)
	}
	t.Log(ended.Output)
	if shown.Model != board || shown.Revision != revision || shown.Cores != 4 {
		t.Errorf("it is a %q, revision %s, with %d cores; want a %q, %s, 4", shown.Model, shown.Revision, shown.Cores, board, revision)
	}
	seen := map[string]bool{}
	for _, q := range shown.Quantities {
		seen[q.Name] = true
		switch q.Name {
		case "temperature":
			if q.Figure == nil || *q.Figure < coldest || *q.Figure > hottest {
				t.Errorf("the temperature is %v (%s)", q.Figure, q.Error)
			}
		case "under-voltage", "clock", "supply-voltage":
			if q.Figure != nil || q.Error == "" {
				t.Errorf("%s is %v, and nobody there can know it", q.Name, *q.Figure)
			}
		}
	}
	lacks := map[string]string{}
	for _, l := range shown.Lacks {
		lacks[l.Capability] = l.Error
	}
	if !seen["temperature"] || !seen["under-voltage"] {
		t.Error("it does not show all quantities")
	}
	// the board's device tree has cores started by spin tables, and what is started so cannot be taken out of use
	for capability, want := range map[hw.Capability]bool{
		hw.ReadTemperature: true, hw.DriveWatchdog: true, hw.DriveHalt: true, hw.ReadPressure: true,
		hw.ReadUnderVoltage: false, hw.ReadClock: false, hw.DriveCores: false, hw.DriveClock: false, hw.ReadFan: false,
	} {
		if why := lacks[string(capability)]; (why == "") != want {
			t.Errorf("that it has %s is %v (%s), want %v", capability, why == "", why, want)
		}
	}
}

// readBack is the reason why a node remembers the level of an output: periph makes an input of a pin that it reads. It also shows that the
// kernel's view tells the difference, which a comparison of levels does not.
func readBack(t *testing.T, p *Pi) {
	const pin = "GPIO20"
	for _, c := range []struct{ do, level, want string }{
		{"high", "", "out hi"}, {"low", "", "out lo"}, {"high", "", "out hi"}, {"read", "High", "in hi"},
	} {
		level, err := p.Pin(t.Context(), pin, c.do)
		if err != nil {
			t.Fatal(err)
		}
		if got := line(t, p, pin); level != c.level || got.String() != c.want {
			t.Errorf("%s after %s is %q to periph and %q to the kernel, want %q and %q", pin, c.do, level, got, c.level, c.want)
		}
	}
}

// line returns the kernel's view of a pin.
func line(t *testing.T, p *Pi, pin string) Line {
	t.Helper()
	l, err := ParseLine(file(t, p, linesFile), pin)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// staysFor checks that a pin is to the kernel what it is to be, and goes on to be.
func staysFor(t *testing.T, p *Pi, d time.Duration, pin, want string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < d; time.Sleep(time.Second) {
		if got := line(t, p, pin); got.String() != want {
			t.Fatalf("%s is %s to the kernel after %s, want %s", pin, got, time.Since(began).Round(time.Second), want)
		}
	}
}

// relayPin is a pin with a relay.
const relayPin = "GPIO21"

// relayIsOpen shows what a relay's pin is while the machine that it feeds is cut off, as long as the board is read, and that nobody holds
// it thereafter.
func relayIsOpen(t *testing.T, p *Pi) {
	if err := p.Start(t.Context(), "/"+inside.Init, relayPin); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pin of a relay that is open is an output and high", func(context.Context) error {
		if got := line(t, p, relayPin); got.String() != "out hi" {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
	staysFor(t, p, 5*time.Second, relayPin, "out hi")
	endNode(t, p)
	if got := line(t, p, relayPin); got.User != "" {
		t.Errorf("%s is held by %s when its program has ended", relayPin, got.User)
	}
}

const (
	watchdog = "/sys/class/watchdog/watchdog0/"
	// timeout is the watchdog's: so long that a node on a busy machine feeds it in time.
	timeout = 30 * time.Second
	// safe is when a watchdog that has not reset the board by then does not count.
	safe = timeout * 3 / 2
	// resetSlack is what a reset may take beyond the timeout, on a machine that does other things too.
	resetSlack = 2 * time.Minute
)

// startWatched starts a node that has the board with a relay and feeds the watchdog, and waits until it does and serves.
func startWatched(t *testing.T, p *Pi) {
	t.Helper()
	startNode(t, p, map[string]string{p.Name: p.Address.String()}, func(m *shelf.Machine) {
		m.Node.Board = &node.Board{Config: hw.Config{Relays: []hw.Relay{{Feeds: "pi-2", Pin: relayPin}}}}
		m.Node.Watchdog = node.Duration{Duration: timeout}
	})
	eventually(t, "a document is stored", func(ctx context.Context) error {
		_, err := document(ctx, p, "PUT", "greeting", `"hello"`)
		return err
	})
	eventually(t, "the watchdog is fed", func(ctx context.Context) error {
		fed, err := metric(ctx, p, "picloud_watchdog_fed_total")
		if err == nil && fed == 0 {
			err = fmt.Errorf("it is not yet")
		}
		return err
	})
	if state, seconds := file(t, p, watchdog+"state"), file(t, p, watchdog+"timeout"); state != "active" || seconds != fmt.Sprint(timeout.Seconds()) {
		t.Errorf("the watchdog is %s and waits %s s, want active and %v", state, seconds, timeout)
	}
}

// nodeLives shows that the node serves, has a relay at rest, says what it knows of the board, and keeps the watchdog from resetting it.
func nodeLives(t *testing.T, p *Pi) {
	startWatched(t, p)
	if got, err := document(t.Context(), p, "GET", "greeting", ""); err != nil || !strings.Contains(got, "hello") {
		t.Errorf("the document is %s (%v)", got, err)
	}
	for _, m := range []struct {
		name, label string
		least, most float64
	}{
		{"picloud_hw_temperature_celsius", "", coldest, hottest},
		{"picloud_hw_known", "temperature", 1, 1},
		{"picloud_hw_known", "under-voltage", 0, 0},
		{"picloud_store_group_leader", "", 1, 100},
	} {
		labels := strings.Fields(m.label)
		if got, err := metric(t.Context(), p, m.name, labels...); err != nil || got < m.least || got > m.most {
			t.Errorf("%s of %q is %v (%v), want %v to %v", m.name, m.label, got, err, m.least, m.most)
		}
	}
	staysFor(t, p, safe, relayPin, "out lo")
	if p.Ended() {
		t.Fatalf("the board has reset although its watchdog was fed; the end of its console:\n%s", p.Console())
	}
}

// nodeEnds ends the node in an orderly way, and shows that the watchdog is left disarmed.
func nodeEnds(t *testing.T, p *Pi) {
	endNode(t, p)
	if state := file(t, p, watchdog+"state"); state != "inactive" {
		t.Errorf("the watchdog is %s after an orderly end", state)
	}
	if p.EndsWithin(t.Context(), safe) {
		t.Fatalf("the board has reset although its watchdog was disarmed; the end of its console:\n%s", p.Console())
	}
	if got := line(t, p, relayPin); got.User != "" {
		t.Errorf("%s is held by %s when the node has ended", relayPin, got.User)
	}
}

// endNode ends what was started, in an orderly way.
func endNode(t *testing.T, p *Pi) {
	t.Helper()
	if err := p.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node ends", func(ctx context.Context) error {
		e, err := p.NodeEnded(ctx)
		if err == nil && e.Status != 0 {
			t.Fatalf("the node has ended with %+v", e)
		}
		return err
	})
}

// nodeHangs starts the node again and stops it, so that nobody feeds the watchdog.
func nodeHangs(t *testing.T, p *Pi) {
	startWatched(t, p)
	if err := p.Signal(t.Context(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resets(t, p, timeout)
}

// resets waits for the board to reset, which ends QEMU.
func resets(t *testing.T, p *Pi, limit time.Duration) {
	t.Helper()
	began := time.Now()
	if !p.EndsWithin(t.Context(), limit+resetSlack) {
		t.Fatalf("the board has not reset within %s although its watchdog waits %s; the end of its console:\n%s", limit+resetSlack, limit, p.Console())
	}
	if p.err != nil {
		t.Fatalf("QEMU has ended otherwise than by the board's reset: %v: %s", p.err, p.said.Bytes())
	}
	t.Logf("the board has reset after %s; its watchdog waits %s", time.Since(began).Round(100*time.Millisecond), limit)
}

// TestTheBoardsOwnWatchdog shows that the driver of the board's own watchdog reaches it: a board whose watchdog was started resets. QEMU's
// model does that at once where the board counts first, so nothing more can be shown of it.
func TestTheBoardsOwnWatchdog(t *testing.T) {
	p := on(t, numbered(parts(t), 1))
	const own = "/sys/class/watchdog/watchdog1/identity"
	if is := file(t, p, own); !strings.Contains(is, "BCM2835") {
		t.Fatalf("the second watchdog is %q, not the board's", is)
	}
	p.WriteFile(t.Context(), "/dev/watchdog1", []byte("1")) // there may be nobody left who could answer
	resets(t, p, 15*time.Second)
}
