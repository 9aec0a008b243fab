package emulated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPi goes through what a node does with a board, on one Pi. The last of its steps resets the board.
func TestPi(t *testing.T) {
	p := on(t, numbered(parts(t), 1))
	for _, step := range []struct {
		name string
		run  func(*testing.T, *Pi)
	}{
		{"the kernel runs on the board", kernelRuns},
		{"reading an output back makes it an input", readBack},
		{"the node serves", nodeServes},
		{"a watchdog that was disarmed does not reset the board", disarmed},
		{"a watchdog that is not fed resets the board", starved},
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

// kernelRuns shows that the guest is what it is to be, by files alone.
func kernelRuns(t *testing.T, p *Pi) {
	if model := file(t, p, "/proc/device-tree/model"); model != "Raspberry Pi 3 Model B" {
		t.Errorf("the board is a %q", model)
	}
	if kind := file(t, p, "/sys/class/thermal/thermal_zone0/type"); kind != "cpu-thermal" {
		t.Errorf("the sensor is %q", kind)
	}
	heat := file(t, p, "/sys/class/thermal/thermal_zone0/temp")
	if n, err := strconv.Atoi(heat); err != nil || n < 20_000 || n > 30_000 {
		t.Errorf("the processor has %q m°C, outside of what QEMU has it have", heat)
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

func nodeServes(t *testing.T, p *Pi) {
	startNode(t, p, map[string]string{p.Name: p.Address.String()}, nil)
	eventually(t, "a document is stored", func(ctx context.Context) error {
		_, err := document(ctx, p, "PUT", "greeting", `"hello"`)
		return err
	})
	if got, err := document(t.Context(), p, "GET", "greeting", ""); err != nil || !strings.Contains(got, "hello") {
		t.Errorf("the document is %s (%v)", got, err)
	}
	if leads, err := metric(t.Context(), p, "picloud_store_group_leader"); err != nil || leads == 0 {
		t.Errorf("the node leads %v groups of its store (%v)", leads, err)
	}
	endNode(t, p)
}

// endNode ends the node in an orderly way.
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

const watchdogDevice = "/dev/watchdog"

// resetSlack is what a reset may take beyond the watchdog's time-out, on a machine that does other things too.
const resetSlack = 2 * time.Minute

// watchdogTimeout returns that of the kernel's first watchdog.
func watchdogTimeout(t *testing.T, p *Pi) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(file(t, p, "/sys/class/watchdog/watchdog0/timeout"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds) * time.Second
}

// disarmed opens the watchdog and closes it with the letter V before that, as an orderly end does.
func disarmed(t *testing.T, p *Pi) {
	if err := p.WriteFile(t.Context(), watchdogDevice, []byte("V")); err != nil {
		t.Fatal(err)
	}
	limit := watchdogTimeout(t, p)
	if p.EndsWithin(t.Context(), limit+15*time.Second) {
		t.Fatalf("the board has reset although its watchdog was disarmed; the end of its console:\n%s", p.Console())
	}
	file(t, p, "/proc/uptime")
}

// starved opens the watchdog and never feeds it.
func starved(t *testing.T, p *Pi) {
	limit := watchdogTimeout(t, p)
	if err := p.WriteFile(t.Context(), watchdogDevice, []byte("1")); err != nil {
		t.Fatal(err)
	}
	resets(t, p, limit)
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
// model does that at once where the board counts 15 s first, so nothing more can be shown of it.
func TestTheBoardsOwnWatchdog(t *testing.T) {
	p := on(t, numbered(parts(t), 1))
	if is := file(t, p, "/sys/class/watchdog/watchdog1/identity"); !strings.Contains(is, "BCM2835") {
		t.Fatalf("the second watchdog is %q, not the board's", is)
	}
	err := p.WriteFile(t.Context(), watchdogDevice+"1", []byte("1"))
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal(fmt.Errorf("the board has no watchdog: %w", err))
	}
	resets(t, p, 15*time.Second)
}
