package world

import (
	"time"

	"picloud/chaos"
	"picloud/sim/disk"
	"picloud/sim/kernel"
	"picloud/sim/net"
)

// steal takes a part of each period from all cores, and gives back what is left of the last when it is healed.
func (p *pi) steal(every time.Duration, ppm int64) effect {
	d := every / 1000 * time.Duration(ppm) / 1000
	var last kernel.Theft
	stop := p.world.again(every, func() { last = p.CPU.Steal(p.world.Kernel.Now(), d) })
	return p.feltByTurns(func() {
		stop()
		p.GiveBack(last)
	})
}

// limitFiles leaves the processes without a free descriptor.
func (p *pi) limitFiles(f *chaos.Fault) (effect, error) {
	files, err := p.card.Apply(disk.Fault{Kind: disk.Descriptors})
	if err != nil {
		return effect{}, err
	}
	streams, err := p.world.Network.Apply(f.Name(), net.Descriptors{Machine: p.Name})
	if err != nil {
		files.Heal()
		return effect{}, err
	}
	return together([]effect{{heal: files.Heal, felt: files.Felt}, {heal: streams.Heal, felt: streams.Felt}}), nil
}

// loop kills the processes again and again, and lets the program start at once each time.
func (p *pi) loop(every time.Duration) effect {
	ended := int64(0)
	kill := func() {
		ended += int64(len(p.Processes()))
		p.Kill()
		if p.On() {
			p.startAgain()
		}
	}
	stop := p.world.again(every, kill)
	return effect{
		heal: func() {
			stop()
			kill()
		},
		felt: func() int64 { return ended },
	}
}

// hangAndKill lets the processes stand still, and kills them when it is healed. A machine that is off then has none, and keeps those of later.
func (p *pi) hangAndKill() effect {
	if !p.On() {
		return nothing()
	}
	e, life := p.pause(), p.lives
	return effect{
		heal: func() {
			if p.On() && p.lives == life {
				p.Kill()
				p.startAgain()
			}
			e.heal()
		},
		felt: e.felt,
	}
}

// startTwice starts the program beside the one that runs. What still runs of it when it is healed is killed.
func (p *pi) startTwice() (effect, error) {
	felt := int64(len(p.Processes()))
	if felt == 0 {
		return nothing(), nil
	}
	second, err := p.Start(p.program())
	if err != nil {
		return effect{}, err
	}
	heal := func() {
		if second.Kill(); len(p.Processes()) == 0 && p.On() {
			p.startAgain()
		}
	}
	return effect{heal: heal, felt: func() int64 { return felt }}, nil
}
