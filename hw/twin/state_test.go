package twin

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"picloud/hw"
)

func TestPowerComesAndGoes(t *testing.T) {
	p, err := New(Config{Model: Pi4B})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parts().ReadFile("/proc/uptime"); hw.KindOf(err) != hw.Failed {
		t.Errorf("a board without power: %v", err)
	}
	p.SetPower(true, time.Second)
	p.Advance(1200*time.Millisecond, Work{})
	expect(t, p)
	p.Advance(1300*time.Millisecond, Work{})
	expect(t, p, Started)
	work(p, time.Minute, 4)
	if p.Milliwatts() != 6400 || p.SpeedPPM() != 1_000_000 || p.Cores() != 4 {
		t.Errorf("%d mW, speed %d, %d cores", p.Milliwatts(), p.SpeedPPM(), p.Cores())
	}
	const boot = "/proc/sys/kernel/random/boot_id"
	first := read(t, p, boot)
	p.SetPower(false, p.now)
	p.SetPower(false, p.now)
	expect(t, p, PowerOff)
	p.SetPower(true, p.now+time.Second)
	work(p, time.Second, 0)
	expect(t, p, Started)
	if second := read(t, p, boot); second == first || len(second) != len(first) {
		t.Errorf("one start is called %q, the next %q", first, second)
	}
	if up := read(t, p, "/proc/uptime"); up[0] != '0' {
		t.Errorf("it is up for %s", up)
	}
}

func TestAWeakSupplyResetsAndLetsStartAgain(t *testing.T) {
	p, err := New(Config{Model: Pi4B, CableMilliohms: 1000})
	if err != nil {
		t.Fatal(err)
	}
	p.SetSupply(5300)
	p.SetPower(true, 0)
	p.Advance(2*time.Second, Work{})
	expect(t, p, Started, UnderVoltageReset, Started) // what charges its capacitors is nearly too much
	if v := p.Millivolts(); v < 4_760 || v > 4_960 {
		t.Fatalf("a bad cable of 1 ohm carries 2.4 W at %d mV", v) // such a one was measured: 5.30 V here, 4.86 V there
	}
	work(p, tickTime, 4)
	expect(t, p, UnderVoltageReset)
	if p.Running() {
		t.Error("it runs at less than 4 V")
	}
	work(p, tickTime, 4)
	expect(t, p, Started)
	p.SetSupply(3900)
	p.Advance(p.now+time.Minute, Work{})
	expect(t, p, UnderVoltageReset)
	p.SetSupply(5100)
	p.Advance(p.now+time.Second, Work{})
	expect(t, p, Started)
}

func TestHaltingLeavesItHalted(t *testing.T) {
	p := started(t, Config{Name: "a", Model: Pi4B, Equipment: hw.Config{Relays: []hw.Relay{{Feeds: "b", Pin: "GPIO17"}}}})
	pin, _ := p.Parts().Pin("GPIO17")
	if err := pin.Out(gpio.High); err != nil {
		t.Fatal(err)
	}
	if err := p.Parts().Halt(); err != nil {
		t.Fatal(err)
	}
	expect(t, p, RelayOpened, Halted, RelayClosed)
	p.Advance(time.Minute, Work{CoreTime: time.Minute})
	if p.Milliwatts() != 120 || p.Running() {
		t.Errorf("halted it draws %d mW", p.Milliwatts())
	}
	if err := p.Parts().Halt(); hw.KindOf(err) != hw.Failed {
		t.Errorf("halted twice: %v", err)
	}
	p.SetPower(false, p.now)
	p.SetPower(true, p.now)
	p.Advance(p.now+time.Second, Work{})
	expect(t, p, PowerOff, Started)
}

