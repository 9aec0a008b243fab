package chaos

import (
	"strings"
	"testing"
)

// TestFaultsThatWouldUndoEachOtherAreRefused, and those that count how often they stand are not, nor those that only touch.
func TestFaultsThatWouldUndoEachOtherAreRefused(t *testing.T) {
	top := aimedNodes().Topology
	tests := []struct{ first, second, want string }{
		{"10s +10s link-slow machine=pi-1", "15s +10s link-slow machine=pi-1 rate=2000000bytes/s",
			"the faults `10.000s +10.000s link-slow machine=pi-1 rate=12500000bytes/s half=0` and `15.000s +10.000s link-slow machine=pi-1 rate=2000000bytes/s half=0` " +
				"overlap, and both set the rate of the wire of pi-1: when one ends it undoes the other"},
		{"10s +30s cpu-slow machine=pi-1", "15s +10s cpu-slow machine=pi-1", "both set the speed of the processor of pi-1"},
		{"10s +10s cpu-slow machine=pi-1", "15s +10s cpu-slow machine=leader:0", "both set the speed of the processor of what may be one machine"},
		{"10s +10s memory-limit machine=pi-1", "15s +10s memory-limit machine=pi-1", "both set the memory of pi-1"},
		{"10s +10s fd-limit machine=pi-1", "15s +10s fd-limit machine=pi-1", "both set the descriptors of pi-1"},
		{"10s +10s clock-drift machine=pi-1", "15s +10s clock-drift machine=pi-1", "both set the rate of the clock of pi-1"},
		{"10s +10s incast switch=shelf-1", "15s +10s incast switch=shelf-1", "both set the buffer of shelf-1"},
		{"10s +10s air-warm switch=shelf-1", "15s +10s air-warm switch=shelf-1", "both set the air of shelf-1"},
		{"10s +10s supply-weak switch=shelf-1", "15s +10s supply-weak switch=shelf-1", "both set the supply of shelf-1"},
		{"10s +10s supply-out switch=shelf-1", "15s +10s supply-weak switch=shelf-1", "both set the supply of shelf-1"},
		{"10s +10s cpu-lies machines=pi-1,pi-2", "15s +10s cpu-lies machines=pi-3,pi-2", "both set the hashes of pi-2"},
		{"10s +10s hang machine=pi-1", "15s +10s hang machine=pi-1", "both set the watchdog of pi-1"},
		{"10s +10s fan-dead machine=pi-1", "15s +10s fan-dead machine=pi-1", "both set the fan of pi-1"},
		{"10s +10s sensor-stuck machine=pi-1", "15s +10s sensor-stuck machine=pi-1", "both set the sensor of pi-1"},
		{"10s +10s relay-stuck machine=pi-1", "15s +10s relay-stuck machine=pi-1", "both set the relay of pi-1"},
		{"10s +10s cable-bad machine=pi-1", "15s +10s cable-bad machine=pi-1", "both set the cable of pi-1"},
		{"10s +10s link-flap machine=pi-1", "15s +10s link-flap machine=pi-1", "both set the wire of pi-1"},

		{"10s +10s cpu-slow machine=pi-1", "20s +10s cpu-slow machine=pi-1", ""},
		{"10s +10s cpu-slow machine=pi-1", "15s +10s cpu-slow machine=pi-2", ""},
		{"10s +10s cpu-slow machine=pi-1", "15s +10s clock-drift machine=pi-1", ""},
		{"10s +10s supply-out switch=shelf-1", "15s +10s supply-weak switch=shelf-2", ""},
		{"10s +10s kill machine=pi-1", "15s +10s kill machine=pi-1", ""},
		{"10s +10s pause machine=pi-1", "15s +10s pause machine=pi-1", ""},
		{"10s +10s power-cut machine=pi-1", "15s +10s power-cut machine=pi-1", ""},
		{"10s +10s poe-shed switch=shelf-1", "15s +10s poe-shed switch=shelf-1", ""},
		{"10s +10s clock-offset machine=pi-1", "15s +10s clock-offset machine=pi-1", ""},
		{"10s +10s disk-full machine=pi-1", "15s +10s disk-full machine=pi-1", ""},
		{"10s +10s partition-one machine=pi-1", "15s +10s partition-one machine=pi-1", ""},
		{"10s +10s net-loss link=pi-1>pi-2", "15s +10s net-loss link=pi-1>pi-2", ""},
	}
	for _, test := range tests {
		s, err := Parse("s", test.second+"\n"+test.first)
		if err != nil {
			t.Fatal(err)
		}
		err = top.Check(s)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s and %s:\n  got  %v\n  want %s", test.first, test.second, err, test.want)
		}
	}
}
