package museum

import (
	"picloud/scenarios/firstcloud"
	"picloud/scenarios/kv"
)

// read returns what stands under a key. It goes through the log, as a write does.
func read(m *member, c kv.Command) (string, error) {
	return firstcloud.Apply(m.raft, c)
}