func TestAWatchdogResetsWhoDoesNotFeed(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	dog, err := p.Parts().OpenWatchdog()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parts().OpenWatchdog(); hw.KindOf(err) != hw.Failed {
		t.Errorf("opened twice: %v", err)
	}
	for asked, want := range map[time.Duration]time.Duration{
		time.Minute: 15 * time.Second, 7700 * time.Millisecond: 7 * time.Second, time.Millisecond: time.Second,
	} {
		if got, err := dog.SetTimeout(asked); got != want || err != nil {
			t.Errorf("asked for %s it has %s, %v", asked, got, err)
		}
	}
	if _, err := dog.SetTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		p.Advance(p.now+9*time.Second, Work{})
		if err := dog.Feed(); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, p)
	p.EndProcess() // it runs on
	fed := p.now
	if got := read(t, p, "/sys/class/watchdog/watchdog0/state"); got != "active" {
		t.Errorf("it is %s", got)
	}
	p.Advance(fed+10*time.Second-1, Work{})
	expect(t, p)
	p.Advance(fed+10*time.Second, Work{})
	if events := p.Events(); len(events) == 0 || events[0] != (Event{At: fed + 10*time.Second, Kind: WatchdogReset}) {
		t.Fatal(events)
	}
	p.Advance(p.now+time.Second, Work{})
	if !p.Running() {
		t.Error("it does not start again")
	}
	if got := read(t, p, "/sys/class/watchdog/watchdog0/bootstatus"); got != "32" {
		t.Errorf("boot status %s does not say who did it", got)
	}
	if err := dog.Feed(); hw.KindOf(err) != hw.Failed {
		t.Errorf("a device of the last boot is fed: %v", err)
	}
}

func TestAWatchdogIsDisarmedByItsWord(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	for range 2 {
		dog, err := p.Parts().OpenWatchdog()
		if err != nil {
			t.Fatal(err)
		}
		if err := dog.Disarm(); err != nil {
			t.Fatal(err)
		}
		if err := dog.Feed(); hw.KindOf(err) != hw.Failed {
			t.Errorf("fed after it was closed: %v", err)
		}
		p.Advance(p.now+time.Hour, Work{})
		expect(t, p)
	}
}

func TestADeadWatchdogNeverBites(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	p.SetWatchdogDead(true)
	if _, err := p.Parts().OpenWatchdog(); err != nil {
		t.Fatal(err)
	}
	p.Advance(p.now+time.Hour, Work{})
	expect(t, p)
	p.SetWatchdogDead(false)
	p.Advance(p.now+time.Second, Work{})
	expect(t, p, WatchdogReset, Started)
}

