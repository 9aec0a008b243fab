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

	"picloud/scenarios/emulated/inside"
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
		{"an output is one to the kernel", drivesRelay},
		{"a watchdog that is fed or disarmed does not reset the board", disarmed},
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

// watchdogTimeout is what the watchdog is asked for, and resetSlack what a reset may take beyond it, on a machine that does other things too.
const (
	watchdogTimeout = 10 * time.Second
	resetSlack      = 2 * time.Minute
)

// useBoard has a program in the guest use the board until it is told to end.
func useBoard(t *testing.T, p *Pi, args ...string) {
	t.Helper()
	if err := p.Start(t.Context(), append([]string{"/" + inside.Init}, args...)...); err != nil {
		t.Fatal(err)
	}
}

// drivesRelay shows that what a board is told of its relays is what the kernel does, and goes on doing while the board is read. When
// its program has ended, nobody holds the pin.
func drivesRelay(t *testing.T, p *Pi) {
	const pin = "GPIO21"
	for _, c := range []struct{ args, want string }{{"-relay " + pin, "out lo"}, {"-relay " + pin + " -open", "out hi"}} {
		useBoard(t, p, strings.Fields(c.args)...)
		eventually(t, c.args+" makes it "+c.want, func(ctx context.Context) error {
			if got := line(t, p, pin); got.String() != c.want {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
		for range 5 {
			time.Sleep(time.Second)
			if got := line(t, p, pin); got.String() != c.want {
				t.Errorf("%s is %s after a while, want %s", pin, got, c.want)
			}
		}
		endNode(t, p)
		if got := line(t, p, pin); got.User != "" {
			t.Errorf("%s is held by %s when its program has ended", pin, got.User)
		}
	}
}

// feeds starts a program that feeds the watchdog, and sees the watchdog run.
func feeds(t *testing.T, p *Pi) {
	t.Helper()
	useBoard(t, p, "-relay", "GPIO21", "-watchdog", watchdogTimeout.String())
	eventually(t, "the watchdog runs", func(context.Context) error {
		if state := file(t, p, watchdog+"state"); state != "active" {
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
	if got, want := file(t, p, watchdog+"timeout"), fmt.Sprint(int(watchdogTimeout/time.Second)); got != want {
		t.Errorf("the watchdog waits %s s, want %s", got, want)
	}
}

const watchdog = "/sys/class/watchdog/watchdog0/"

// disarmed shows that the board lives on while a program feeds its watchdog, and after that has ended in an orderly way.
func disarmed(t *testing.T, p *Pi) {
	feeds(t, p)
	if p.EndsWithin(t.Context(), 2*watchdogTimeout) {
		t.Fatalf("the board has reset although its watchdog was fed; the end of its console:\n%s", p.Console())
	}
	endNode(t, p)
	if state := file(t, p, watchdog+"state"); state != "inactive" {
		t.Errorf("the watchdog is %s after an orderly end", state)
	}
	if p.EndsWithin(t.Context(), 2*watchdogTimeout) {
		t.Fatalf("the board has reset although its watchdog was disarmed; the end of its console:\n%s", p.Console())
	}
}

// starved stops the program that feeds the watchdog.
func starved(t *testing.T, p *Pi) {
	feeds(t, p)
	if err := p.Signal(t.Context(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resets(t, p, watchdogTimeout)
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
	err := p.WriteFile(t.Context(), "/dev/watchdog1", []byte("1"))
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal(fmt.Errorf("the board has no watchdog: %w", err))
	}
	resets(t, p, 15*time.Second)
}
