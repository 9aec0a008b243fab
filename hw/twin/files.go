package twin

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// files returns what Raspberry Pi OS has of the board below /sys, /proc and /dev.
func (p *Pi) files() files {
	fs := files{}
	p.addIdentity(fs)
	p.addProcessor(fs)
	p.addSensors(fs)
	if p.kernelFan() {
		p.addFan(fs)
	}
	p.addWatchdog(fs)
	p.addCard(fs)
	p.addLink(fs)
	p.addLoad(fs)
	return fs
}

// serialText returns the serial number as it is printed on the board's inside.
func (p *Pi) serialText() string { return fmt.Sprintf("%016x", p.serial) }

// cell is a number as a device tree holds it.
func cell(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

func (p *Pi) addIdentity(fs files) {
	m := &p.model
	for _, root := range []string{"/proc/device-tree", "/sys/firmware/devicetree/base"} {
		fs.text(root+"/model", m.name+"\x00")
		fs.text(root+"/serial-number", p.serialText()+"\x00")
		fs.text(root+"/system/linux,revision", cell(m.revision))
		if m.pmic {
			fs.text(root+"/chosen/power/max_current", cell(5000))
		}
		if p.kernelFan() {
			fs.text(root+"/cooling_fan/status", "okay\x00")
		}
	}
	fs.text("/proc/cpuinfo", fmt.Sprintf("Revision\t: %x\nSerial\t\t: %s\nModel\t\t: %s\n", m.revision, p.serialText(), m.name))
}

func (p *Pi) addProcessor(fs files) {
	const cpus, policy = "/sys/devices/system/cpu", "/sys/devices/system/cpu/cpufreq/policy0"
	m := &p.model
	list := func() string { return coreList(p.online) }
	fs.line(cpus+"/possible", "0-3")
	fs.line(cpus+"/present", "0-3")
	fs.show(cpus+"/online", list)
	fs.show(policy+"/affected_cpus", list)
	for core := 1; core < len(p.online) && m.hotplug; core++ {
		fs.setting(fmt.Sprintf("%s/cpu%d/online", cpus, core), 0, 1, func() int64 { return digit(p.online[core]) }, func(n int64) {
			p.settle()
			p.online[core] = n == 1
		})
	}
	fs.number(policy+"/cpuinfo_min_freq", func() int64 { return m.floorMHz * 1000 })
	fs.number(policy+"/cpuinfo_max_freq", func() int64 { return m.maxMHz * 1000 })
	fs.number(policy+"/scaling_min_freq", func() int64 { return m.floorMHz * 1000 })
	fs.line(policy+"/scaling_governor", "ondemand")
	fs.line(policy+"/scaling_driver", "cpufreq-dt")
	// What the kernel shows is what it asks for. The firmware may give less and not say so here.
	asked := func() int64 {
		if p.busy {
			return p.maxMHz * 1000
		}
		return m.floorMHz * 1000
	}
	fs.number(policy+"/scaling_cur_freq", asked)
	fs.number(policy+"/cpuinfo_cur_freq", asked)
	fs.setting(policy+"/scaling_max_freq", 0, 1<<40, func() int64 { return p.maxMHz * 1000 }, func(khz int64) {
		p.settle()
		p.maxMHz = min(max(khz/100_000*100, m.floorMHz), m.maxMHz) // the clocks of the kernel's table are 100 MHz apart
	})
}

// coreList prints the cores in use as ranges, "0,2-3".
func coreList(online [4]bool) string {
	text := ""
	for i := 0; i < len(online); i++ {
		if !online[i] {
			continue
		}
		last := i
		for last+1 < len(online) && online[last+1] {
			last++
		}
		if text != "" {
			text += ","
		}
		text += fmt.Sprint(i)
		if last > i {
			text += fmt.Sprintf("-%d", last)
		}
		i = last
	}
	return text + "\n"
}

func digit(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// hwmon adds a device for measuring, with the next number: which one a device has differs between boards.
func (fs files) hwmon(name string) string {
	for n := 0; ; n++ {
		device := fmt.Sprintf("/sys/class/hwmon/hwmon%d", n)
		if _, taken := fs[device+"/name"]; !taken {
			fs.line(device+"/name", name)
			return device
		}
	}
}

func (p *Pi) addSensors(fs files) {
	const zone = "/sys/class/thermal/thermal_zone0"
	m := &p.model
	fs.line(zone+"/type", "cpu-thermal")
	fs.number(zone+"/temp", p.sensor)
	fs[zone+"/mode"] = file{
		read: func() string { return map[bool]string{false: "enabled\n", true: "disabled\n"}[p.rests] },
		write: func(text string) error {
			mode := strings.TrimSpace(text)
			if mode != "enabled" && mode != "disabled" {
				return fmt.Errorf("%q is neither enabled nor disabled", text)
			}
			p.rests = mode == "disabled"
			return nil
		},
	}
	fs.line(zone+"/trip_point_0_type", "critical")
	fs.line(zone+"/trip_point_0_temp", fmt.Sprint(criticalTemperature))
	fs.number(fs.hwmon("cpu_thermal")+"/temp1_input", p.sensor)
	if m.pmic {
		adc := fs.hwmon("rp1_adc")
		for n, millivolts := range []int64{1480, 2150, 1210, 1220} { // what the pins of the second header happen to carry
			fs.line(fmt.Sprintf("%s/in%d_input", adc, n+1), fmt.Sprint(millivolts))
		}
		fs.number(adc+"/temp1_input", func() int64 { return (p.air + p.board) / nanokelvin }) // RP1 is as warm as the board
	}
	fs.number(fs.hwmon("rpi_volt")+"/in0_lcrit_alarm", func() int64 { return int64(p.polled >> 16 & 1) })
	throttled := "/sys/devices/platform/" + m.soc + "/" + m.soc + ":firmware/get_throttled"
	fs.show(throttled, func() string { return fmt.Sprintf("%x\n", uint32(p.polled)) })
}

func (p *Pi) addFan(fs files) {
	const cooler = "/sys/class/thermal/cooling_device0"
	fan := fs.hwmon("pwmfan")
	fs.setting(fan+"/pwm1", 0, 255, func() int64 { return p.pwm }, func(n int64) {
		p.pwm = n
		p.turnFan()
	})
	// 0 cuts the fan off. The others tell what is to happen when pwm1 is 0, and look the same from here (Documentation/hwmon/pwm-fan.rst).
	fs.setting(fan+"/pwm1_enable", 0, 3, func() int64 { return 1 - digit(p.cut) }, func(n int64) {
		p.cut = n == 0
		p.turnFan()
	})
	fs.number(fan+"/fan1_input", func() int64 { return int64(p.duty) * fullRPM / 1000 })
	fs.line(cooler+"/type", "pwm-fan")
	fs.line(cooler+"/max_state", "4")
	fs.number(cooler+"/cur_state", func() int64 {
		pwm, _ := curve()
		state := 0
		for state+1 < len(pwm) && p.pwm >= pwm[state+1] {
			state++
		}
		return int64(state)
	})
}

func (p *Pi) addWatchdog(fs files) {
	const dog = "/sys/class/watchdog/watchdog0"
	const cardReset = 0x20 // WDIOF_CARDRESET
	fs["/dev/watchdog0"] = file{}
	fs.line(dog+"/identity", "Broadcom BCM2835 Watchdog timer")
	fs.line(dog+"/nowayout", "0")
	fs.number(dog+"/timeout", func() int64 { return int64(p.dog.timeout / time.Second) })
	fs.number(dog+"/timeleft", func() int64 { return int64(max(0, p.dog.left(p.now)) / time.Second) })
	fs.number(dog+"/bootstatus", func() int64 { return digit(p.dog.bit) * cardReset })
	fs.show(dog+"/state", func() string {
		if p.dog.armed {
			return "active\n"
		}
		return "inactive\n"
	})
}

func (p *Pi) addCard(fs files) {
	const block, ext4 = "/sys/block/mmcblk0", "/sys/fs/ext4/mmcblk0p2"
	for name, text := range map[string]string{
		"cid": fmt.Sprintf("035344534333324780%08x0156", uint32(p.serial)), "name": "SC32G", "manfid": "0x000003", "oemid": "0x5344",
		"date": "06/2023", "serial": fmt.Sprintf("0x%08x", uint32(p.serial)), "type": "SD",
	} {
		fs.line(block+"/device/"+name, text)
	}
	readOnly := func() bool { return p.disk.ReadOnly || p.wear.worn() }
	fs.number(block+"/ro", func() int64 { return 0 }) // the card's switch; that the file system gave up is seen at its mount
	fs.number(block+"/size", func() int64 { return p.wear.card.Bytes / 512 })
	fs.show(block+"/stat", func() string {
		return fmt.Sprintf("0 0 0 0 0 0 %d 0 0 %d 0\n", p.wear.written/512, p.io.total.Milliseconds())
	})
	fs.number(ext4+"/errors_count", func() int64 { return p.disk.Errors + digit(readOnly()) }) // what made it give up is counted
	fs.number(ext4+"/lifetime_write_kbytes", func() int64 { return (p.disk.WrittenBytes + p.wear.written) >> 10 })
	fs.show("/proc/mounts", func() string {
		mode := "rw"
		if readOnly() {
			mode = "ro"
		}
		return "/dev/mmcblk0p2 / ext4 " + mode + ",noatime 0 0\nproc /proc proc rw,relatime 0 0\n/dev/mmcblk0p1 /boot/firmware vfat rw,relatime 0 0\n"
	})
}

func (p *Pi) addLink(fs files) {
	const eth = "/sys/class/net/eth0"
	link := func(of func(l *LinkState) int64) func() int64 { return func() int64 { return of(&p.link) } }
	fs.number(eth+"/carrier", link(func(l *LinkState) int64 { return digit(l.Up) }))
	fs.number(eth+"/carrier_changes", link(func(l *LinkState) int64 { return l.Changes }))
	fs.number(eth+"/speed", link(func(l *LinkState) int64 {
		if !l.Up {
			return -1
		}
		return l.Megabits
	}))
	fs.show(eth+"/operstate", func() string {
		if p.link.Up {
			return "up\n"
		}
		return "down\n"
	})
	fs.line(eth+"/address", fmt.Sprintf("d8:3a:dd:%02x:%02x:%02x", byte(p.serial>>16), byte(p.serial>>8), byte(p.serial)))
	fs.number(eth+"/statistics/rx_bytes", link(func(l *LinkState) int64 { return l.RxBytes }))
	fs.number(eth+"/statistics/tx_bytes", link(func(l *LinkState) int64 { return l.TxBytes }))
	fs.number(eth+"/statistics/rx_errors", link(func(l *LinkState) int64 { return l.RxErrors }))
}

func (p *Pi) addLoad(fs files) {
	fs.show("/proc/pressure/cpu", p.cpu.String)
	fs.show("/proc/pressure/io", p.io.String)
	fs.show("/proc/pressure/memory", (&pressure{}).String)
	fs.show("/proc/loadavg", func() string {
		l := p.loads
		return fmt.Sprintf("%s %s %s 1/120 1000\n", hundredths(l[0]), hundredths(l[1]), hundredths(l[2]))
	})
	fs.show("/proc/sys/kernel/random/boot_id", func() string { // no number is random here: another start is at another time
		return fmt.Sprintf("%08x-0000-4000-8000-%012x\n", uint32(p.serial), p.started/time.Microsecond)
	})
	fs.show("/proc/uptime", func() string {
		up := p.now - p.started
		idle := max(0, up*time.Duration(len(p.online))-p.runTime)
		return fmt.Sprintf("%d.%02d %d.%02d\n", up/time.Second, up%time.Second/(10*time.Millisecond),
			idle/time.Second, idle%time.Second/(10*time.Millisecond))
	})
}