func TestRelaysCutNeighboursOff(t *testing.T) {
	config := Config{Name: "a", Equipment: hw.Config{
		Relays: []hw.Relay{{Feeds: "b", Pin: "GPIO17"}}, BackupRelays: []hw.Relay{{Feeds: "c", Pin: "GPIO4"}},
	}}
	p := started(t, config)
	pin := func(name string) gpio.PinIO {
		n, err := p.Parts().Pin(name)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	out := func(name string, l gpio.Level) {
		t.Helper()
		if err := pin(name).Out(l); err != nil {
			t.Fatal(err)
		}
	}
	out("GPIO17", gpio.Low)
	expect(t, p)
	out("GPIO17", gpio.High)
	if !p.Cuts("b") || p.Cuts("c") {
		t.Error("b is not cut off alone")
	}
	if events := p.Events(); len(events) != 1 || events[0].Machine != "b" || events[0].Kind != RelayOpened {
		t.Error(events)
	}
	p.EndProcess() // the kernel of Raspberry Pi leaves outputs as they are
	expect(t, p)
	if level := pin("GPIO17").Read(); level != gpio.Low || p.Cuts("b") {
		t.Errorf("who reads an output back makes it an input, and the relay falls to rest: %v", level)
	}
	expect(t, p, RelayClosed)
	out("GPIO4", gpio.High)
	out("GPIO17", gpio.High)
	expect(t, p, RelayOpened, RelayOpened)
	p.SetRelayStuck("c", true)
	out("GPIO4", gpio.Low)
	expect(t, p)
	p.SetPower(false, p.now)
	expect(t, p, PowerOff, RelayClosed)
	if !p.Cuts("c") {
		t.Error("a contact that is stuck has moved")
	}
	p.SetRelayStuck("c", false)
	expect(t, p, RelayClosed)

	config.StrictPins = true
	p = started(t, config)
	out("GPIO17", gpio.High)
	p.EndProcess()
	expect(t, p, RelayOpened, RelayClosed)
}

func TestABoardIsAsWarmAsBeforeWhenTheAirChanges(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	p.Advance(time.Hour, Work{})
	was := p.MilliCelsius()
	p.SetAir(42_000)
	if now := p.MilliCelsius(); now != was {
		t.Errorf("from %d to %d at once", was, now)
	}
	p.Advance(p.now+time.Minute, Work{})
	if now := p.MilliCelsius(); now < was+7_500 || now > was+9_500 { // 20 K * (1 - exp(-60 s/110 s))
		t.Errorf("after a minute from %d to %d", was, now)
	}
	p.Advance(p.now+time.Hour, Work{})
	if now := p.MilliCelsius(); now < was+19_990 || now > was+20_010 {
		t.Errorf("after an hour from %d to %d", was, now)
	}
}

func TestPinsHaveTheirPulls(t *testing.T) {
	p := started(t, Config{})
	for n, want := range map[int]gpio.Level{2: gpio.High, 8: gpio.High, 9: gpio.Low, 27: gpio.Low} {
		pin, err := p.Parts().Pin(fmt.Sprintf("GPIO%d", n))
		if err != nil {
			t.Fatal(err)
		}
		if got := pin.Read(); got != want || pin.Number() != n {
			t.Errorf("%s is %v", pin, got)
		}
		if err := pin.PWM(gpio.DutyHalf, 0); err == nil {
			t.Error("a pin has PWM")
		}
		if pin.String() != fmt.Sprintf("GPIO%d", n) || pin.Halt() != nil {
			t.Errorf("it is %s", pin)
		}
		if pin.WaitForEdge(-1) {
			t.Error("a pin has an edge")
		}
		if err := pin.In(gpio.PullUp, gpio.NoEdge); err != nil || pin.Read() != gpio.High || pin.Pull() != gpio.PullUp {
			t.Errorf("pulled up: %v", err)
		}
	}
	for _, name := range []string{"GPIO28", "GPIO-1", "GPIO07", "17", ""} {
		if _, err := p.Parts().Pin(name); hw.KindOf(err) != hw.Absent {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAFanOnAPinFollowsIt(t *testing.T) {
	p := started(t, Config{Model: Pi4B, Cooling: Fan, Equipment: hw.Config{FanPin: "GPIO18"}})
	if p.duty != 0 || p.FanDriven() {
		t.Error("it turns by itself")
	}
	pin, _ := p.Parts().Pin("GPIO18")
	if err := pin.Out(gpio.High); err != nil || p.duty != hw.FullDuty {
		t.Errorf("driven it turns at %d: %v", p.duty, err)
	}
	if p.SetFan(FanDead); p.duty != 0 || !p.FanDriven() {
		t.Errorf("dead it turns at %d, and is driven: %t", p.duty, p.FanDriven())
	}
	p.SetFan(FanFine)
	p.SetPower(false, p.now)
	if p.duty != 0 || p.FanDriven() {
		t.Error("it turns without power")
	}
	wired := started(t, Config{Model: Pi4B, Cooling: Fan})
	if wired.duty != hw.FullDuty {
		t.Error("a fan that is wired to the supply stands")
	}
}

func TestTheFanOfAPi5FollowsItsCurve(t *testing.T) {
	p := started(t, Config{Model: Pi5, Cooling: Fan})
	fan := device(t, p, "pwmfan")
	levels := map[string]bool{}
	for range 300 {
		work(p, time.Second, 4)
		levels[read(t, p, fan+"/pwm1")+" "+read(t, p, "/sys/class/thermal/cooling_device0/cur_state")] = true
	}
	for _, want := range []string{"0 0", "75 1", "125 2"} {
		if !levels[want] {
			t.Errorf("never at %s: %v", want, levels)
		}
	}
	write(t, p, fan+"/pwm1", "250\n")
	if rpm := read(t, p, fan+"/fan1_input"); rpm != "7840" {
		t.Errorf("it turns %s times a minute", rpm)
	}
	for range 300 {
		work(p, time.Second, 0)
	}
	if got := read(t, p, fan+"/pwm1"); got != "0" {
		t.Errorf("the kernel did not take it back: %s", got)
	}
	write(t, p, "/sys/class/thermal/thermal_zone0/mode", "disabled")
	write(t, p, fan+"/pwm1", "40")
	for range 600 {
		work(p, time.Second, 4)
	}
	if got := read(t, p, fan+"/pwm1"); got != "40" {
		t.Errorf("the kernel was told to leave it, and set %s", got)
	}
	write(t, p, fan+"/pwm1_enable", "0")
	if got := read(t, p, fan+"/fan1_input"); got != "0" {
		t.Errorf("cut off it turns %s times a minute", got)
	}
	for path, text := range map[string]string{
		fan + "/pwm1": "256", fan + "/pwm1_enable": "x", "/sys/class/thermal/thermal_zone0/mode": "maybe",
	} {
		if err := p.Parts().WriteFile(path, []byte(text)); hw.KindOf(err) != hw.Invalid {
			t.Errorf("%s takes %q: %v", path, text, err)
		}
	}
}

func TestBrokenFans(t *testing.T) {
	p := started(t, Config{Model: Pi5, Cooling: Fan})
	fan := device(t, p, "pwmfan")
	write(t, p, fan+"/pwm1", "125")
	p.SetFan(FanStuck)
	write(t, p, fan+"/pwm1", "250")
	if got := read(t, p, fan+"/fan1_input"); got != "3920" {
		t.Errorf("stuck it turns %s times a minute", got)
	}
	p.SetFan(FanDead)
	if got := read(t, p, fan+"/fan1_input") + " " + read(t, p, fan+"/pwm1"); got != "0 250" {
		t.Errorf("dead: %s", got)
	}
	p.SetFan(FanFine)
	if got := read(t, p, fan+"/fan1_input"); got != "7840" {
		t.Errorf("mended it turns %s times a minute", got)
	}
}

func TestClockAndCoresCanBeBounded(t *testing.T) {
	const policy = "/sys/devices/system/cpu/cpufreq/policy0/"
	p := started(t, Config{Model: Pi5, Cooling: Fan})
	work(p, time.Second, 4)
	full := p.Milliwatts()
	write(t, p, policy+"scaling_max_freq", "1850000")
	if got := read(t, p, policy+"scaling_max_freq"); got != "1800000" {
		t.Errorf("the kernel takes %s", got)
	}
	work(p, time.Second, 4)
	if p.SpeedPPM() != 1_870_000*18/24 || p.Milliwatts() >= full {
		t.Errorf("speed %d, %d mW of %d", p.SpeedPPM(), p.Milliwatts(), full)
	}
	write(t, p, policy+"scaling_max_freq", "9999999")
	write(t, p, "/sys/devices/system/cpu/cpu2/online", "0")
	work(p, time.Second, 4)
	if got := read(t, p, "/sys/devices/system/cpu/online"); got != "0-1,3" || p.Cores() != 3 {
		t.Errorf("in use are %s", got)
	}
	if p.Milliwatts() >= full || p.backlog == 0 {
		t.Errorf("three cores draw %d mW of %d, and leave %s", p.Milliwatts(), full, p.backlog)
	}
	for _, path := range []string{"/sys/devices/system/cpu/cpu0/online", "/sys/devices/system/cpu/cpu4/online"} {
		if err := p.Parts().WriteFile(path, []byte("0")); hw.KindOf(err) != hw.Absent {
			t.Errorf("%s: %v", path, err)
		}
	}
	if found, _ := started(t, Config{Model: Pi4B}).Parts().Glob("/sys/devices/system/cpu/cpu*/online"); len(found) != 0 {
		t.Errorf("the kernel of a 4B cannot take cores out of use, and has %v", found)
	}
}

func TestACardWearsOut(t *testing.T) {
	p := started(t, Config{Model: Pi4B, Card: Card{Bytes: 1 << 30, Cycles: 100}})
	last := Wear{}
	for writes := 0; !p.Wear().ReadOnly; writes++ {
		if writes > 200 {
			t.Fatalf("it never ends: %+v", p.Wear())
		}
		p.Advance(p.now+time.Second, Work{Written: 100 << 20})
		p.Advance(p.now+tickTime, Work{})
		now := p.Wear()
		if now.LifePermille < last.LifePermille || now.ErrorPPM < last.ErrorPPM || now.SlowPermille < last.SlowPermille {
			t.Fatalf("it gets younger: %+v, %+v", last, now)
		}
		if now.LifePermille < weakPermille && (now.ErrorPPM != 0 || now.SlowPermille != 1000) {
			t.Fatalf("a young card has errors: %+v", now)
		}
		last = now
	}
	expect(t, p, CardWornOut)
	if w := p.Wear(); w.ErrorPPM != 1000 || w.SlowPermille != 8000 {
		t.Errorf("at its end %+v", w)
	}
	if mounts := read(t, p, "/proc/mounts"); mounts[:26] != "/dev/mmcblk0p2 / ext4 ro,n" {
		t.Errorf("mounted as %s", mounts)
	}
	if kib := read(t, p, "/sys/fs/ext4/mmcblk0p2/lifetime_write_kbytes"); kib != fmt.Sprint(p.wear.written>>10) || p.wear.written < 100<<30/writeAmplification {
		t.Errorf("%s KiB were written", kib)
	}
	fast := started(t, Config{Card: Card{Aging: 1_000_000}})
	fast.Advance(time.Second, Work{Written: 20 << 20})
	fast.Advance(2*time.Second, Work{})
	expect(t, fast, CardWornOut)
}

func TestWhatTheSimulatorSaysOfCardAndWireIsSeen(t *testing.T) {
	p := started(t, Config{})
	p.SetCard(CardState{ReadOnly: true, Errors: 3, WrittenBytes: 5 << 20})
	p.SetLink(LinkState{Up: true, Changes: 7, Megabits: 100, RxBytes: 11, TxBytes: 12, RxErrors: 13})
	const eth = "/sys/class/net/eth0/"
	for path, want := range map[string]string{
		"/sys/fs/ext4/mmcblk0p2/errors_count": "4", "/sys/fs/ext4/mmcblk0p2/lifetime_write_kbytes": "5120",
		eth + "carrier": "1", eth + "carrier_changes": "7", eth + "speed": "100", eth + "operstate": "up",
		eth + "statistics/rx_bytes": "11", eth + "statistics/tx_bytes": "12", eth + "statistics/rx_errors": "13",
	} {
		if got := read(t, p, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	p.SetLink(LinkState{})
	if got := read(t, p, eth+"carrier") + read(t, p, eth+"speed") + read(t, p, eth+"operstate"); got != "0-1down" {
		t.Errorf("down: %s", got)
	}
}

func TestPressureAndLoadRise(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	for range 60 {
		p.Advance(p.now+time.Second, Work{CoreTime: 4 * time.Second, CoreWait: 500 * time.Millisecond, DiskBusy: 250 * time.Millisecond})
	}
	if got := read(t, p, "/proc/pressure/cpu"); got != "some avg10=49.87 avg60=31.48 avg300=9.25 total=30000000\nfull avg10=24.93 avg60=15.74 avg300=4.62 total=15000000" {
		t.Errorf("%q", got)
	}
	if got := read(t, p, "/proc/pressure/io"); got[len(got)-len("total=7500000"):] != "total=7500000" {
		t.Errorf("%q", got)
	}
	if got := read(t, p, "/proc/loadavg"); got[:4] != "2.52" { // 4 * (1 - 1/e), less what the kernel rounds off
		t.Errorf("%q", got)
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	p := started(t, Config{Model: Pi4B})
	for path, want := range map[string]hw.Kind{
		"/sys/class/hwmon/hwmon0/pwm1": hw.Absent, "/sys/class": hw.Absent, "/proc/device-tree/chosen/power/max_current": hw.Absent,
		"/etc/passwd": hw.Invalid, "/sys/../etc/passwd": hw.Invalid, "": hw.Invalid,
	} {
		if _, err := p.Parts().ReadFile(path); hw.KindOf(err) != want {
			t.Errorf("read %s: %v", path, err)
		}
		if err := p.Parts().WriteFile(path, nil); hw.KindOf(err) != want {
			t.Errorf("write %s: %v", path, err)
		}
	}
	if err := p.Parts().WriteFile("/proc/uptime", nil); hw.KindOf(err) != hw.Failed {
		t.Errorf("a file that can only be read: %v", err)
	}
	if _, err := p.Parts().Glob("[a"); hw.KindOf(err) != hw.Invalid {
		t.Errorf("a bad pattern: %v", err)
	}
	if found, err := p.Parts().Glob("/dev/watchdog*"); len(found) != 1 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := p.Parts().Glob("/sys/class/hwmon/*"); len(found) != 2 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := p.Parts().Bus("7"); hw.KindOf(err) != hw.Absent {
		t.Errorf("bus 7: %v", err)
	}
	var e *hw.Error
	if _, err := p.Parts().ReadFile("/sys/x"); !errors.As(err, &e) || err.Error() != "hw: read /sys/x: there is no such file (absent)" {
		t.Error(err)
	}
}
