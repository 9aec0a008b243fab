package emulated

import "testing"

func TestAPinIsFoundInTheKernelsView(t *testing.T) {
	const view = `gpiochip1: GPIOs 450-457, parent: platform/soc:firmware:gpio, raspberrypi-exp-gpio, can sleep:
 gpio-457 (PWR_LOW_N           )

gpiochip0: GPIOs 458-511, parent: platform/3f200000.gpio, pinctrl-bcm2835:
 gpio-463 (GPIO5               )
 gpio-478 (GPIO20              |init@1              ) in  hi IRQ ACTIVE LOW
 gpio-479 (GPIO21              |picloud@41          ) out lo 
`
	for pin, want := range map[string]Line{
		"GPIO5": {}, "GPIO20": {"init@1", "in", "hi"}, "GPIO21": {"picloud@41", "out", "lo"},
	} {
		if got, err := ParseLine(view, pin); err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", pin, got, err, want)
		}
	}
	if l, err := ParseLine(view, "GPIO2"); err == nil {
		t.Errorf("a pin that is not there was found: %+v", l)
	}
}
