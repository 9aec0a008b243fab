package kernel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"picloud/sim/channel"
	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// told collects what processes record, with the virtual time at which it took effect.
type told struct {
	k     *kernel.Kernel
	lines []string
	at    []time.Duration
}

func (d *told) record(_ *kernel.Process, line []byte) {
	d.lines = append(d.lines, string(line))
	d.at = append(d.at, time.Duration(d.k.Now()))
}

func (d *told) all() string { return strings.Join(d.lines, "|") }

// listen returns a kernel whose records are kept.
func listen(t testing.TB, c kernel.Config) (*kernel.Kernel, *told) {
	d := &told{}
	c.Record = d.record
	d.k = simtest.Kernel(t, c)
	return d.k, d
}

// add adds a machine, and starts a function of the test on it with more in its environment.
func add(t testing.TB, k *kernel.Kernel, c kernel.MachineConfig, main string, env ...string) *kernel.Machine {
	t.Helper()
	m, err := k.AddMachine(c)
	if err != nil {
		t.Fatal(err)
	}
	start(t, m, main, env...)
	return m
}

func start(t testing.TB, m *kernel.Machine, main string, env ...string) *kernel.Process {
	t.Helper()
	prog := simtest.Program(t, main)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		prog.Env[name] = value
	}
	p, err := m.Start(prog)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// one returns the configuration of a machine with nothing special.
func one(name string) kernel.MachineConfig { return kernel.MachineConfig{Name: name} }

func TestATimerWakesAProcess(t *testing.T) {
	var got []string
	k := simtest.Kernel(t, kernel.Config{Seed: 1, Record: func(_ *kernel.Process, line []byte) { got = append(got, string(line)) }})
	simtest.Machine(t, k, "pi-1", "ticker")
	simtest.Run(t, k, 10*time.Second)
	if want := "100ms 200ms 300ms 400ms 500ms"; strings.Join(got, " ") != want {
		t.Errorf("ticks at %v, want %v", got, want)
	}
	if d := k.Deaths(); len(d) != 1 || d[0].Status != 0 {
		t.Errorf("deaths: %+v", d)
	}
}

func TestAPanicEndsOneMachine(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	simtest.Machine(t, k, "pi-1", "panics")
	simtest.Machine(t, k, "pi-2", "exits")
	simtest.Machine(t, k, "pi-3", "beats")
	simtest.Run(t, k, 2*time.Second)
	deaths := k.Deaths()
	if len(deaths) != 2 {
		t.Fatalf("deaths: %+v", deaths)
	}
	panics, exits := deaths[0], deaths[1]
	if panics.Machine != "pi-1" {
		panics, exits = exits, panics
	}
	if panics.Reason != "panic: the sky falls" || !strings.Contains(panics.Stack, "kernel_test.TestMain") || panics.Status != 2 {
		t.Errorf("pi-1: %+v", panics)
	}
	if exits.Status != 7 || exits.Reason != "exit status 7" || exits.Machine != "pi-2" {
		t.Errorf("pi-2: %+v", exits)
	}
	if len(d.lines) != 20 {
		t.Errorf("pi-3 beat %d times in two seconds", len(d.lines))
	}
}

func TestAProcessThatKeepsItsTurnIsEnded(t *testing.T) {
	for main, frame := range map[string]string{"spins": "kernel_test.spin", "blocks": "syscall.Nanosleep"} {
		t.Run(main, func(t *testing.T) {
			k := simtest.Kernel(t, kernel.Config{Seed: 1, HangLimit: 50 * time.Millisecond})
			simtest.Machine(t, k, "pi-1", main)
			simtest.Run(t, k, 10*time.Second)
			d := k.Deaths()
			if len(d) != 1 || !strings.Contains(d[0].Reason, "kept its turn") || !strings.Contains(d[0].Stack, frame) {
				t.Fatalf("deaths: %+v", d)
			}
		})
	}
}

func TestADataRaceEndsAProcess(t *testing.T) {
	if !simtest.Race {
		t.Skip("needs a build with the race detector")
	}
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	add(t, k, one("pi-1"), "races")
	simtest.Run(t, k, time.Second)
	d := k.Deaths()
	if len(d) != 1 || d[0].Status != 66 || !strings.HasPrefix(d[0].Reason, "data race: picloud/sim/kernel_test.races.func") {
		t.Fatalf("deaths: %+v", d)
	}
}

