// Package bench measures what the simulated world costs: simulated seconds for each second of real
// time, CPU time for each request, and memory, for worlds of several sizes, idle and under load.
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"picloud/scenarios/kv"
	"picloud/sim/disk"
	"picloud/sim/kernel"
	"picloud/sim/world"
)

// Row is one world's figures.
type Row struct {
	Machines    int     `json:"machines"`
	Load        int     `json:"load"`           // requests a second through HTTP, raft and disk
	SimPerWall  float64 `json:"sim_per_wall"`   // simulated seconds for each second of real time
	Requests    int     `json:"requests"`       // completed in the time that was measured
	UsPerReq    float64 `json:"us_per_request"` // CPU time of kernel and machines beyond the idle world's, for each request
	KernelShare float64 `json:"kernel_share"`   // of the CPU time, the part of the kernel's own process
	UsPerTurn   float64 `json:"us_per_turn"`    // CPU time for each turn of a process
	RSSMB       float64 `json:"rss_mb"`         // resident memory of kernel and machines at the end
	cpuPerSim   float64 // CPU seconds for each simulated second
}

// Sizes are the worlds that are measured: machines, and how many of them form one raft group.
func Sizes() [][2]int { return [][2]int{{3, 3}, {12, 3}, {25, 5}, {50, 5}} }

// Load is the requests a second of a loaded world.
const Load = 200

// Measure runs each world idle and under load for so much simulated time, after a time to settle,
// and calls row with each result. Program is a build with the deterministic runtime.
func Measure(ctx context.Context, program string, simulated time.Duration, row func(Row)) error {
	for _, size := range Sizes() {
		idle, err := one(ctx, program, size[0], size[1], 0, simulated)
		if err != nil {
			return err
		}
		row(*idle)
		loaded, err := one(ctx, program, size[0], size[1], Load, simulated)
		if err != nil {
			return err
		}
		if loaded.Requests > 0 {
			loaded.UsPerReq = (loaded.cpuPerSim - idle.cpuPerSim) * simulated.Seconds() / float64(loaded.Requests) * 1e6
		}
		row(*loaded)
	}
	return nil
}

// settle is the simulated time before the measurement: the groups elect their leaders.
const settle = 10 * time.Second

// one measures one world. It runs on a goroutine of its own, whose thread ends with it.
func one(ctx context.Context, program string, machines, group, load int, simulated time.Duration) (*Row, error) {
	type result struct {
		row *Row
		err error
	}
	done := make(chan result)
	go func() {
		row, err := measure(ctx, program, machines, group, load, simulated)
		done <- result{row, err}
	}()
	r := <-done
	return r.row, r.err
}

func measure(ctx context.Context, program string, machines, group, load int, simulated time.Duration) (*Row, error) {
	requests := 0
	c := world.Config{
		Switches: []string{"shelf-1"},
		Kernel:   kernel.Config{Seed: 1, Core: -1, Record: func(*kernel.Process, []byte) { requests++ }},
	}
	if err := rack(&c, program, machines, group, load, simulated); err != nil {
		return nil, err
	}
	w, err := world.New(c)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := w.Run(ctx, settle); err != nil {
		return nil, err
	}
	own, all := cpu(w.Kernel)
	began, before, turns := time.Now(), requests, w.Kernel.Turns()
	if err := w.Run(ctx, settle+simulated); err != nil {
		return nil, err
	}
	wall := time.Since(began)
	own2, all2 := cpu(w.Kernel)
	row := &Row{
		Machines: machines, Load: load, Requests: requests - before,
		SimPerWall:  simulated.Seconds() / wall.Seconds(),
		KernelShare: (own2 - own).Seconds() / (all2 - all).Seconds(),
		UsPerTurn:   (all2 - all).Seconds() / float64(w.Kernel.Turns()-turns) * 1e6,
		RSSMB:       float64(w.Kernel.Resident()) / (1 << 20),
		cpuPerSim:   (all2 - all).Seconds() / simulated.Seconds(),
	}
	return row, nil
}

// rack describes machines in groups of raft, and one machine of clients for each group.
func rack(c *world.Config, program string, machines, group, load int, simulated time.Duration) error {
	groups := machines / group
	for g := range groups {
		var names []string
		for i := range group {
			names = append(names, fmt.Sprintf("pi-%d-%d", g+1, i+1))
		}
		config, err := json.Marshal(kv.NodeConfig{Nodes: names})
		if err != nil {
			return err
		}
		for _, name := range names {
			c.Machines = append(c.Machines, world.Machine{Name: name, Switch: "shelf-1", Card: disk.SSD,
				Program: kernel.Program{Path: program, Args: []string{"program", "first-cloud-node", string(config)}}})
		}
		if load == 0 {
			continue
		}
		const clients = 10
		config, err = json.Marshal(kv.ClientConfig{
			Nodes: names, Count: clients, Weights: map[string]int{"read": 50, "write": 50},
			KeysInUse: 100, RetireAfter: 100, Timeout: 5 * time.Second,
			Pause: time.Second * clients * time.Duration(groups) / time.Duration(load),
			Until: settle + simulated, Epoch: kernel.Epoch,
		})
		if err != nil {
			return err
		}
		c.Machines = append(c.Machines, world.Machine{Name: fmt.Sprintf("client-%d", g+1), Switch: "shelf-1", Card: disk.SSD,
			Program: kernel.Program{Path: program, Args: []string{"program", "first-cloud-client", string(config)}}})
	}
	return nil
}

// cpu returns the CPU time of this process, and of this and the machines' processes together.
func cpu(k *kernel.Kernel) (own, all time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		own = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return own, own + k.ProcessTime()
}
