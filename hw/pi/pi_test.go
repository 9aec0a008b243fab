//go:build linux && (arm64 || amd64)

package pi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"picloud/hw"
	"picloud/hw/board"
	"picloud/hw/hwtest"
)

// rooted returns parts over a folder with some of the files of a machine in memory.
func rooted(t *testing.T, m *hwtest.Parts, patterns ...string) hw.Parts {
	t.Helper()
	root := t.TempDir()
	for _, pattern := range patterns {
		found, err := m.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			text, err := m.ReadFile(file)
			if err != nil {
				continue // a folder
			}
			at := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := Open(Config{Root: root, Halt: []string{"touch", filepath.Join(root, "halted")}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// deep are patterns of all that a machine in memory has below /sys and /proc.
func deep() (all []string) {
	for depth := 1; depth < 9; depth++ {
		all = append(all, "/sys"+strings.Repeat("/*", depth), "/proc"+strings.Repeat("/*", depth))
	}
	return all
}

func TestPartsOverAFolderKeepTheContract(t *testing.T) {
	for _, m := range hwtest.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			hwtest.PartsContract(t, func(t *testing.T) hw.Parts { return rooted(t, m.New(), deep()...) })
		})
	}
}

// TestBoardsOverAFolder opens boards over files alone, as they are on a system without the mailbox.
func TestBoardsOverAFolder(t *testing.T) {
	for _, m := range hwtest.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			hwtest.Board(t, func(t *testing.T) hw.Board {
				open := board.Any
				if m.Board {
					open = func(p hw.Parts) (hw.Board, error) { return board.Open(p, hw.Config{}) }
				}
				b, err := open(rooted(t, m.New(), deep()...))
				if err != nil {
					t.Fatal(err)
				}
				return b
			})
		})
	}
}

// TestThisMachine looks at the machine that the test runs on, whatever it is, and drives nothing.
func TestThisMachine(t *testing.T) {
	p, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.Any(p)
	if err != nil {
		t.Fatal(err)
	}
	i, r := b.Info(), b.Read()
	if cores := i.Cores; cores < 1 {
		t.Errorf("it has %d cores", cores)
	}
	if link, err := r.Link.Up.Get(); err == nil {
		t.Logf("%s, %d cores, link up %v", i.Model, i.Cores, link)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestDevicesAreNotReadAsFiles(t *testing.T) {
	p, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadFile("/dev/null"); hw.KindOf(err) != hw.Invalid {
		t.Errorf("to open a watchdog starts it: %v", err)
	}
}

func TestWritesReplaceAndNeverMake(t *testing.T) {
	p := rooted(t, hwtest.Pi4B(), deep()...)
	const file = "/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
	if err := p.WriteFile(file, []byte("600000")); err != nil {
		t.Fatal(err)
	}
	if text, err := p.ReadFile(file); string(text) != "600000" {
		t.Errorf("it is %q (%v)", text, err)
	}
	if err := p.WriteFile("/sys/new", []byte("1")); hw.KindOf(err) != hw.Absent {
		t.Errorf("a new file: %v", err)
	}
}

func TestHaltIsTheSystems(t *testing.T) {
	p := rooted(t, hwtest.PC())
	if err := p.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.(*Parts).root, "halted")); err != nil {
		t.Error(err)
	}
	p.(*Parts).halt = []string{"false"}
	if err := p.Halt(); hw.KindOf(err) != hw.Failed || err == nil {
		t.Errorf("a command that fails: %v", err)
	}
}

// closable is a pin in memory in place of a line.
type closable struct {
	gpio.PinIO
	closed bool
}

func (c *closable) Close() { c.closed = true }

// TestOutputsAreRemembered: whoever asks an output for its level is told what it was driven with, and its line is not read.
func TestOutputsAreRemembered(t *testing.T) {
	memory := hwtest.Pi4B()
	l := &closable{PinIO: memory.GPIO("GPIO17")}
	p := &outpin{line: l}
	for _, level := range []gpio.Level{gpio.High, gpio.Low, gpio.High} {
		if err := p.Out(level); err != nil {
			t.Fatal(err)
		}
		if p.Read() != level || p.Function() != "Out/"+level.String() || p.String() != "GPIO17" {
			t.Errorf("it is %s, %s, %s, driven %s", p.Read(), p.Function(), p, level)
		}
	}
	if level, driven := memory.GPIO("GPIO17").Driven(); !driven || level != gpio.High || memory.GPIO("GPIO17").Lost() {
		t.Error("its line was read")
	}
	memory.GPIO("GPIO17").Break(true)
	if err := p.Out(gpio.Low); err == nil || p.Read() != gpio.High {
		t.Errorf("a line that is not given is as it was: %s (%v)", p.Read(), err)
	}
	in := &outpin{line: &closable{PinIO: &gpiotest.Pin{N: "GPIO4", L: gpio.High}}}
	if in.Read() != gpio.High || in.Function() != "IN" {
		t.Errorf("an input is %s, %s", in.Read(), in.Function())
	}
}

// TestRequests compares the numbers of requests with how the kernel's headers make them: direction, size, letter, number.
func TestRequests(t *testing.T) {
	iowr := func(letter, number, size uint32) uint32 { return 3<<30 | size<<16 | letter<<8 | number }
	ior := func(letter, number, size uint32) uint32 { return 2<<30 | size<<16 | letter<<8 | number }
	if property != iowr(100, 0, 8) || unix.WDIOC_SETTIMEOUT != iowr('W', 6, 4) || unix.WDIOC_GETTIMEOUT != ior('W', 7, 4) {
		t.Error("a request has another number")
	}
}
