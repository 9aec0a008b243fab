package world

import (
	"slices"

	"picloud/chaos"
	"picloud/sim/disk"
	"picloud/sim/event"
)

// crash is one that waits for its moment, which a machine's own work decides.
type crash struct {
	op     disk.Op // 0 for any that changes the disk
	point  string  // of OpReach
	left   int64   // how often it is still to happen
	strike func()
}

// crashLater has the machine crash when its program has done something the nth time from now on.
func (p *pi) crashLater(f *chaos.Fault) (effect, error) {
	c := &crash{left: f.Param("n")}
	if f.Kind == chaos.CrashAtPoint {
		c.op, c.point = disk.OpReach, f.Word("point")
		p.card.Listen()
	} else if op := f.Word("op"); op != chaos.AnyOp {
		var err error
		if c.op, err = disk.ParseOp(op); err != nil {
			return effect{}, err
		}
	}
	crashed := nothing()
	var at event.Time
	c.strike = func() {
		at = p.world.Kernel.Now()
		if f.Word("by") == chaos.ByKill {
			crashed = p.kill()
		} else {
			crashed = p.cutPower()
		}
	}
	p.crashes = append(p.crashes, c)
	return effect{
		heal: func() {
			p.crashes = slices.DeleteFunc(p.crashes, func(other *crash) bool { return other == c })
			if c.op == disk.OpReach {
				p.card.Ignore()
			}
			crashed.heal()
		},
		felt:   func() int64 { return crashed.felt() },
		struck: func() event.Time { return at },
	}, nil
}

// did counts what a process of the machine has done to its disk, or the point to which it has come.
func (p *pi) did(op disk.Op, point string) {
	for _, c := range slices.Clone(p.crashes) {
		counts := c.op == op && c.point == point || c.op == 0 && op != disk.OpReach
		if !counts || c.left == 0 {
			continue
		}
		if c.left--; c.left == 0 {
			c.strike()
		}
	}
}
