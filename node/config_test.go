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
