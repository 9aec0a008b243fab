package board

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/firmware"
)

// Read reads everything that there is to read.
func (b *board) Read() hw.Reading {
	b.reads.Lock()
	defer b.reads.Unlock()
	r := hw.Reading{
		Temperature: hw.Read(or(b.files.Temperature, b.firmware.Temperature)),
		Clock:       hw.Read(b.clock()),
		Supply:      b.supply(),
		Fan:         b.readFan(),
		Card:        b.files.Card(),
		Link:        b.files.Link(),
		Pressure:    b.files.Pressure(),
		Boot:        hw.Read(b.files.Boot()),
		Neighbours:  map[string]hw.Power{},
	}
	r.Throttling, r.UnderVoltage = b.throttling()
	for _, m := range b.meters {
		if m.Of != "" {
			r.Neighbours[m.Of] = m.chip.Measure(m.Channel, m.Shunt)
		}
	}
	return r
}

// or reads by one way, and by another one if that fails.
func or[T any](one, other func() (T, error)) (T, error) {
	v, err := one()
	if err == nil {
		return v, nil
	}
	v, err2 := other()
	if err2 == nil {
		return v, nil
	}
	return v, either(err, err2)
}

func (b *board) clock() (physic.Frequency, error) {
	hz, err := b.firmware.Clock()
	if err == nil && hz == 0 {
		err = &hw.Error{Kind: hw.Failed, Doing: "read", What: "the clock", Err: errors.New("the firmware says 0 Hz")}
	}
	return hz, err
}

// throttling reads what the firmware does, and whether the supply has sagged. Where the kernel looks at the supply it takes what
// has happened from the firmware, every two seconds, so it is asked too; elsewhere that is taken here.
func (b *board) throttling() (hw.Value[hw.Throttling], hw.Value[bool]) {
	take := b.files.Lacks(hw.ReadUnderVoltage) != nil
	bits, err := or(func() (hw.Throttling, error) { return b.firmware.Throttled(take) }, b.files.Throttled)
	sagged := bits&hw.UnderVoltageNow != 0 || bits.HasBeen(hw.UnderVoltageNow)
	alarm, errAlarm := b.files.UnderVoltage()
	switch {
	case err != nil && errAlarm != nil:
		return hw.Unknown[hw.Throttling](err), hw.Unknown[bool](either(errAlarm, err))
	case err != nil:
		return hw.Unknown[hw.Throttling](err), hw.Known(alarm)
	}
	return hw.Known(bits), hw.Known(sagged || errAlarm == nil && alarm)
}

// supply reads what feeds the board: by a meter, or by the power chip of those that have one.
func (b *board) supply() hw.Power {
	p := hw.Power{Voltage: hw.Unknown[physic.ElectricPotential](b.info.Has[hw.ReadVoltage]),
		Current: hw.Unknown[physic.ElectricCurrent](b.info.Has[hw.ReadCurrent])}
	if own := b.meterOf(""); own != nil {
		p = own.chip.Measure(own.Channel, own.Shunt)
	}
	if !p.Voltage.Known() && b.model.rails && b.info.Has[hw.ReadVoltage] == nil {
		p.Voltage = hw.Read(b.input())
	}
	return p
}

// input returns the voltage of the rail by which the board is fed. The power chip does not measure its current, and what
// the other rails draw is a quarter less than what the board does.
func (b *board) input() (physic.ElectricPotential, error) {
	rails, err := b.firmware.Rails()
	if err != nil {
		return 0, err
	}
	v, err := rails.Voltage(firmware.Input)
	if err != nil {
		return 0, &hw.Error{Kind: hw.Failed, Doing: "read", What: "the supply's voltage", Err: err}
	}
	return v, nil
}

func (b *board) readFan() hw.Fan {
	if b.fan == nil {
		return hw.Fan{Duty: hw.Read(b.files.FanDuty()), RPM: hw.Read(b.files.FanRPM())}
	}
	b.drives.Lock()
	defer b.drives.Unlock()
	return hw.Fan{Duty: hw.Known(b.fan.duty()), RPM: hw.Unknown[int](b.info.Has[hw.ReadFan])}
}

// fanUncounted says that nobody counts the turns of a fan at a pin.
func fanUncounted(pin string) error {
	return lack(hw.ReadFan, fmt.Errorf("the fan at %s has no tachometer that is known", pin))
}
