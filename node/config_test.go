package node

import (
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzConfig: a configuration that is taken is valid, and the same when it is written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("nodes: [pi-1, pi-2]\nstore: {groups: [[pi-1, pi-2]], patience: 2s, cache-bytes: 9}\ndb: {resp: 6379, tokens: [{token: long-enough, role: admin, namespaces: ['*']}]}\n"))
	f.Add([]byte("cloud: home\nnodes: [pi-1]\nstore: {join: true}\n"))
	f.Add([]byte("nodes: [pi-1]\nboard: {kind: pi, every: 2s, relays: [{feeds: pi-2, pin: GPIO17}], meters: [{of: pi-2, chip: ina3221, address: 0x41, channel: 2}]}\nwatchdog: 15s\n"))
	f.Add([]byte("nodes: &a [*a]\n"))
	f.Add([]byte("http: \"-1\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, again := &Config{}, &Config{}
		if Parse("file", text, c) != nil {
			return
		}
		written, err := yaml.Marshal(c)
		if err == nil {
			err = Parse("file", written, again)
		}
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q was read as %+v, and %q as %+v: %v", text, c, written, again, err)
		}
	})
}

// TestWhatMakesNoSense is refused with its place.
func TestWhatMakesNoSense(t *testing.T) {
	for text, want := range map[string]string{
		"board: {kind: zero}": `file: node: board.kind: "zero" is none of auto, none, pi`,
		"board: {kind: none, relays: [{feeds: pi-2, pin: GPIO17}]}": "file: node: board: what is wired to it (fan-pin, relays, meters) wants kind pi",
		"board: {every: 10ms}":                            "file: node: board.every: a board is looked at ten times a second at most",
		"board: {relays: [{feeds: pi-2, pin: GPIO99}]}":   `file: node: board.relays[0].pin: "GPIO99" is none of GPIO2 to GPIO27`,
		"board: {relais: []}":                             `file:2: unknown key "relais"`,
		"nodes: {a: b}":                                   "file:2: mapping key \"nodes\" already defined at line 1",
		"watchdog: [":                                     "file:2: did not find expected node content",
		"store: {groups: [[pi-1, pi-1]]}":                 `file: node: store.groups[0]: "pi-1" is a member twice`,
		"board: {meters: [{chip: ina219, address: 0x3}]}": "file: node: board.meters[0].address: an ina219 has 0x40 to 0x4f, not 0x3",
		"monitor: {every: 15s}":                           "file: node: monitor.every: rules look back 30 s, so it looks every 10ms to 10s, not every 15s",
		"---\ndb: {resp: 6379}":                           "file: a second document begins, and nobody would look at it",
		"watchdog: 2s":                                    "file: node: watchdog: 2s is less than 10s, which a round that comes late needs",
	} {
		if err := Parse("file", []byte("nodes: [pi-1]\n"+text+"\n"), &Config{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
