package scenarios

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"picloud/chaos"
	"picloud/scenarios/accesslog"
	"picloud/scenarios/users"
)

// Replay is people who come when an access log says so: one for each address, on one machine on which users are. All of the log happens
// from start to end.
type Replay struct {
	Machine string           `yaml:"machine"`
	Start   Duration         `yaml:"start"` // since the run began
	End     Duration         `yaml:"end"`
	Shape   *accesslog.Shape `yaml:"shape"`  // of a log that is made from the seed
	Packed  string           `yaml:"packed"` // or the requests of somebody's own log, as UseLog writes them: without addresses and paths
}

// UseLog has the scenario replay a log in place of the one that it makes. Its file says so from then on.
func (s *Scenario) UseLog(log []accesslog.Request) error {
	if s.Users == nil || s.Users.Replay == nil {
		return fmt.Errorf("the scenario %s replays no log", s.Name)
	}
	packed, err := users.PackReplay(s.errands(log))
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(s.text, &doc); err != nil {
		return err
	}
	replay := value(value(doc.Content[0], "users"), "replay")
	for _, key := range []string{"shape", "packed"} {
		remove(replay, key)
	}
	set(replay, "packed", &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: base64.StdEncoding.EncodeToString(packed)})
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return err
	}
	own, err := Parse(s.Name+".yaml", text.Bytes())
	if err == nil {
		*s = *own
	}
	return err
}

// ReplayOn returns what those do who come to a machine because a log says so.
func (s *Scenario) ReplayOn(machine string, stream func(string) *rand.Rand) (users.Replay, error) {
	r := s.Users.Replay
	switch {
	case r == nil || r.Machine != machine:
		return nil, nil
	case r.Packed != "":
		return base64.StdEncoding.DecodeString(r.Packed)
	}
	log, err := accesslog.Parse("the log that is made", strings.NewReader(accesslog.Make(stream("access-log"), *r.Shape)))
	if err != nil {
		return nil, err
	}
	return users.PackReplay(s.errands(log))
}

// errands returns what is done for a log.
func (s *Scenario) errands(log []accesslog.Request) []users.Errand {
	r := s.Users.Replay
	var all []users.Errand
	for _, a := range accesslog.Arrivals(log, time.Duration(r.End-r.Start)) {
		kind, who := users.ErrandOf(a.Method, a.Path, a.Status, a.Bytes, s.Users.Count)
		all = append(all, users.Errand{At: time.Duration(r.Start) + a.After, Client: a.Number, Kind: kind, Who: who})
	}
	return all
}

func (s *Scenario) validateReplay() error {
	r := s.Users.Replay
	if r == nil {
		return nil
	}
	switch homes := s.Homes(); {
	case len(homes) != 1 || r.Machine != homes[0]:
		return wrong("users.replay.machine", "%q is not the one machine on which users are%s", r.Machine, chaos.DidYouMean(r.Machine, homes))
	case r.Start < 0 || r.End <= r.Start || r.End > s.Duration:
		return wrong("users.replay", "a log that is replayed from %s to %s does not fit into a run of %s", time.Duration(r.Start), time.Duration(r.End), time.Duration(s.Duration))
	case (r.Shape == nil) == (r.Packed == ""):
		return wrong("users.replay", "there is the shape of a log or a packed one, one of both")
	}
	if r.Shape != nil {
		if err := r.Shape.Validate(); err != nil {
			return wrong("users.replay.shape", "%s", err)
		}
		return nil
	}
	packed, err := base64.StdEncoding.DecodeString(r.Packed)
	if err == nil {
		_, err = users.Replay(packed).Errands()
	}
	if err != nil {
		return wrong("users.replay.packed", "%s", err)
	}
	return nil
}
