package hwtest

import (
	"fmt"
	"maps"
	"time"
)

// Machine is a kind of machine.
type Machine struct {
	Name string
	// Board says whether it is a Raspberry Pi that is known.
	Board bool
	New   func() *Parts
}

// Machines returns all kinds of machines: the boards with the system of Raspberry Pi, a 4B with Debian, which has no mailbox, and a PC.
func Machines() []Machine {
	return []Machine{
		{"3B", true, Pi3B}, {"3B+", true, Pi3BPlus}, {"4B", true, Pi4B}, {"5", true, Pi5}, {"4B with Debian", true, Debian}, {"PC", false, PC},
	}
}

// linux is what any Linux machine shows.
func linux() map[string]string {
	return map[string]string{
		"/sys/devices/system/cpu/present": "0-3\n",
		"/proc/pressure/cpu":              "some avg10=1.22 avg60=0.40 avg300=0.10 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"/proc/pressure/io":               "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=900000\n",
	}
}

// wire is a wire that is plugged in.
func wire(name string, megabits int) map[string]string {
	at := "/sys/class/net/" + name
	return map[string]string{at + "/carrier": "1\n", at + "/carrier_changes": "2\n", at + "/speed": fmt.Sprintf("%d\n", megabits),
		at + "/statistics/rx_errors": "0\n"}
}

// card is a card with the system on its second partition.
func card() map[string]string {
	const at = "/sys/block/mmcblk0"
	return map[string]string{at + "/ro": "0\n", at + "/device/name": "SC64G\n", at + "/device/manfid": "0x000003\n", at + "/device/serial": "0x8a2b3c4d\n",
		"/sys/fs/ext4/mmcblk0p2/errors_count": "0\n", "/sys/fs/ext4/mmcblk0p2/lifetime_write_kbytes": "52428800\n",
		"/proc/mounts": "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\nproc /proc proc rw 0 0\n/dev/mmcblk0p1 /boot/firmware vfat rw,relatime 0 0\n"}
}

// pi is what all boards show; the revision is that of the device tree.
func pi(model, revision string, maxKHz, megabits int) *Parts {
	all := linux()
	maps.Copy(all, wire("eth0", megabits))
	maps.Copy(all, card())
	maps.Copy(all, map[string]string{
		"/proc/device-tree/model":                                  model + "\x00",
		"/proc/device-tree/serial-number":                          "10000000abcdef01\x00",
		"/proc/device-tree/system/linux,revision":                  revision,
		"/sys/class/thermal/thermal_zone0/type":                    "cpu-thermal\n",
		"/sys/class/thermal/thermal_zone0/temp":                    "47712\n",
		"/sys/class/hwmon/hwmon0/name":                             "cpu_thermal\n",
		"/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": fmt.Sprintf("%d\n", maxKHz),
		"/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": fmt.Sprintf("%d\n", maxKHz),
		"/dev/watchdog0":                                           "",
	})
	p := NewParts(all)
	for n := range 28 {
		name := fmt.Sprintf("GPIO%d", n)
		p.pins[name] = &Pin{name: name, number: n}
	}
	p.buses["1"] = &Bus{number: "1", chips: map[uint16]*Chip{}}
	p.watchdog = &Watchdog{longest: 15 * time.Second} // 20 bits of 1/65536 s (drivers/watchdog/bcm2835_wdt.c)
	return p
}

// firmware adds what the kernel of Raspberry Pi shows of the firmware.
func firmware(p *Parts, soc string, hertz uint32) *Parts {
	p.mailbox = &Mailbox{clock: hertz, milliCelsius: 47_712}
	p.Set("/sys/class/hwmon/hwmon1/name", "rpi_volt\n")
	p.Set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
	p.Set("/sys/devices/platform/"+soc+"/"+soc+":firmware/get_throttled", "0\n")
	return p
}

// Pi3B returns a 3B with the system of Raspberry Pi.
func Pi3B() *Parts {
	return firmware(pi("Raspberry Pi 3 Model B Rev 1.2", "\x00\xa0\x20\x82", 1_200_000, 100), "soc", 1_200_000_000)
}

// Pi3BPlus returns a 3B+ with the system of Raspberry Pi.
func Pi3BPlus() *Parts {
	return firmware(pi("Raspberry Pi 3 Model B Plus Rev 1.3", "\x00\xa0\x20\xd3", 1_400_000, 1000), "soc", 1_400_000_000)
}

// Pi4B returns a 4B with the system of Raspberry Pi.
func Pi4B() *Parts {
	return firmware(pi("Raspberry Pi 4 Model B Rev 1.4", "\x00\xc0\x31\x14", 1_800_000, 1000), "soc", 1_800_000_000)
}

// Pi5 returns a 5 with the system of Raspberry Pi and its active cooler.
func Pi5() *Parts {
	p := firmware(pi("Raspberry Pi 5 Model B Rev 1.0", "\x00\xc0\x41\x70", 2_400_000, 1000), "soc@107c000000", 2_400_000_000)
	for core := 1; core < 4; core++ { // the kernel can stop cores on no other board
		p.Set(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", core), "1\n")
	}
	p.Set("/sys/class/hwmon/hwmon2/name", "pwmfan\n")
	p.Set("/sys/class/hwmon/hwmon2/pwm1", "75\n")
	p.Set("/sys/class/hwmon/hwmon2/fan1_input", "2950\n")
	p.mailbox.rails = "  3V7_WL_SW_A current(0)=0.07611948A\n   VDD_CORE_A current(7)=1.41420000A\n" +
		"  3V7_WL_SW_V volt(8)=3.70730900V\n   VDD_CORE_V volt(15)=0.87050000V\n      EXT5V_V volt(24)=5.11800000V\n       BATT_V volt(25)=0.00000000V\n"
	return p
}

// Debian returns a 4B with Debian's own kernel, which has no driver for the mailbox and does not look at the supply.
func Debian() *Parts {
	return pi("Raspberry Pi 4 Model B Rev 1.4", "\x00\xc0\x31\x14", 1_800_000, 1000)
}

// PC returns a PC.
func PC() *Parts {
	all := linux()
	maps.Copy(all, wire("enp3s0", 1000))
	all["/sys/devices/system/cpu/present"] = "0-7\n"
	all["/sys/class/thermal/thermal_zone0/type"], all["/sys/class/thermal/thermal_zone0/temp"] = "acpitz\n", "27800\n"
	all["/sys/class/thermal/thermal_zone1/type"], all["/sys/class/thermal/thermal_zone1/temp"] = "x86_pkg_temp\n", "51000\n"
	return NewParts(all)
}
