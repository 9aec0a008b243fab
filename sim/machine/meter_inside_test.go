package machine_test

import (
	"testing"
	"time"

	"picloud/node/host/hosttest"
	"picloud/sim/disk"
	"picloud/sim/kernel"
	"picloud/sim/machine"
	"picloud/sim/simtest"
)

func TestTheMeterInsideAMachineKeepsTheContract(t *testing.T) {
	devices := func(k *kernel.Kernel, m *kernel.Machine) {
		withCard(t, disk.Config{Profile: disk.SDGood})(k, m)
		withWire(t)(k, m)
		m.SetMemory(1 << 30)
	}
	simtest.Inside(t, 24*time.Hour, devices, func(t *testing.T, p *machine.Port) {
		t.Setenv(machine.EnvHosts, "inside=10.77.1.1")
		h, err := machine.NewHost(p)
		if err != nil {
			t.Fatal(err)
		}
		hosttest.Meter(t, h)
	})
}