func TestAWayOutStopsTheRun(t *testing.T) {
	if simtest.Race {
		t.Skip("a build with the race detector is not confined")
	}
	calls := []struct{ name, called, by string }{
		{"open", "os.Open", "thirdparty.Open"},
		{"dial", "net.Dial", "thirdparty.Dial"},
		{"lookup", "net.LookupHost", "thirdparty.LookUp"},
		{"exec", "os/exec.", "thirdparty.Exec"},
		{"host", "os.Hostname", "thirdparty.Host"},
	}
	for _, c := range calls {
		for _, when := range []string{"CALL=", "THIRDPARTY_INIT="} {
			if c.name == "host" && when != "CALL=" {
				continue // packages ask for it while they are initialised, and are told
			}
			t.Run(when+c.name, func(t *testing.T) {
				k := simtest.Kernel(t, kernel.Config{Seed: 1})
				add(t, k, one("pi-1"), "escapes", when+c.name)
				err := k.Run(t.Context(), k.Now().Add(time.Second))
				if err == nil || !strings.HasPrefix(err.Error(), "pi-1#1 made a system call that the simulator does not serve: "+c.called) ||
					!strings.Contains(err.Error(), c.by) {
					t.Fatalf("the run ended with: %v", err)
				}
				if d := k.Deaths(); len(d) != 1 || d[0].Escaped == "" {
					t.Errorf("deaths: %+v", d)
				}
			})
		}
	}
}

func TestMemoryIsLimited(t *testing.T) {
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	m := add(t, k, kernel.MachineConfig{Name: "pi-1", MemoryBytes: 64 << 20}, "grows")
	small := start(t, m, "sleeps")
	simtest.Run(t, k, time.Second)
	d := k.Deaths()
	if len(d) != 1 || !strings.HasPrefix(d[0].Reason, "out of memory: ") || m.OutOfMemory() != 1 {
		t.Fatalf("deaths: %+v", d)
	}
	if !small.Alive() {
		t.Error("the smaller process was ended")
	}
}

// echo is a board that sends every frame back.
type echo struct{ data []byte }

func (e echo) Handle(g channel.Guest, f channel.Frame) {
	if e.data != nil {
		f.Data = e.data
	}
	g.Post(f)
}

func (echo) Gone(channel.Guest) {}

func TestMailBeyondAnAreaComesInSeveralTurns(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	m := add(t, k, one("pi-1"), "echoes", "FRAMES=100")
	m.Attach(channel.ClassBoard, echo{})
	simtest.Run(t, k, time.Minute)
	if d.all() != "all came back in order" {
		t.Fatalf("%q, %+v", d.all(), k.Deaths())
	}
	if m.Turns() < 2*100*channel.MaxData/channel.AreaBytes {
		t.Errorf("%d turns moved it all", m.Turns())
	}
}

func TestAFrameOverTheLimit(t *testing.T) {
	t.Run("from a process", func(t *testing.T) {
		k := simtest.Kernel(t, kernel.Config{Seed: 1})
		add(t, k, one("pi-1"), "oversized")
		simtest.Run(t, k, time.Second)
		if d := k.Deaths(); len(d) != 1 || !strings.Contains(d[0].Reason, "a frame of 65537 bytes is over the limit") {
			t.Fatalf("deaths: %+v", d)
		}
	})
	t.Run("from a device", func(t *testing.T) {
		k := simtest.Kernel(t, kernel.Config{Seed: 1})
		m := add(t, k, one("pi-1"), "echoes", "FRAMES=1")
		m.Attach(channel.ClassBoard, echo{make([]byte, channel.AreaBytes)})
		err := k.Run(t.Context(), k.Now().Add(time.Second))
		if err == nil || !strings.Contains(err.Error(), "a frame of 1048576 bytes for pi-1#1 is over the limit") {
			t.Fatalf("the run ended with: %v", err)
		}
	})
}

func TestSpeakingToAMissingDeviceStopsTheRun(t *testing.T) {
	k := simtest.Kernel(t, kernel.Config{Seed: 1})
	add(t, k, one("pi-1"), "echoes", "FRAMES=1")
	err := k.Run(t.Context(), k.Now().Add(time.Second))
	if err == nil || !strings.Contains(err.Error(), "spoke to a device of class 4 that pi-1 does not have") {
		t.Fatalf("the run ended with: %v", err)
	}
}

func TestTheContextInterruptsARun(t *testing.T) {
	k, _ := listen(t, kernel.Config{Seed: 1})
	add(t, k, one("pi-1"), "beats")
	ctx, cancel := context.WithCancel(t.Context())
	k.Loop.After(time.Hour, cancel)
	if err := k.Run(ctx, k.Now().Add(2*time.Hour)); !errors.Is(err, kernel.ErrInterrupted) {
		t.Fatalf("the run ended with: %v", err)
	}
}

func TestSeveralProcessesOnOneMachine(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	self := simtest.Program(t, "").Path
	m := add(t, k, one("pi-1"), "parent", "SELF=\""+self+"\"")
	simtest.Run(t, k, time.Minute)
	want := "returns 0 <nil>|exits 5 <nil>|panics 2 <nil>|kill <nil>|sleeps -1 <nil>|" +
		"kill again <nil>|waiting context deadline exceeded|nowhere true"
	if d.all() != want {
		t.Errorf("the parent saw\n%s, want\n%s", strings.Join(d.lines, "\n"), strings.ReplaceAll(want, "|", "\n"))
	}
	if n := len(m.Processes()); n != 0 {
		t.Errorf("%d processes outlive the one that started them", n)
	}
}
