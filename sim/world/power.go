package world

import "picloud/sim/disk"

// unplug takes the machine's supply away. What it is unplugged for counts: it is plugged in again as often.
func (p *pi) unplug() {
	if p.unplugged++; p.unplugged > 1 {
		return
	}
	if p.board != nil {
		p.board.Plug(false)
	}
	p.off(disk.DrawCrash)
}

// plug undoes unplug.
func (p *pi) plug() {
	if p.unplugged--; p.unplugged > 0 {
		return
	}
	if p.board != nil {
		p.board.Plug(true) // it says when it starts
		return
	}
	p.run()
}

// off ends all that runs on the machine: memory and sockets are gone, and of what was not synced what the card keeps.
func (p *pi) off(unsynced disk.Crash) {
	if !p.On() {
		return
	}
	p.PowerOff()
	p.endBoot()
	p.paused = 0
	for _, cut := range p.mute { // what hung hangs no more
		cut.Heal()
	}
	p.mute = nil
	p.lives++
	p.host.PowerOff()
	p.card.PowerCut(unsynced)
}

// run starts a machine that has power.
func (p *pi) run() {
	if p.On() { // for the first time
		p.startAfter(0)
		return
	}
	p.PowerOn()
	p.card.PowerOn()
	p.host.PowerOn()
	p.booting = p.world.Kernel.Now()
	p.startAfter(p.world.config.BootTime)
}

// endBoot says that the machine boots no longer.
func (p *pi) endBoot() {
	if p.booting >= 0 {
		p.boots += p.world.Kernel.Now().Sub(p.booting)
		p.booting = -1
	}
}

// setSpeed lets the cores run as fast as their board and faults have it.
func (p *pi) setSpeed() { p.CPU.SetSpeed(p.speed / p.slowed) }
