package chaos

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyFault draws a valid fault of any kind.
func anyFault(t *rapid.T) Fault {
	spec := rapid.SampledFrom(Catalogue()).Draw(t, "kind")
	f := Fault{
		At:   time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "at")),
		Kind: spec.Kind,
	}
	if !spec.Instant() {
		f.For = time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "for"))
	}
	for _, p := range spec.Params {
		f.Params = append(f.Params, Param{p.Name, rapid.Int64Range(p.Min, p.Max).Draw(t, p.Name)})
	}
	if spec.Kind == LinkFlap { // it is up for a moment at least
		f.Params[0].Value = min(f.Params[0].Value, f.Params[1].Value-1)
	}
	known := []string{"pi-1", "pi-2", "pi-3", "client", "shelf.a"}
	if spec.Target != OnSwitch && rapid.Bool().Draw(t, "by part") {
		known[0], known[1] = "leader:0", "follower:12"
	}
	names := rapid.Permutation(known).Draw(t, "names")
	f.Target = Target{Type: spec.Target, A: names[:1]}
	switch spec.Target {
	case OnMachines:
		f.Target.A = names[:rapid.IntRange(1, 5).Draw(t, "size")]
		if spec.Kind == DiskSwap || spec.Kind == DiskClone {
			f.Target.A = names[:2]
		}
	case OnLink, OnSides:
		cut := rapid.IntRange(1, 4).Draw(t, "cut")
		f.Target.A, f.Target.B = names[:cut], names[cut:]
		if spec.Target == OnLink && rapid.Bool().Draw(t, "wild") {
			f.Target.B = []string{"*"}
		}
	}
	return f
}

func TestWhatIsPrintedParsesBackToTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{}
		names := map[string]bool{}
		for _, f := range rapid.SliceOfN(rapid.Custom(anyFault), 0, 20).Draw(t, "faults") {
			if !names[f.Name()] {
				s, names[f.Name()] = append(s, f), true
			}
		}
		s.Sort()
		got, err := Parse("schedule.txt", s.String())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("got\n%swant\n%s", got, s)
		}
	})
}

func TestALineIsRead(t *testing.T) {
	s, err := Parse("schedule.txt", `
# Two faults in the wrong order, one with a comment behind it.
20s     +0s  clock-step machine=pi-3 by=-5000ms
12.500s +3s  net-loss   link=pi-1>pi-2  # the default rate
`)
	if err != nil {
		t.Fatal(err)
	}
	want := "12.500s +3.000s net-loss link=pi-1>pi-2 rate=50000ppm\n" +
		"20.000s +0.000s clock-step machine=pi-3 by=-5000ms\n"
	if s.String() != want {
		t.Errorf("got\n%swant\n%s", s, want)
	}
}

func TestAMalformedLineIsRefusedWithItsPlace(t *testing.T) {
	tests := []struct{ line, want string }{
		{"1s +1s kil machine=pi-1", `unknown fault kind "kil" (did you mean "kill"?)`},
		{"1s +1s zzzzzzzzz machine=pi-1", `unknown fault kind "zzzzzzzzz"`},
		{"1s kill machine=pi-1", "a fault needs a start, a duration, a kind and a target"},
		{"1s 1s kill machine=pi-1", `the duration "1s" must start with +`},
		{"1m +1s kill machine=pi-1", `the start "1m" is not a time in seconds like 12.500s`},
		{"1.0000000001s +1s kill machine=pi-1", "is not a time in seconds"},
		{"1s +0s kill machine=pi-1", "kill needs a duration"},
		{"1s +1s reset link=pi-1>pi-2", "reset happens at an instant"},
		{"1s +1s kill link=pi-1>pi-2", `kill wants a target of the form machine=..., got "link=pi-1>pi-2"`},
		{"1s +1s kill machine=pi-1,pi-2", "kill wants one machine"},
		{"1s +1s kill machine=PI", `"PI" in "machine=PI" is not a name`},
		{"1s +1s kill machine=*", `"*" in "machine=*" is not a name`},
		{"1s +1s kill machine=leadr:0", `no machine has the part "leadr" in a group (did you mean "leader"?)`},
		{"1s +1s kill machine=leader:01", `"leader:01" in "machine=leader:01" is not a name`},
		{"1s +1s switch-dark switch=leader:0", `"leader:0" in "switch=leader:0" is not a name`},
		{"1s +1s partition-minority machines=leader:0,leader:0", "leader:0 stands twice"},
		{"1s +1s crash-at-point machine=pi-1 point=log-sync", `crash-at-point knows no point "log-sync" (did you mean "log-synced"?): there are log-synced, log-noted, `},
		{"1s +1s crash-at-op machine=pi-1 op=3", `crash-at-op knows no op "3": there are any, create, write, sync, rename, remove`},
		{"1s +1s net-loss link=pi-1", `net-loss wants two sides with ">" between them`},
		{"1s +1s net-loss link=pi-1>pi-1", "pi-1 stands twice"},
		{"1s +1s net-loss link=pi-1>pi-2 rate=5", "net-loss wants rate as a whole number like rate=50000ppm"},
		{"1s +1s net-loss link=pi-1>pi-2 rate=0ppm", "rate=0ppm is out of range (1 to 1000000)"},
		{"1s +1s net-loss link=pi-1>pi-2 rat=5ppm", `net-loss has no parameter "rat" (did you mean "rate"?)`},
		{"1s +1s net-loss link=pi-1>pi-2 rate=5ppm rate=6ppm", "rate stands twice"},
		{"1s +1s disk-swap machines=pi-1,pi-2,pi-3", `disk-swap wants two machines, got "machines=pi-1,pi-2,pi-3"`},
		{"1s +1s disk-clone machines=pi-1", `disk-clone wants two machines, got "machines=pi-1"`},
		{"1s +9s link-flap machine=pi-1 down=3000ms every=3000ms", "link-flap: with down=3000ms every=3000ms the wire is never up"},
		{"1s +9s link-flap machine=pi-1 every=2000ms", "link-flap: with down=2050ms every=2000ms the wire is never up"},
		{"1s +1s partition-majority sides=pi-1|", `"" in "sides=pi-1|" is not a name`},
	}
	for _, test := range tests {
		_, err := Parse("schedule.txt", "# a comment\n\n"+test.line+"\n")
		if err == nil || !strings.HasPrefix(err.Error(), "schedule.txt:3: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n  got  %v\n  want schedule.txt:3: ...%s", test.line, err, test.want)
		}
	}
}

