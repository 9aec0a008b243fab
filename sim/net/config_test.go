package net

import (
	"testing"

	"picloud/sim/event"
)

func TestConfigSaysWhatIsWrong(t *testing.T) {
	root := Switch{Name: "core"}
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, "network: 0 switches, need 1 to 254"},
		{Config{Switches: []Switch{root, {Name: "attic"}}}, "network: 2 switches without an uplink, need exactly one"},
		{Config{Switches: []Switch{root, {Name: "core", Uplink: "core"}}}, `network: switch 2 ("core"): the name is empty or taken`},
		{Config{Switches: []Switch{root, {Name: "a", Uplink: "b"}}}, `network: switch "a": no switch "b" to link up to`},
		{Config{Switches: []Switch{root, {Name: "a", Uplink: "b"}, {Name: "b", Uplink: "a"}}}, `network: switch "a": its uplinks go in a circle`},
		{Config{Switches: []Switch{root}, Hosts: []HostConfig{{Name: "pi", Switch: "cellar"}}}, `network: machine 1 ("pi"): no switch "cellar"`},
		{Config{Switches: []Switch{root}, Hosts: []HostConfig{{Name: "core", Switch: "core"}}}, `network: machine 1 ("core"): the name is taken`},
		{Config{Switches: []Switch{root}, Hosts: []HostConfig{{Name: "pi", Switch: "core", Link: Link{BytesPerSecond: -1}}}},
			`network: machine 1 ("pi"): bandwidth of -1 bytes/s, need 1 to 100,000,000,000`},
	} {
		if _, err := New(event.NewLoop(1), c.config); err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestRouteGoesThroughTheCommonSwitch(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		from, to        string
		links, switches int
	}{
		{"a1", "a2", 2, 1},
		{"a1", "b1", 4, 3},
		{"b1", "a2", 4, 3},
	} {
		p := w.net.Host(c.from).pair(w.net.Host(c.to))
		if len(p.links) != c.links || len(p.switches) != c.switches {
			t.Errorf("%s to %s: %d links, %d switches; want %d, %d", c.from, c.to, len(p.links), len(p.switches), c.links, c.switches)
		}
	}
}
