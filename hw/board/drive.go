package board

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

func invalid(c hw.Capability, format string, args ...any) error {
	return &hw.Error{Kind: hw.Invalid, Doing: "set", What: string(c), Err: fmt.Errorf(format, args...)}
}

// duty is how fast a fan at the output turns.
func (o *output) duty() hw.Duty {
	if o.high {
		return hw.FullDuty
	}
	return 0
}

// SetFan sets how fast the fan is to turn.
func (b *board) SetFan(d hw.Duty) error {
	if d < 0 || d > hw.FullDuty {
		return invalid(hw.DriveFan, "%d is not 0 to %d", d, hw.FullDuty)
	}
	if err := b.info.Has[hw.DriveFan]; err != nil {
		return err
	}
	b.drives.Lock()
	defer b.drives.Unlock()
	if b.fan == nil {
		return b.files.SetFan(d)
	}
	return b.fan.set(gpio.Level(d >= hw.FullDuty/2))
}

// SetRelay closes the relay that feeds a machine, or opens it: its pin is high while it is open.
func (b *board) SetRelay(feeds string, closed bool) error {
	o := b.relays[feeds]
	if o == nil {
		if err := b.info.Has[hw.DriveRelays]; err != nil {
			return err
		}
		return &hw.Error{Kind: hw.Absent, Doing: "set", What: "relay of " + feeds, Err: fmt.Errorf("there are relays of %v", b.info.Relays)}
	}
	b.drives.Lock()
	defer b.drives.Unlock()
	return o.set(gpio.Level(!closed))
}

// LimitClock bounds the clock of the cores.
func (b *board) LimitClock(limit physic.Frequency) error {
	if limit < 0 || limit > 0 && limit < physic.KiloHertz {
		return invalid(hw.DriveClock, "%s is no bound for a clock", limit)
	}
	if err := b.info.Has[hw.DriveClock]; err != nil {
		return err
	}
	b.drives.Lock()
	defer b.drives.Unlock()
	return b.files.LimitClock(limit)
}

// SetCore takes a core out of use, or takes it back.
func (b *board) SetCore(core int, used bool) error {
	if core < 0 || core >= b.info.Cores || core == 0 && !used {
		return invalid(hw.DriveCores, "core %d of %d: core 0 always is in use, and there are no others", core, b.info.Cores)
	}
	if err := b.info.Has[hw.DriveCores]; err != nil || core == 0 {
		return err
	}
	b.drives.Lock()
	defer b.drives.Unlock()
	return b.files.SetCore(core, used)
}

// StartWatchdog starts the watchdog.
func (b *board) StartWatchdog(timeout time.Duration) (hw.Watchdog, error) {
	if timeout < time.Second {
		return nil, invalid(hw.DriveWatchdog, "%s is less than a second", timeout)
	}
	if err := b.info.Has[hw.DriveWatchdog]; err != nil {
		return nil, err
	}
	device, err := b.parts.OpenWatchdog()
	if err != nil {
		return nil, err
	}
	has, err := device.SetTimeout(timeout)
	if err != nil {
		return nil, fmt.Errorf("board: the watchdog is disarmed, as its timeout could not be set: %w", either(err, device.Disarm()))
	}
	return &watchdog{device, has}, nil
}

type watchdog struct {
	hw.WatchdogDevice
	timeout time.Duration
}

// Timeout returns for how long it waits.
func (w *watchdog) Timeout() time.Duration { return w.timeout }

// Halt turns the board off.
func (b *board) Halt() error {
	if err := b.info.Has[hw.DriveHalt]; err != nil {
		return err
	}
	return b.parts.Halt()
}
