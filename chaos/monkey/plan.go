package monkey

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"picloud/chaos"
	"picloud/node/host/orders"
)

// netCut is the fault of a layer for which nothing passes a way: partitions and clogs are made of it.
const netCut = "net-cut"

// step is one order to one socket, for a part of a fault's time.
type step struct {
	socket   string
	order    orders.Order
	from, to time.Duration // since the run began; equal for what happens at an instant
}

// steps returns what a fault of the schedule is to the sockets.
func (c *Config) steps(f *chaos.Fault) []step {
	spec, _ := chaos.Lookup(f.Kind)
	o := orders.Order{Name: c.run + " " + f.Name(), Kind: string(f.Kind), Params: map[string]int64{}}
	for _, p := range f.Params {
		o.Params[p.Name] = p.Value
	}
	switch {
	case spec.Class == chaos.ClassProcess:
		o.From = f.Target.A[0]
		return []step{{c.Keeper, o, f.At, f.End()}}
	case spec.Class == chaos.ClassDisk:
		o.From = f.Target.A[0]
		return []step{{c.Layers[o.From], o, f.At, f.End()}}
	case f.Kind == chaos.SwizzleClog:
		return c.swizzle(f, o)
	case f.Kind == chaos.Clog || strings.HasPrefix(string(f.Kind), "partition-"):
		o.Kind = netCut
	}
	return c.along(c.Topology.Ways(f), o, f.At, f.End())
}

// along returns the orders to break ways, at each end that has a layer: it breaks the streams that its end has opened.
func (c *Config) along(ways [][2]string, o orders.Order, from, to time.Duration) (all []step) {
	name := o.Name
	for _, way := range ways {
		o.Name, o.From, o.To = name+" "+way[0]+">"+way[1], way[0], way[1]
		for _, end := range way {
			if socket := c.Layers[end]; socket != "" {
				all = append(all, step{socket, o, from, to})
			}
		}
	}
	return all
}

// swizzle cuts the machines off one by one, and lets them in one by one, the first one last.
func (c *Config) swizzle(f *chaos.Fault, o orders.Order) (all []step) {
	o.Kind = netCut
	name, n := o.Name, len(f.Target.A)
	apart := f.For / time.Duration(2*n)
	for i, machine := range f.Target.A {
		back := (i + n - 1) % n
		o.Name = name + " " + machine
		one := []string{machine}
		ways := c.Topology.Pairs(chaos.Target{Type: chaos.OnSides, A: one, B: c.Topology.Others(one)})
		all = append(all, c.along(ways, o, f.At+time.Duration(i)*apart, f.At+f.For/2+time.Duration(back+1)*apart)...)
	}
	return all
}

// Check says everything for which the schedule cannot be played here, nil if it can.
func (c *Config) Check() error {
	var bad []string
	for i := range c.Schedule {
		if why := c.refuse(&c.Schedule[i]); why != "" {
			bad = append(bad, fmt.Sprintf("`%s`: %s", c.Schedule[i], why))
		}
	}
	if err := c.Topology.Check(c.Schedule); err != nil && len(bad) == 0 {
		bad = append(bad, err.Error())
	}
	if len(bad) == 0 {
		if w := c.Topology.WorstOutage(c.Schedule, c.Members); len(w.Out) > c.MostOut {
			bad = append(bad, fmt.Sprintf("`%s`: %s would be out at one time, and at most %d of %d may be",
				w.Fault, strings.Join(w.Out, " and "), c.MostOut, len(c.Members)))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("the schedule cannot be played on live processes:\n  %s", strings.Join(bad, "\n  "))
}

// refuse says why a fault cannot be played, nothing if it can.
func (c *Config) refuse(f *chaos.Fault) string {
	if err := f.Validate(); err != nil {
		return err.Error()
	}
	if live := chaos.LiveOf(f.Kind); !live.Can {
		return fmt.Sprintf("%s cannot be played: %s", f.Kind, live.Note)
	}
	if f.Target.ByPart() {
		return fmt.Sprintf("nobody asks live nodes who that is when it is due: name a machine in place of %s", f.Target.Names())
	}
	if c.Topology.Check(chaos.Schedule{*f}) != nil {
		return c.Topology.Check(chaos.Schedule{*f}).Error()
	}
	spec, _ := chaos.Lookup(f.Kind)
	machine := f.Target.A[0]
	switch {
	case spec.Class == chaos.ClassProcess && !slices.Contains(c.Kept, machine):
		return fmt.Sprintf("%s is no process that is kept here", machine)
	case spec.Class == chaos.ClassDisk && (c.Layers[machine] == "" || !slices.Contains(c.Kept, machine)):
		return fmt.Sprintf("there is no layer over the disk of %s", machine)
	case spec.Class == chaos.ClassNetwork && len(c.steps(f)) == 0:
		return "no way that it could break has a layer"
	}
	return ""
}
