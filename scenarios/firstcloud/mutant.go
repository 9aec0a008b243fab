package firstcloud

import (
	"encoding/json"

	"github.com/hashicorp/raft"

	"picloud/node/mutant"
	"picloud/scenarios/history"
	"picloud/scenarios/kv"
)

// shortCut answers without the log where a mutant does so, and never in a product build.
func shortCut(r *raft.Raft, s *State, c kv.Command) (before string, done bool) {
	if mutant.Planted == mutant.None || r.State() != raft.Leader {
		return "", false
	}
	data, err := json.Marshal(c)
	switch {
	case err != nil:
	case mutant.Planted == mutant.StaleRead && c.Kind == history.Read:
		return s.Value(c.Key), true
	case mutant.Planted == mutant.EarlyAnswer && c.Kind == history.Write:
		r.Apply(data, applyTimeout)
		return "", true
	case mutant.Planted == mutant.UnloggedDelete && c.Kind == history.Delete:
		before, done = s.Apply(&raft.Log{Data: data}).(string)
		return before, done
	}
	return "", false
}
