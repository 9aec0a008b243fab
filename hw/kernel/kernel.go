// Package kernel reads what Linux shows of a board in files, and writes those by which it can be told something.
//
// What a board has is looked for once, when it is opened: drivers are numbered as they come, so hwmon devices and thermal zones
// are found by what they say they are. The paths and what is in them are the kernel's own (Documentation/ABI, and
// drivers/hwmon/raspberrypi-hwmon.c of the Raspberry Pi kernel for rpi_volt).
package kernel

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"picloud/hw"
)

// Files are the kernel's files of a machine.
type Files struct {
	parts hw.Parts

	thermal   place // a zone's folder
	policy    place // of the clock of all cores
	alarm     place // file: whether the supply has sagged
	throttled place // file: the firmware's bits
	fan       place // folder
	speed     place // file: the fan's turns
	card      place // folder of the disk
	fileSys   place // folders of the file systems on the card
	link      place // folder
	pressure  place // folder
	watchdog  place
	cores     place // file: whether the first core that can be taken out of use is in use
}

// place is where something is to be found, or why it is not.
type place struct {
	path string
	err  error
}

const (
	disk     = "mmcblk0"
	cpus     = "/sys/devices/system/cpu"
	wire     = "eth0"
	Watchdog = "/dev/watchdog0" // the device file of the first watchdog
)

// Locate looks where a machine has what.
func Locate(parts hw.Parts) *Files {
	f := &Files{parts: parts}
	f.thermal = f.named("/sys/class/thermal/thermal_zone*/type", "thermal zone", "cpu-thermal", "x86_pkg_temp")
	volt := f.named("/sys/class/hwmon/hwmon*/name", "hwmon device", "rpi_volt")
	f.alarm = place{path.Join(volt.path, "in0_lcrit_alarm"), volt.err}
	f.fan = f.named("/sys/class/hwmon/hwmon*/name", "hwmon device", "pwmfan", "rpipoefan")
	f.speed = f.fan
	if f.fan.err == nil {
		f.speed = f.file("fan with a tachometer", path.Join(f.fan.path, "fan1_input"))
	}
	f.throttled = f.file("file get_throttled of the firmware's driver", "/sys/devices/platform/soc*/*firmware/get_throttled")
	f.policy = f.folder("clock that the kernel can bound", cpus+"/cpufreq/policy0/scaling_max_freq")
	f.card = f.folder("card "+disk, "/sys/block/"+disk+"/ro")
	f.fileSys = f.file("ext4 on "+disk, "/sys/fs/ext4/"+disk+"p*/errors_count")
	if f.link = f.folder("wire", "/sys/class/net/"+wire+"/carrier"); f.link.err != nil {
		f.link = f.folder("wire", "/sys/class/net/en*/carrier") // as PCs name theirs
	}
	f.pressure = f.folder("account of who waits (psi=1 on the kernel's command line may give it)", "/proc/pressure/cpu")
	f.watchdog = f.file("watchdog", Watchdog)
	// A Pi 3 and a Pi 4 start their cores without PSCI, so the kernel cannot stop them (raspberrypi/linux pull request 6409).
	f.cores = f.file("core that the kernel can stop", cpus+"/cpu[1-9]*/online")
	return f
}

// Lacks returns why the kernel does not show something, or nil if it does.
func (f *Files) Lacks(c hw.Capability) error {
	switch c {
	case hw.ReadTemperature:
		return f.thermal.err
	case hw.ReadThrottling:
		return f.throttled.err
	case hw.ReadUnderVoltage:
		return f.alarm.err
	case hw.ReadFan:
		return f.speed.err
	case hw.ReadCard:
		return f.card.err
	case hw.ReadCardErrors:
		return f.fileSys.err
	case hw.ReadLink:
		return f.link.err
	case hw.ReadPressure:
		return f.pressure.err
	case hw.DriveFan:
		return f.fan.err
	case hw.DriveClock:
		return f.policy.err
	case hw.DriveCores:
		return f.cores.err
	case hw.DriveWatchdog:
		return f.watchdog.err
	}
	return absent(string(c), errors.New("the kernel has no file for it"))
}

// named finds the folder of the first device that has one of the names, of which the first is liked best.
func (f *Files) named(pattern, what string, names ...string) place {
	paths, err := f.parts.Glob(pattern)
	if err != nil {
		return place{err: err}
	}
	for _, name := range names {
		for _, p := range paths {
			text, err := f.parts.ReadFile(p)
			if err == nil && word(text) == name {
				return place{path: path.Dir(p)}
			}
		}
	}
	return place{err: absent(what, fmt.Errorf("none of %d is called %s", len(paths), list(names)))}
}

func list(names []string) string {
	text := names[0]
	for _, n := range names[1:] {
		text += " or " + n
	}
	return text
}

// file finds the first file that fits a pattern.
func (f *Files) file(what, pattern string) place {
	paths, err := f.parts.Glob(pattern)
	if err != nil {
		return place{err: err}
	}
	if len(paths) == 0 {
		return place{err: absent(what, fmt.Errorf("there is no %s", pattern))}
	}
	return place{path: slices.Min(paths)}
}

// folder finds the folder of the first file that fits a pattern.
func (f *Files) folder(what, pattern string) place {
	p := f.file(what, pattern)
	p.path = path.Dir(p.path)
	return p
}

func absent(what string, err error) error {
	return &hw.Error{Kind: hw.Absent, Doing: "find", What: what, Err: err}
}

// read reads a file of a place, if there is the place, and what stands in it.
func read[T any](f *Files, at place, name string, parse func([]byte) (T, error)) (v T, err error) {
	if at.err != nil {
		return v, at.err
	}
	file := path.Join(at.path, name)
	text, err := f.parts.ReadFile(file)
	if err != nil {
		return v, err
	}
	if v, err = parse(text); err != nil {
		return v, &hw.Error{Kind: hw.Failed, Doing: "read", What: file, Err: err}
	}
	return v, nil
}

// value is read as a value.
func value[T any](f *Files, at place, name string, parse func([]byte) (T, error)) hw.Value[T] {
	return hw.Read(read(f, at, name, parse))
}

// text is a parser of names.
func text(b []byte) (string, error) {
	if s := word(b); s != "" {
		return s, nil
	}
	return "", errors.New("it is empty")
}
