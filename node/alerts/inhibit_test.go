package alerts

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

const held = `inhibit_rules:
- {source_matchers: [alertname="Down"], target_matchers: [alertname!="Down"], equal: [instance]}
- {source_matchers: [class="cause", severity="page"], target_matchers: ['alertname=~"Slow|Fails"']}
- {source_matchers: [class="symptom"], target_matchers: [class="symptom"], equal: [service]}
`

// standing returns an alert that fires, with the labels name=value.
func standing(name string, pairs ...string) Alert {
	a := Alert{Name: name, State: Firing, Labels: map[string]string{"alertname": name}}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		a.Labels[k] = v
	}
	return a
}

func TestWhatIsHeldBack(t *testing.T) {
	n, err := ParseInhibitions(File{"held", []byte(held)})
	if err != nil {
		t.Fatal(err)
	}
	down := standing("Down", "instance=pi-1", "class=cause", "severity=page")
	pending := down
	pending.State = Pending
	for _, story := range []struct {
		name string
		all  []Alert
		want []string // by what each is held back
	}{
		{"nothing else fires", []Alert{standing("Full", "instance=pi-1")}, []string{""}},
		{"of the same machine", []Alert{standing("Full", "instance=pi-1"), down}, []string{"Down instance=pi-1", ""}},
		{"of another machine", []Alert{standing("Full", "instance=pi-2"), down}, []string{"", ""}},
		{"of no machine", []Alert{standing("Full"), down}, []string{"", ""}},
		{"what is pending holds back nothing", []Alert{standing("Full", "instance=pi-1"), pending}, []string{"", ""}},
		{"two that are down", []Alert{down, standing("Down", "instance=pi-2")}, []string{"", ""}},
		{"what is held back holds back too", []Alert{standing("Fails"), standing("Dry", "class=cause", "severity=page", "instance=pi-1"), standing("Down", "instance=pi-1")},
			[]string{"Dry instance=pi-1", "Down instance=pi-1", ""}},
		{"a cause that is a ticket", []Alert{standing("Slow"), standing("Dry", "class=cause", "severity=ticket")}, []string{"", ""}},
		{"neither of two that are both sides", []Alert{standing("A", "class=symptom"), standing("B", "class=symptom")}, []string{"", ""}},
	} {
		n.apply(story.all)
		for i, want := range story.want {
			if a := &story.all[i]; a.InhibitedBy != want || a.Inhibited != (want != "") {
				t.Errorf("%s: %s is held back by %q, want %q", story.name, a.Title(), a.InhibitedBy, want)
			}
		}
	}
}

func TestInhibitionsThatAreNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		`inhibit_rule: []`: "inhibit_rule not found",
		`inhibit_rules: [{source_matchers: [a="b"], target_matchers: [a="c"], equals: [x]}]`: "equals not found",
		`inhibit_rules: [{source_matchers: [a="b"]}]`:                                        "inhibit_rules[0].target_matchers: there is none",
		`inhibit_rules: [{source_matchers: [a], target_matchers: [a="c"]}]`:                  `inhibit_rules[0].source_matchers: "a" is no matcher`,
		`inhibit_rules: [{source_matchers: ['a=~"("'], target_matchers: [a="c"]}]`:           "is no matcher",
		`inhibit_rules: [{source_matchers: ['a="b", c="d"'], target_matchers: [a="c"]}]`:     "is no matcher",
		`[`: "yaml",
	} {
		if _, err := ParseInhibitions(File{"bad.yaml", []byte(text)}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.yaml") {
			t.Errorf("%s\ngives %v, want %s", text, err, want)
		}
	}
}

func FuzzInhibitions(f *testing.F) {
	f.Add(held)
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseInhibitions(File{"f", []byte(text)}); err == nil {
			n.apply([]Alert{standing("Down", "instance=pi-1"), standing("Full", "instance=pi-1")})
		}
	})
}

// TestACausePagesOnce: the symptom fires first and pages, until its cause is known.
func TestACausePagesOnce(t *testing.T) {
	l := newLab(t, ruled(`{alert: Slow, expr: took > 1, labels: {class: symptom, severity: page}}`,
		`{alert: Dry, expr: level < 5, labels: {class: cause, severity: page}}`))
	var err error
	if l.inhibit, err = ParseInhibitions(File{"held", []byte(held)}); err != nil {
		t.Fatal(err)
	}
	l.metrics = "took 3\nlevel 9\n"
	l.expect(t, "msg=alert alert=Slow state=firing", "class=symptom", `msg=page page="Slow instance=pi-1" begins=true`)
	l.metrics = "took 3\nlevel 1\n"
	l.expect(t, "msg=alert alert=Dry state=firing", `msg=page page="Dry instance=pi-1" begins=true`, `msg=page page="Slow instance=pi-1" begins=false`)
	reply := httptest.NewRecorder()
	l.ServeHTTP(reply, nil)
	var listed []Alert
	if err := json.Unmarshal(reply.Body.Bytes(), &listed); err != nil || len(listed) != 2 || !listed[0].Inhibited || listed[0].InhibitedBy != "Dry instance=pi-1" ||
		listed[0].Pages() || !listed[1].Pages() {
		t.Errorf("it lists %s (%v)", reply.Body, err)
	}
	l.metrics = "took 3\nlevel 9\n"
	l.expect(t, "msg=alert alert=Dry state=resolved", `msg=page page="Slow instance=pi-1" begins=true`, `msg=page page="Dry instance=pi-1" begins=false`)
	l.metrics = "took 0\nlevel 1\n"
	l.expect(t, "msg=alert alert=Slow state=resolved", "msg=alert alert=Dry state=firing")
	l.metrics = "took 3\nlevel 1\n"
	l.expect(t, `alert=Slow state=firing`, `inhibited_by="Dry instance=pi-1"`)
	l.expect(t)
}
