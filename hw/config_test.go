package hw_test

import (
	"strings"
	"testing"

	"picloud/hw"
)

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		config hw.Config
		want   string // "" if it is good
	}{
		{hw.Config{}, ""},
		{hw.Config{FanPin: "GPIO14", Relays: []hw.Relay{{"pi-2", "GPIO17"}}, BackupRelays: []hw.Relay{{"pi-3", "GPIO27"}}}, ""},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x4f}, {Of: "pi-2", Chip: "ina3221", Address: 0x40, Channel: 2}, {Of: "pi-3", Chip: "ina3221", Address: 0x40}}}, ""},
		{hw.Config{FanPin: "17"}, `fan-pin: "17" is none of GPIO2 to GPIO27`},
		{hw.Config{FanPin: "GPIO017"}, "fan-pin: "},
		{hw.Config{Relays: []hw.Relay{{"pi-2", "GPIO28"}}}, `relays[0].pin: "GPIO28"`},
		{hw.Config{Relays: []hw.Relay{{"", "GPIO17"}}}, "relays[0].feeds: which machine"},
		{hw.Config{Relays: []hw.Relay{{"pi-2", "GPIO17"}, {"pi-3", "GPIO17"}}}, "relays[1].pin: GPIO17 is used by relays[0].pin"},
		{hw.Config{FanPin: "GPIO17", BackupRelays: []hw.Relay{{"pi-2", "GPIO17"}}}, "backup-relays[0].pin: GPIO17 is used by fan-pin"},
		{hw.Config{Relays: []hw.Relay{{"pi-2", "GPIO17"}}, BackupRelays: []hw.Relay{{"pi-2", "GPIO18"}}}, "backup-relays[0].feeds: pi-2 is fed by relays[0]"},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina220", Address: 0x40}}}, `meters[0].chip: "ina220"`},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x50}}}, "meters[0].address: an ina219 has 0x40 to 0x4f, not 0x50"},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40, Channel: 2}}}, "meters[0].channel: "},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina3221", Address: 0x44}}}, "meters[0].address: "},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40, Bus: "one"}}}, `meters[0].bus: "one"`},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40, Shunt: -1}}}, "meters[0].shunt-milliohms: -1"},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}, {Chip: "ina219", Address: 0x41}}}, "meters[1].of: meters[0] measures the same machine"},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}, {Of: "pi-2", Chip: "ina226", Address: 0x40}}}, "meters[1].chip: at bus 1, address 0x40 there is an ina219"},
		{hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}, {Of: "pi-2", Chip: "ina219", Address: 0x40}}}, "meters[1].address: meters[0] reads"},
	} {
		err := c.config.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
	c := hw.Config{Meters: []hw.Meter{{Chip: "ina219", Address: 0x40}}}
	if err := c.Validate(); err != nil || c.Meters[0] != (hw.Meter{Chip: "ina219", Bus: "1", Address: 0x40, Channel: 1, Shunt: 100}) {
		t.Errorf("defaults: %+v (%v)", c.Meters[0], err)
	}
}
