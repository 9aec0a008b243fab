package checks

import (
	"strings"
	"testing"
	"time"

	"picloud/chaos"
	"picloud/reports"
)

func TestNamedCauses(t *testing.T) {
	alert := func(name, machine string, from, to time.Duration) reports.Alert {
		return reports.Alert{Name: name, Labels: map[string]string{"instance": machine}, From: reports.Seconds(from * time.Second), To: reports.Seconds(to * time.Second)}
	}
	const kill = "10s +2s kill machine=pi-1\n"
	for _, c := range []struct {
		schedule string
		alerts   []reports.Alert
		want     string
	}{
		{kill, []reports.Alert{alert("NodeRestarted", "pi-1", 16, 40)}, "pass alerts named 1 of 1"},
		{kill, []reports.Alert{alert("NodeRestarted", "pi-2", 16, 40)}, "fail alerts named 0 of 1"},
		{kill, []reports.Alert{alert("NodeRestarted", "pi-1", 33, 40)}, "fail alerts named 0 of 1"},
		{kill, []reports.Alert{alert("NodeRestarted", "pi-1", 2, 9)}, "fail alerts named 0 of 1"},
		{kill, []reports.Alert{alert("ClockOff", "pi-1", 16, 40)}, "fail alerts named 0 of 1"},
		{"10s +5s pause machine=pi-1\n", nil, "inconclusive saw 0"},
		{"10s +15s pause machine=pi-1\n", nil, "fail alerts named 0 of 1"},
		{"10s +15s pause machine=pi-1\n", []reports.Alert{alert("NodeDown", "pi-1", 24, 26)}, "pass alerts named 1 of 1"},
		{"10s +0s clock-step machine=pi-1 by=-60000ms\n", []reports.Alert{alert("ClockOff", "pi-1", 14, 99)}, "pass alerts named 1 of 1"},
		{"10s +0s clock-step machine=pi-1 by=60ms\n", nil, "inconclusive saw 0"},
		{kill + "11s +0s clock-step machine=pi-1 by=60000ms\n", nil, "fail alerts named 0 of 1"}, // the kill hides the step, and not the other way round
	} {
		s, err := chaos.Parse("schedule", c.schedule)
		if err != nil {
			t.Fatal(err)
		}
		felt := make([]int64, len(s))
		for i := range felt {
			felt[i] = 1
		}
		got := Named(s, felt, c.alerts, 100*time.Second, 900_000, 1)
		if text := string(got.Status) + " " + got.Detail; !strings.HasPrefix(text, c.want) {
			t.Errorf("%s with %v: %s; it should say %q", c.schedule, c.alerts, text, c.want)
		}
	}
}
