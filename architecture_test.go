package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// arrows says which of the project's packages a package may import, and why no others. A package is
// ruled by the longest prefix that fits. Tests may import more.
var arrows = []struct {
	from string
	to   []string
	why  string
}{
	{"chaos", []string{"node/host/points"}, "the catalogue and schedules are data, on which the simulator and the monkey of live clusters stand; at which points a node can crash, its code says"},
	{"chaos/monkey", []string{"chaos", "node/host/orders"}, "the monkey orders faults of processes that run, and need not know what these are: who starts it says what to ask them"},
	{"hw", []string{"hw"}, "the board is at the ground"},
	{"hw/board", []string{"hw", "node/mutant"}, "a bug that can be planted there is a name"},
	{"reports", nil, "reports see results, no simulator: a live run is shown the same way"},
	{"reports/answers", []string{"reports"}, "what a person says of a run is compared with its page"},
	{"node/host", []string{"hw"}, "what a node stands on is at the ground, beside the board"},
	{"node/host/points", nil, "a name of a place is known to who passes it and to who orders a crash there"},
	{"node/host/orders", nil, "how faults are ordered is agreed upon by who orders and who carries out, and neither knows the other"},
	{"node/host/hosttest", []string{"node/host"}, "a contract knows the interface only"},
	{"node", []string{"node", "hw"}, "node code runs on real Pis: it must not know that there is a simulator"},
	{"node/abuse/link", nil, "it looks at texts and knows nothing of who wrote them"},
	{"node/abuse/phash", nil, "it looks at pictures and knows nothing of who sent them"},
	{"node/alerts", []string{"node/host", "node/mutant"}, "alerts know metrics by name: the parts that export them bring their own rules"},
	{"node/proof", []string{"node/api", "node/host", "node/presence", "node/web", "node/wire"}, "whoever keeps what lasts asks it, so it knows none of them"},
	{"node/abuse/text", nil, "a model is a function of texts and labels: it knows no cloud"},
	{"sim/event", nil, "the event loop is at the ground of the simulator"},
	{"sim/channel", nil, "the channel is what kernel and processes share"},
	{"sim/detrt", []string{"sim/channel"}, "the runtime knows the shared page and nothing else"},
	{"sim/kernel", []string{"sim/event", "sim/channel"}, "the kernel runs processes; devices attach to it"},
	{"sim/net", []string{"sim/event", "sim/channel"}, "a device knows processes as channel.Guest only"},
	{"sim/disk", []string{"sim/event", "sim/channel"}, "a device knows processes as channel.Guest only"},
	{"sim/rack", []string{"hw", "sim/event", "sim/channel"}, "a device knows processes as channel.Guest only; what a modelled Pi is, package twin says"},
	{"sim/machine", []string{"hw", "node/host", "sim/channel", "sim/detrt"}, "the inside of a machine meets the kernel at the channel only"},
	{"sim/world", []string{"chaos", "hw", "sim"}, "the world plays schedules and judges nothing"},
	{"sim/simtest", []string{"sim"}, "helps tests of the simulator"},
	{"scenarios/history", nil, "histories come from simulated and live runs alike"},
	{"scenarios/checks", []string{"chaos", "reports", "scenarios/history"}, "checks judge saved histories in a plain process"},
	{"scenarios/runner", []string{"chaos", "hw", "node", "reports", "scenarios", "sim"}, "the runner joins scenarios and world"},
	{"scenarios/example", []string{"node", "scenarios/kv", "sim/machine"}, "an example stands on what its reader's program will stand on"},
	{"scenarios/compare/load", nil, "it is also built into the program that drives etcd, in a module of its own"},
	{"scenarios/emulated/guest", []string{"hw", "node/wait", "scenarios/emulated/inside"}, "in a guest there are the kernel, the board and the program under test"},
	{"scenarios/emulated/inside", nil, "what both sides agree upon is theirs alone"},
	{"scenarios/abuse", []string{"node/abuse/text"}, "what is measured is the model that judges, outside of any cloud"},
	{"scenarios/accesslog", nil, "a log knows no cloud"},
	{"scenarios/certificate", nil, "a certificate knows no cloud"},
	{"scenarios/shrink", []string{"chaos", "reports", "scenarios", "scenarios/hunt"}, "how a run is played it is told: cutting down is searching"},
	{"scenarios/cause", []string{"chaos", "reports", "scenarios", "scenarios/hunt", "scenarios/shrink"}, "how a run is played it is told: a cause is what runs differ by"},
	{"scenarios/bench", []string{"scenarios", "sim"}, "measures worlds"},
	{"scenarios/command", []string{"chaos", "hw", "node", "reports", "scenarios", "sim"}, "the command line is on top"},
	{"scenarios", []string{"chaos", "hw", "node", "reports", "scenarios"}, "scenarios and the programs they load know no simulator; a modelled board is none"},
	{"", []string{"chaos", "node", "reports", "scenarios", "sim"}, "the command is on top"},
}