func TestTheSameFaultTwiceIsRefused(t *testing.T) {
	for _, text := range []string{
		"1s +1s kill machine=pi-1\n1s +2s kill machine=pi-1",
		"1s +1s kill machine=pi-1\n1s +2s pause machine=pi-2\n1s +3s kill machine=pi-1", // another one stands between them
	} {
		_, err := Parse("schedule.txt", text)
		if err == nil || !strings.Contains(err.Error(), "kill machine=pi-1 @1.000s stands twice") {
			t.Errorf("%s\n  got %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("12.500s +3.000s net-loss link=pi-1>pi-2 rate=200000ppm\n")
	f.Add("1s +1s partition-majority sides=pi-1,pi-2|pi-3 # cut\n\n2s +0s disk-rot machine=a bits=3")
	f.Add("1s +1s clog link=*>pi-1\n")
	f.Add("1s +1s clog link=leader:0>follower:7\n2s +3s crash-at-op machine=leader:1 op=sync n=17 by=kill")
	f.Add("1s +1s crash-at-point machine=pi-1 point=file-renamed\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("schedule.txt", text)
		if err != nil {
			return
		}
		again, err := Parse("schedule.txt", s.String())
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%q was read as\n%sand that as\n%s (%v)", text, s, again, err)
		}
	})
}

func TestTheCatalogueIsWhole(t *testing.T) {
	seen := map[Kind]bool{}
	for _, k := range Catalogue() {
		if seen[k.Kind] {
			t.Errorf("%s stands twice", k.Kind)
		}
		seen[k.Kind] = true
		if k.Meaning == "" || k.Survivable == "" || k.Class == "" || k.Target == "" || k.MinFor > k.MaxFor {
			t.Errorf("%s is not complete", k.Kind)
		}
		for _, p := range k.Params {
			if p.Meaning == "" || p.Default < p.Min || p.Default > p.Max || p.Low < 0 || p.Low > p.Top || p.Top > p.Max {
				t.Errorf("%s: the parameter %s is not complete or its ranges do not fit", k.Kind, p.Name)
			}
		}
		if k.Harm == HarmSilent && k.Target != OnMachine && k.Target != OnMachines {
			t.Errorf("%s: the limits take silent harm to be on machines", k.Kind)
		}
		if k.Beyond && k.Harm == HarmNone {
			t.Errorf("%s is beyond what copies make up for, and does no harm", k.Kind)
		}
	}
}

func TestPairsOfATarget(t *testing.T) {
	top := Topology{Machines: []Machine{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	tests := []struct {
		target Target
		want   [][2]string
	}{
		{AtLink("a", "b"), [][2]string{{"a", "b"}}},
		{AtLink("a", "*"), [][2]string{{"a", "b"}, {"a", "c"}}},
		{AtLink("*", "a"), [][2]string{{"b", "a"}, {"c", "a"}}},
		{Target{Type: OnSides, A: []string{"a"}, B: []string{"b"}}, [][2]string{{"a", "b"}, {"b", "a"}}},
		{AtMachine("a"), nil},
	}
	for _, test := range tests {
		if got := top.Pairs(test.target); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s gives %v, want %v", test.target, got, test.want)
		}
	}
	if n := len(top.Pairs(AtLink("*", "*"))); n != 6 {
		t.Errorf("*>* gives %d pairs of three machines, want 6", n)
	}
}
