package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"picloud/sim/kernel"
	"picloud/sim/simtest"
)

// play runs the varied program on some machines and returns the trace's hash and what they said.
func play(t testing.TB, seed uint64, names ...string) (hash string, said map[string]string) {
	said = map[string]string{}
	k := simtest.Kernel(t, kernel.Config{Seed: seed, Record: func(p *kernel.Process, line []byte) {
		said[p.Machine().Name] += string(line)
	}})
	for _, name := range names {
		add(t, k, one(name), "varied")
	}
	simtest.Run(t, k, time.Second)
	for _, name := range names {
		if said[name] == "" {
			t.Fatalf("%s said nothing: %+v", name, k.Deaths())
		}
	}
	return k.Trace.Hash(), said
}

func TestASeedDecidesEverything(t *testing.T) {
	hashes := map[string]bool{}
	for seed := uint64(1); seed <= 10; seed++ {
		first, _ := play(t, seed, "pi-1", "pi-2")
		second, _ := play(t, seed, "pi-1", "pi-2")
		if first != second {
			t.Errorf("seed %d gave two traces", seed)
		}
		hashes[first] = true
	}
	if len(hashes) != 10 {
		t.Errorf("10 seeds gave %d traces", len(hashes))
	}
}

func TestAMachineDoesNotDependOnAnother(t *testing.T) {
	_, alone := play(t, 1, "pi-1")
	_, between := play(t, 1, "pi-0", "pi-1", "pi-2")
	if alone["pi-1"] != between["pi-1"] {
		t.Errorf("alone it said\n%s\nand beside others\n%s", alone["pi-1"], between["pi-1"])
	}
	if between["pi-0"] == between["pi-1"] {
		t.Error("two machines said the same")
	}
}

func TestAnotherStartIsAnotherProcess(t *testing.T) {
	k, d := listen(t, kernel.Config{Seed: 1})
	m := add(t, k, one("pi-1"), "varied")
	simtest.Run(t, k, time.Second)
	start(t, m, "varied")
	simtest.Run(t, k, time.Second)
	if len(d.lines) != 2 || strings.Fields(d.lines[0])[0] == strings.Fields(d.lines[1])[0] {
		t.Errorf("two starts said %q", d.lines)
	}
}

// envSimulator names the simulator that this binary is started as.
const envSimulator = "PICLOUD_TEST_SIMULATOR"

// simulators are what this binary does when it is started by a test as a simulator of its own.
var simulators = map[string]func(){
	"trace": func() {
		hash, _ := play(&standIn{}, 1, "pi-1", "pi-2")
		fmt.Println(hash)
	},
	"holds":  func() { holdMachines(func() { select {} }) },
	"panics": func() { holdMachines(func() { panic("the simulator fails") }) },
	"exits":  func() { holdMachines(func() { os.Exit(0) }) },
}

// standIn stands for a test in a process that is not one.
type standIn struct{ testing.TB }

func (*standIn) Helper()        {}
func (*standIn) Cleanup(func()) {}

func (*standIn) Fatal(args ...any) {
	fmt.Println(args...)
	os.Exit(1)
}

func (s *standIn) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

func TestWhereTheSimulatorRunsDoesNotMatter(t *testing.T) {
	simtest.Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := play(t, 1, "pi-1", "pi-2")
	places := []struct {
		dir string
		env []string
	}{
		{"/", nil},
		{t.TempDir(), []string{"GOMAXPROCS=1", "GOGC=5"}},
		{os.TempDir(), []string{"GOMAXPROCS=7", "GOGC=off", "TZ=Asia/Tokyo", "LANG=de_DE.UTF-8"}},
		{"/", []string{"PADDING=" + strings.Repeat("x", 10_000), "GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=none"}},
	}
	for _, place := range places {
		cmd := exec.Command(self)
		cmd.Dir, cmd.Env = place.dir, append([]string{envSimulator + "=trace"}, place.env...)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("in %s with %.60q the trace is %s, here it is %s: %v", place.dir, place.env, out, want, err)
		}
	}
}
