package kernel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
	"picloud/hw/hwtest"
)

func TestParsers(t *testing.T) {
	for _, c := range []struct {
		text string
		read func([]byte) (any, error)
		want any // nil if it is an error
	}{
		{"47712\n", as(number), int64(47712)}, {"-1\n", as(number), int64(-1)}, {"", as(number), nil}, {"47.7\n", as(number), nil},
		{"-1\n", as(count), nil}, {"99999999999999999999\n", as(count), nil},
		{"0\n", as(flag), false}, {"1\n", as(flag), true}, {"2\n", as(flag), nil}, {"", as(flag), nil},
		{"50005\n", as(throttled), hw.Throttling(0x50005)}, {"0x50005\n", as(throttled), nil}, {"123456789\n", as(throttled), nil},
		{"\x00\xc0\x31\x14", as(cell), uint32(0xc03114)}, {"\x00\xc0\x31", as(cell), nil},
		{"some avg10=0.00 avg60=0.00 avg300=0.00 total=2500\nfull avg10=0.00 total=7\n", as(pressure), 2500 * time.Microsecond},
		{"full avg10=0.00 total=7\n", as(pressure), nil}, {"some total=-7\n", as(pressure), nil}, {"some total=9223372036854775807\n", as(pressure), nil},
		{"0-3\n", as(cores), 4}, {"0\n", as(cores), 1}, {"0,2-3\n", as(cores), 3}, {"3-0\n", as(cores), nil}, {"\n", as(cores), nil},
		{"1000\n", as(megabits), int64(1_000_000_000)}, {"-1\n", as(megabits), nil},
		{"1800000\n", as(kilohertz), 1800 * physic.MegaHertz}, {"9223372036854775\n", as(kilohertz), nil},
	} {
		got, err := c.read([]byte(c.text))
		if (err == nil) != (c.want != nil) || err == nil && got != c.want {
			t.Errorf("%q is %v (%v), want %v", c.text, got, err, c.want)
		}
	}
}

func as[T any](read func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return read(b) }
}

// TestWhenACardIsReadOnly says what is meant by a fault and what by intent.
func TestWhenACardIsReadOnly(t *testing.T) {
	const system, data = "/sys/fs/ext4/mmcblk0p2/errors_count", "/sys/fs/ext4/mmcblk0p3/errors_count"
	for _, c := range []struct {
		name, mounts string
		files        map[string]string // beside those of a card that is well
		want         string            // true, false, or part of the error
	}{
		{name: "all is well", mounts: "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n", want: "false"},
		{name: "its switch is set", mounts: "/dev/mmcblk0p2 / ext4 rw 0 0\n", files: map[string]string{"/sys/block/mmcblk0/ro": "1\n"}, want: "true"},
		{name: "what it would do", mounts: "/dev/mmcblk0p2 / ext4 rw,errors=remount-ro 0 0\n", want: "false"},
		{name: "it gave up", mounts: "/dev/mmcblk0p1 /boot vfat ro 0 0\n/dev/root / ext4 ro,noatime 0 0\n", files: map[string]string{system: "1\n"}, want: "true"},
		{name: "it gave up, with Linux 6.15", mounts: "/dev/mmcblk0p2 / ext4 rw,emergency_ro,noatime 0 0\n", want: "true"},
		{name: "it was shut down", mounts: "/dev/mmcblk0p2 / ext4 rw,noatime,shutdown 0 0\n", want: "true"},
		{name: "it is elsewhere", mounts: "/dev/mmcblk0p1 /boot vfat ro 0 0\n/dev/sda1 / ext4 ro 0 0\n", want: "no partition of mmcblk0"},
		{name: "a part that a program may not write", files: map[string]string{system: "1\n"},
			mounts: "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p2 /etc/picloud ext4 ro,noatime 0 0\n", want: "false"},
		{name: "a part that it may write", files: map[string]string{system: "1\n"},
			mounts: "/dev/root / ext4 ro,noatime 0 0\n/dev/root /var/lib/picloud ext4 rw,noatime 0 0\n", want: "false"},
		{name: "it gave up, with a part shown", files: map[string]string{system: "1\n"},
			mounts: "/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n/dev/mmcblk0p2 /etc/picloud ext4 ro,noatime 0 0\n", want: "true"},
		{name: "the data gave up", files: map[string]string{data: "2\n"},
			mounts: "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p3 /data ext4 ro 0 0\n", want: "true"},
		{name: "an image, and data with an old error", files: map[string]string{data: "2\n"},
			mounts: "/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n/dev/mmcblk0p3 /data ext4 rw 0 0\n", want: "false"},
		{name: "an image under an overlay", mounts: "overlay / overlay rw 0 0\n/dev/mmcblk0p2 /media/root-ro ext4 ro 0 0\n", want: "false"},
		{name: "who knows", mounts: "/dev/mmcblk0p3 /data ext4 ro 0 0\n", want: "no file system on mmcblk0p3"},
	} {
		p := hwtest.Pi4B()
		p.Set("/proc/mounts", c.mounts)
		for file, text := range c.files {
			p.Set(file, text)
		}
		got := ""
		if is, err := Locate(p).Card().ReadOnly.Get(); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(is)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzParsers gives each parser anything: none panics, and what is no error can be.
func FuzzParsers(f *testing.F) {
	for _, text := range []string{"47712\n", "-1\n", "50005\n", "some avg10=0.00 total=2500\n", "0-3\n", "0,2-3\n", "/dev/root / ext4 ro 0 0\n", "1", "\x00\xc0\x31\x14"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := count(b); err == nil && n < 0 {
			t.Errorf("a count of %d", n)
		}
		if d, err := pressure(b); err == nil && d < 0 {
			t.Errorf("a wait of %s", d)
		}
		if n, err := cores(b); err == nil && n < 1 {
			t.Errorf("%d cores", n)
		}
		if hz, err := kilohertz(b); err == nil && hz < 0 {
			t.Errorf("a clock of %s", hz)
		}
		if n, err := megabits(b); err == nil && n < 0 {
			t.Errorf("%d bits a second", n)
		}
		for _, read := range []func([]byte) (any, error){as(number), as(flag), as(throttled), as(cell), as(mounts), as(text)} {
			if _, err := read(b); err != nil && strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("an error has more than a line: %v", err)
			}
		}
	})
}
