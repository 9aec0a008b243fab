package command

import (
	"bytes"
	"context"
	"errors"

	"picloud/node/host"
	"picloud/scenarios/history"
	"picloud/scenarios/programs"
	"picloud/sim/detrt"
	"picloud/sim/machine"
)

// Program runs one program of a scenario on this machine.
func Program(ctx context.Context, args []string) error {
	f := flags("program", `program NAME CONFIG

The simulator starts what runs on its machines so. It cannot be run by hand: only a simulated machine can.

Example, as ps shows it during a run:
  picloud-sim program node nodes: [pi-1, pi-2, pi-3] store: {groups: [[pi-1, pi-2, pi-3]]}`)
	if err := parse(f, args, 2); err != nil {
		return err
	}
	run, err := programs.Lookup(f.Arg(0))
	if err != nil {
		return err
	}
	h, record, err := thisHost()
	if err != nil {
		return err
	}
	return run(ctx, h, []byte(f.Arg(1)), record)
}

// thisHost returns the machine that this process runs on, and where its clients write down what
// they saw.
func thisHost() (*host.Host, func(history.Operation), error) {
	if !detrt.On() {
		return nil, nil, errors.New("program: only a simulated machine can run it")
	}
	port, err := machine.Attach()
	if err != nil {
		return nil, nil, err
	}
	h, err := machine.NewHost(port)
	if err != nil {
		return nil, nil, err
	}
	return h, func(op history.Operation) {
		var b bytes.Buffer
		if err := (history.History{op}).Write(&b); err != nil {
			panic(err)
		}
		port.Record(b.Bytes())
	}, nil
}
