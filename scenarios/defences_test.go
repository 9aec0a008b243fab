package scenarios

import (
	"strings"
	"testing"

	"picloud/reports"
)

func TestEveryScenarioSaysWhichDefenceItIsAbout(t *testing.T) {
	for _, name := range Names() {
		if s, err := Load(name); err != nil || s.Defence == nil {
			t.Errorf("%s does not say it (%v)", name, err)
		}
	}
}

func TestAMistakeAboutADefenceIsFound(t *testing.T) {
	for _, test := range []struct{ defence, want string }{
		{"{off: health, fails: live, seeds: 2}", ""},
		{"{mutant: single-home, fails: live, seeds: 2, dear: true}", ""},
		{"{off: healt, fails: live, seeds: 2}", `small.yaml:21: defence.off: there is no defence "healt" (did you mean "health"?)`},
		{"{mutant: single-hom, fails: live, seeds: 2}", `small.yaml:21: defence.mutant: there is no mutant "single-hom" (did you mean "single-home"?)`},
		{"{off: health, fails: life, seeds: 2}", `small.yaml:21: defence.fails: the scenario makes no check "life" (did you mean "live"?)`},
		{"{off: health, fails: durable, seeds: 2}", `small.yaml:21: defence.fails: the scenario makes no check "durable"`},
		{"{off: health, fires: NodeDown, seeds: 2}", `small.yaml:21: defence.fires: an alert fires where there is a monitor`},
		{"{off: health, fails: live}", `small.yaml:21: defence.seeds: 0 seeds`},
		{"{off: health, seeds: 2}", `small.yaml:21: defence: without its defence a check fails, or an alert fires: one of both`},
		{"{off: health, mutant: single-home, fails: live, seeds: 2}", `small.yaml:21: defence: a defence is switched off, or a mutant takes its place: one of both`},
		{"{of: health, fails: live, seeds: 2}", `small.yaml:21: defence: unknown key "of" (did you mean "off"?)`},
	} {
		_, err := Parse("small.yaml", []byte(small+"defence: "+test.defence+"\n"))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%s\n  got  %v\n  want %s", test.defence, err, test.want)
		}
	}
}

func TestWhatShowsThatADefenceIsMissing(t *testing.T) {
	failed := &reports.Result{Checks: []reports.Check{{Name: "live", Status: reports.Fail}, {Name: "kept", Status: reports.Pass}},
		Alerts: []reports.Alert{{Name: "NodeDown"}}}
	for _, test := range []struct {
		defence Defence
		want    bool
	}{
		{Defence{Off: "health", Fails: "live"}, true}, {Defence{Off: "health", Fails: "kept"}, false},
		{Defence{Off: "health", Fires: "NodeDown"}, true}, {Defence{Off: "health", Fires: "NodeHot"}, false},
	} {
		if got := test.defence.Shown(failed); got != test.want {
			t.Errorf("a run that fails live while NodeDown stands shows %s: %v", test.defence.Shows(), got)
		}
	}
}
