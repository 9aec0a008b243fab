package twin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"picloud/hw"
)

// started returns a board that runs since a quarter of a second.
func started(tb testing.TB, c Config) *Pi {
	tb.Helper()
	p, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	p.SetPower(true, 0)
	p.Advance(tickTime, Work{})
	expect(tb, p, Started)
	return p
}

// expect checks which events there were since the last look.
func expect(tb testing.TB, p *Pi, want ...EventKind) {
	tb.Helper()
	var got []EventKind
	for _, e := range p.Events() {
		got = append(got, e.Kind)
	}
	same := len(got) == len(want)
	for i := range got {
		same = same && got[i] == want[i]
	}
	if !same {
		tb.Fatalf("events %v, want %v", got, want)
	}
}

// read returns a file without the end of its line.
func read(tb testing.TB, p *Pi, path string) string {
	tb.Helper()
	b, err := p.Parts().ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

func write(tb testing.TB, p *Pi, path, text string) {
	tb.Helper()
	if err := p.Parts().WriteFile(path, []byte(text)); err != nil {
		tb.Fatal(err)
	}
}

// find returns the one path that fits a pattern.
func find(tb testing.TB, p *Pi, pattern string) string {
	tb.Helper()
	found, err := p.Parts().Glob(pattern)
	if err != nil || len(found) != 1 {
		tb.Fatalf("%s fits %v, %v", pattern, found, err)
	}
	return found[0]
}

// device returns the hwmon device of a name.
func device(tb testing.TB, p *Pi, name string) string {
	tb.Helper()
	found, _ := p.Parts().Glob("/sys/class/hwmon/hwmon*/name")
	for _, path := range found {
		if read(tb, p, path) == name {
			return filepath.Dir(path)
		}
	}
	tb.Fatalf("no device %s among %v", name, found)
	return ""
}

// work advances by a time in which some cores are busy.
func work(p *Pi, t time.Duration, cores int) {
	p.Advance(p.now+t, Work{CoreTime: t * time.Duration(cores)})
}

func TestNothingInTheTwinIsAFloat(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue // an oracle may compute as it likes
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path := strings.Trim(i.Path.Value, `"`); path == "math" || path == "math/cmplx" {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.FLOAT && !strings.Contains(n.Value, "e") || n.Kind == token.IMAG {
					t.Errorf("%s: %s", set.Position(n.Pos()), n.Value)
				}
			case *ast.Ident:
				if strings.HasPrefix(n.Name, "float") || strings.HasPrefix(n.Name, "complex") || n.Name == "Float64" || n.Name == "Seconds" {
					t.Errorf("%s: %s", set.Position(n.Pos()), n.Name)
				}
			case *ast.SelectorExpr:
				if x, is := n.X.(*ast.Ident); is && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Sleep" || n.Sel.Name == "Since") {
					t.Errorf("%s: time.%s", set.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine", set.Position(n.Pos()))
			}
			return true
		})
	}
}

func TestConfigurationsAreRefused(t *testing.T) {
	relay := func(relays ...hw.Relay) Config { return Config{Name: "a", Equipment: hw.Config{Relays: relays}} }
	meter := func(meters ...hw.Meter) Config { return Config{Name: "a", Equipment: hw.Config{Meters: meters}} }
	for want, c := range map[string]Config{
		"unknown model 9":       {Model: 9},
		"unknown cooling 9":     {Cooling: 9},
		"cable of -1":           {CableMilliohms: -1},
		"a card's figure":       {Card: Card{Bytes: -1}},
		"needs the cooling fan": {Equipment: hw.Config{FanPin: "GPIO18"}},
		"would cut itself off":  relay(hw.Relay{Feeds: "a", Pin: "GPIO17"}),
		"relays[1].pin":         relay(hw.Relay{Feeds: "b", Pin: "GPIO17"}, hw.Relay{Feeds: "c", Pin: "GPIO17"}),
		"none of GPIO2":         relay(hw.Relay{Feeds: "b", Pin: "GPIO99"}),
		"meters[0].chip":        meter(hw.Meter{Chip: "ina300", Address: 0x40}),
		"beyond all cards":      {Card: Card{Cycles: 1e7}},
		"is not between 0 and":  {CableMilliohms: 20_000},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestNamesAreParsedAndPrinted(t *testing.T) {
	for m := Pi3B; m <= Pi5; m++ {
		if back, err := ParseModel(m.String()); back != m || err != nil {
			t.Errorf("%s: %v, %v", m, back, err)
		}
	}
	for c := Bare; c <= Fan; c++ {
		if back, err := ParseCooling(c.String()); back != c || err != nil {
			t.Errorf("%s: %v, %v", c, back, err)
		}
	}
	if _, err := ParseModel("pi-2"); err == nil || !strings.Contains(err.Error(), "pi-3b+, pi-4b") {
		t.Error(err)
	}
}

func BenchmarkAdvanceByATick(b *testing.B) {
	p := started(b, Config{Model: Pi5, Cooling: Fan})
	for i := range b.N {
		p.Advance(p.now+tickTime, Work{CoreTime: time.Duration(i%1000) * time.Millisecond, NetBytes: 1000, Written: 4096})
		p.Events()
	}
}

func BenchmarkAdvanceBetweenTicks(b *testing.B) {
	p := started(b, Config{Model: Pi5, Cooling: Fan})
	for range b.N {
		p.Advance(p.now+time.Millisecond, Work{CoreTime: time.Millisecond, NetBytes: 1000, Written: 4096})
	}
}

func BenchmarkReadTemperature(b *testing.B) {
	p := started(b, Config{Model: Pi5, Cooling: Fan})
	parts := p.Parts()
	for range b.N {
		if _, err := parts.ReadFile("/sys/class/thermal/thermal_zone0/temp"); err != nil {
			b.Fatal(err)
		}
	}
}
