package kernel

import (
	"fmt"
	"math"
	"path"
	"strconv"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// Identity returns what the device tree says of a board: its model, its revision code in hexadecimal and its serial number. A machine without
// a device tree has none of them.
func (f *Files) Identity() (model, revision, serial string, err error) {
	tree := place{path: "/proc/device-tree"}
	if model, err = read(f, tree, "model", text); err != nil {
		return "", "", "", err
	}
	if code, err := read(f, tree, "system/linux,revision", cell); err == nil {
		revision = strconv.FormatUint(uint64(code), 16)
	}
	serial, _ = read(f, tree, "serial-number", text) // a board may have none
	return model, revision, serial, nil
}

// Boot names the run of the kernel (random(4)).
func (f *Files) Boot() (string, error) {
	return read(f, place{path: "/proc/sys/kernel/random"}, "boot_id", text)
}

// Cores returns how many cores the machine has.
func (f *Files) Cores() (int, error) { return read(f, place{path: cpus}, "present", cores) }

// Temperature returns how hot the processor is.
func (f *Files) Temperature() (physic.Temperature, error) {
	return read(f, f.thermal, "temp", func(b []byte) (physic.Temperature, error) {
		milli, err := number(b)
		if err == nil && (milli < -100_000 || milli > 1_000_000) {
			err = fmt.Errorf("%d m°C cannot be", milli)
		}
		return physic.ZeroCelsius + physic.Temperature(milli)*physic.MilliKelvin, err
	})
}

// UnderVoltage tells whether the supply has sagged since the kernel asked the firmware last, which it does every two seconds.
func (f *Files) UnderVoltage() (bool, error) { return read(f, f.alarm, "", flag) }

// Throttled returns what the firmware told the kernel when that asked last. Kernels say so in their log when the file is read first.
func (f *Files) Throttled() (hw.Throttling, error) { return read(f, f.throttled, "", throttled) }

// kilohertz reads a frequency of cpufreq.
func kilohertz(b []byte) (physic.Frequency, error) {
	khz, err := count(b)
	if err == nil && khz > math.MaxInt64/int64(physic.KiloHertz) {
		err = fmt.Errorf("%d kHz cannot be", khz)
	}
	return physic.Frequency(khz) * physic.KiloHertz, err
}

// MaxClock returns the highest clock that the cores can have.
func (f *Files) MaxClock() (physic.Frequency, error) {
	return read(f, f.policy, "cpuinfo_max_freq", kilohertz)
}

// LimitClock bounds the clock of all cores; zero takes the bound away. The kernel takes the next clock that there is.
func (f *Files) LimitClock(limit physic.Frequency) error {
	if f.policy.err != nil {
		return f.policy.err
	}
	if limit == 0 {
		highest, err := f.MaxClock()
		if err != nil {
			return err
		}
		limit = highest
	}
	return f.write(path.Join(f.policy.path, "scaling_max_freq"), int64(limit/physic.KiloHertz))
}

// SetCore takes a core into use or out of it.
func (f *Files) SetCore(core int, used bool) error {
	n := int64(0)
	if used {
		n = 1
	}
	return f.write(fmt.Sprintf("%s/cpu%d/online", cpus, core), n)
}

// full is a fan's full speed in pwm1.
const full = 255

// FanDuty returns how fast the kernel's fan is to turn: as the kernel set it by heat, or as it was set here last.
func (f *Files) FanDuty() (hw.Duty, error) {
	return read(f, f.fan, "pwm1", func(b []byte) (hw.Duty, error) {
		n, err := count(b)
		if err == nil && n > full {
			err = fmt.Errorf("%d is more than %d", n, full)
		}
		return hw.Duty((n*int64(hw.FullDuty) + full/2) / full), err
	})
}

// FanRPM returns how fast the kernel's fan turns.
func (f *Files) FanRPM() (int, error) {
	return read(f, f.speed, "", func(b []byte) (int, error) {
		n, err := count(b)
		return int(n), err
	})
}

// SetFan sets how fast the kernel's fan is to turn, until the kernel sets it by heat.
func (f *Files) SetFan(d hw.Duty) error {
	if f.fan.err != nil {
		return f.fan.err
	}
	return f.write(path.Join(f.fan.path, "pwm1"), (int64(d)*full+int64(hw.FullDuty)/2)/int64(hw.FullDuty))
}

func (f *Files) write(file string, n int64) error {
	return f.parts.WriteFile(file, strconv.AppendInt(nil, n, 10))
}
