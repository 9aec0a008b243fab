package emulated

import (
	"strings"
	"testing"
)

func TestPi(t *testing.T) {
	p := on(t, numbered(parts(t), 1))
	for _, f := range []string{"/proc/device-tree/model", "/sys/class/thermal/thermal_zone0/type", "/sys/class/thermal/thermal_zone0/temp", "/sys/kernel/debug/gpio", "/proc/modules",
		"/sys/class/watchdog/watchdog0/identity", "/sys/class/watchdog/watchdog1/identity", "/sys/class/watchdog/watchdog0/timeout"} {
		text, err := p.File(t.Context(), f)
		t.Log(f, strings.TrimRight(text, "\x00"), err)
	}
	for _, do := range []string{"high", "low", "high", "read"} {
		_, err := p.Pin(t.Context(), "GPIO21", do)
		g, _ := p.File(t.Context(), "/sys/kernel/debug/gpio")
		for l := range strings.Lines(g) {
			if strings.Contains(l, "GPIO21") {
				t.Log(do, err, l)
			}
		}
	}
	e, err := p.Run(t.Context(), "/picloud", "help")
	t.Log(e, err)
}

func numbered(c Config, n byte) Config {
	c.Number = n
	return c
}
