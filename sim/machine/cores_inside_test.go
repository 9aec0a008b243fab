package machine_test

import (
	"testing"
	"time"

	"picloud/node/host/hosttest"
	"picloud/sim/kernel"
	"picloud/sim/machine"
	"picloud/sim/simtest"
)

func TestTheCoresInsideAMachineKeepTheContract(t *testing.T) {
	simtest.Inside(t, time.Hour, func(*kernel.Kernel, *kernel.Machine) {}, func(t *testing.T, p *machine.Port) {
		hosttest.Cores(t, machine.NewCores(p))
	})
}
