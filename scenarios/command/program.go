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
	if len(args) != 2 {
		return errors.New("program takes NAME and CONFIG, which is JSON; the simulator starts programs so")
	}
	run, err := programs.Lookup(args[0])
	if err != nil {
		return err
	}
	h, record, err := thisHost()
	if err != nil {
		return err
	}
	return run(ctx, h, []byte(args[1]), record)
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