// outside lists ways out of the process that only node/host may take.
var outside = map[string]string{
	"os":        "files and environment come through node/host",
	"os/exec":   "processes come through node/host",
	"os/signal": "a simulated machine has no signals",
	"syscall":   "errors are os and io/fs errors; calls go through node/host",
}

// drivers is what only hw/pi may import of periph, and of it no more than two packages.
const (
	drivers       = "periph.io/x/host/"
	driversImport = "hw/pi"
	driversShown  = "scenarios/emulated/guest" // in no program that is put on machines: it shows what is wrong with a driver
)

const module = "picloud"

func TestImportsPointOneWay(t *testing.T) {
	for _, f := range sources(t) {
		rule := ruleFor(f.pkg)
		for _, path := range f.imports {
			local, ours := strings.CutPrefix(path, module+"/")
			if ours && !allowed(local, rule.to) && !below(local, f.pkg) {
				t.Errorf("%s imports %s: %s may import %v, because %s", f.path, path, name(f.pkg), rule.to, rule.why)
			}
			if why, bad := outside[path]; bad && below(f.pkg, "node") && !below(f.pkg, "node/host") {
				t.Errorf("%s imports %s: %s", f.path, path, why)
			}
		}
	}
}

// TestOnlyOnePackageDrivesRealHardware: who imports periph's host drivers has what they register and reach, on a simulated machine too.
func TestOnlyOnePackageDrivesRealHardware(t *testing.T) {
	allowed := []string{drivers + "v3/gpioioctl", drivers + "v3/sysfs"}
	for _, f := range sources(t) {
		for _, path := range f.imports {
			switch {
			case !strings.HasPrefix(path, drivers):
			case f.pkg != driversImport && f.pkg != driversShown:
				t.Errorf("%s imports %s: only %s may, as everything else reaches hardware by hw.Parts, which the simulator has too", f.path, path, driversImport)
			case path != allowed[0] && path != allowed[1]:
				t.Errorf("%s imports %s: %v are enough, and others map registers that a Pi 5 has elsewhere", f.path, path, allowed)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		documented[f.pkg] = documented[f.pkg] || f.doc
	}
	for _, pkg := range sorted(documented) {
		if !documented[pkg] {
			t.Errorf("package %s has no package comment", name(pkg))
		}
	}
}

func TestFilesAndFunctionsAreSmall(t *testing.T) {
	const mostLines, mostInFunction = 500, 70
	for _, f := range sources(t) {
		if f.lines > mostLines {
			t.Errorf("%s has %d lines: what in it wants to be a file of its own?", f.path, f.lines)
		}
		for function, lines := range f.functions {
			if lines > mostInFunction {
				t.Errorf("%s: %s has %d lines: what in it wants to be a function of its own?", f.path, function, lines)
			}
		}
	}
}

// source is a file of the project that is not a test.
type source struct {
	path, pkg string
	imports   []string
	doc       bool
	lines     int
	functions map[string]int
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "out") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if pkg == "." {
			pkg = ""
		}
		s := source{path: path, pkg: pkg, doc: parsed.Doc != nil, lines: set.Position(parsed.End()).Line, functions: map[string]int{}}
		for _, i := range parsed.Imports {
			s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				s.functions[f.Name.Name] = set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
			}
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func ruleFor(pkg string) (rule struct {
	from string
	to   []string
	why  string
}) {
	found := false
	for _, r := range arrows {
		if (r.from == "" || below(pkg, r.from)) && (!found || len(r.from) > len(rule.from)) {
			rule, found = r, true
		}
	}
	return rule
}

func allowed(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if below(pkg, p) {
			return true
		}
	}
	return false
}

func below(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

func name(pkg string) string {
	if pkg == "" {
		return "the command"
	}
	return pkg
}

func sorted(m map[string]bool) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
