package runner

import (
	"strings"
	"testing"

	"picloud/chaos"
	"picloud/scenarios"
)

// TestAScheduleMustLeaveTheEndHealed: its checks count from there on.
func TestAScheduleMustLeaveTheEndHealed(t *testing.T) {
	s, err := scenarios.Load("short-cloud")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"30s +5s kill machine=pi-1\n": "", "40s +19s kill machine=pi-1\n": "everything must be healed at 45s"} {
		o := Options{Scenario: s}
		if o.Schedule, err = chaos.Parse("schedule", text); err != nil {
			t.Fatal(err)
		}
		if _, err := o.checked(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
