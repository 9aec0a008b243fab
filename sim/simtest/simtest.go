// Package simtest lets a test put Go functions on simulated machines: the test binary starts
// itself again for each process, and runs there what the test registered.
//
// A test binary must be built with the deterministic runtime for that; built without it, such
// tests are skipped.
package simtest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"picloud/sim/detrt"
	"picloud/sim/kernel"
	"picloud/sim/machine"
)

// envMain names the function that a process runs.
const envMain = "PICLOUD_TEST_MAIN"

// Mains are the functions that processes of a test binary may run, by name.
type Mains map[string]func(p *machine.Port)

// Main runs the tests, or in a process of a simulated machine the function that it was started
// for. TestMain calls it.
func Main(m *testing.M, mains Mains) {
	if !detrt.On() || os.Getenv(envMain) == "" {
		os.Exit(m.Run())
	}
	main := mains[os.Getenv(envMain)]
	if main == nil {
		fmt.Fprintf(os.Stderr, "simtest: no function %q is registered\n", os.Getenv(envMain))
		os.Exit(2)
	}
	p, err := machine.Attach()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	main(p)
}

// Program returns the program that runs the registered function of that name.
func Program(t testing.TB, main string) kernel.Program {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return kernel.Program{Path: path, Env: map[string]string{envMain: main}}
}

// Need skips the test in a binary that was built without the deterministic runtime.
func Need(t testing.TB) {
	t.Helper()
	if !detrt.Built {
		t.Skip("needs a build with the deterministic runtime: make test-sim")
	}
}

// Kernel returns a kernel for the test, and closes it after the test.
func Kernel(t testing.TB, c kernel.Config) *kernel.Kernel {
	t.Helper()
	Need(t)
	if c.Core == 0 {
		c.Core = -1
	}
	c.Unconfined = c.Unconfined || Race
	k, err := kernel.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// Run plays the kernel for d of virtual time.
func Run(t testing.TB, k *kernel.Kernel, d time.Duration) {
	t.Helper()
	if err := k.Run(context.Background(), k.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

// Machine adds a machine and starts the registered function of that name on it.
func Machine(t testing.TB, k *kernel.Kernel, name, main string) (*kernel.Machine, *kernel.Process) {
	t.Helper()
	m, err := k.AddMachine(kernel.MachineConfig{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Start(Program(t, main))
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// Inside runs body in a process of a simulated machine, as the same test of a second start of this
// binary: what fails there fails here. The setup gives the machine its devices.
func Inside(t *testing.T, limit time.Duration, setup func(k *kernel.Kernel, m *kernel.Machine), body func(t *testing.T, p *machine.Port)) {
	t.Helper()
	if detrt.On() {
		p, err := machine.Attach()
		if err != nil {
			t.Fatal(err)
		}
		body(t, p)
		return
	}
	k := Kernel(t, kernel.Config{Seed: 1})
	m, err := k.AddMachine(kernel.MachineConfig{Name: "inside"})
	if err != nil {
		t.Fatal(err)
	}
	setup(k, m)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	p, err := m.Start(kernel.Program{Path: path, Args: []string{"-test.run=" + pattern, "-test.v", "-test.timeout=0"}})
	if err != nil {
		t.Fatal(err)
	}
	err = k.Run(context.Background(), k.Now().Add(limit))
	for _, d := range k.Deaths() {
		if d.Status == 0 {
			return
		}
		t.Fatalf("inside the machine: %s\n%s", d.Reason, d.Stack)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Fatalf("inside the machine: not done after %v of virtual time\n%s", limit, p.Output())
}
