package chaos_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picloud/chaos"
)

// between returns what stands in DESIGN.md between two marks.
func between(t *testing.T, begin, end string) string {
	t.Helper()
	text, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), begin+"\n")
	part, _, ended := strings.Cut(rest, end+"\n")
	if !found || !ended {
		t.Fatalf("DESIGN.md has no part from %s to %s", begin, end)
	}
	return part
}

// TestTheCatalogueInTheDesignIsThatOfTheCode: each kind stands in the table, and no other.
func TestTheCatalogueInTheDesignIsThatOfTheCode(t *testing.T) {
	named := map[string]bool{}
	quoted := regexp.MustCompile("`([a-z-]+)`")
	for i, line := range strings.Split(strings.TrimSpace(between(t, "<!-- faults -->", "<!-- end of faults -->")), "\n") {
		cells := strings.Split(line, "|")
		if i < 2 { // the head
			continue
		}
		if len(cells) != 6 || strings.TrimSpace(cells[3]+cells[4]) == "" {
			t.Errorf("row %q: it has four cells, and says what covers it", line)
			continue
		}
		for _, kind := range quoted.FindAllStringSubmatch(cells[3], -1) {
			named[kind[1]] = true
			if _, known := chaos.Lookup(chaos.Kind(kind[1])); !known {
				t.Errorf("row %q: there is no kind %s", line, kind[1])
			}
		}
	}
	for _, kind := range chaos.Kinds() {
		if !named[kind] {
			t.Errorf("no row has the kind %s", kind)
		}
	}
}

// TestAtMostTenFaultsAreNotModelled, each with a reason.
func TestAtMostTenFaultsAreNotModelled(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(between(t, "<!-- not modelled -->", "<!-- end of not modelled -->")), "\n")
	if len(rows) > 10 {
		t.Errorf("%d faults of the catalogue are not modelled", len(rows))
	}
	reasoned := func(row string) bool {
		what, why, _ := strings.Cut(strings.TrimPrefix(row, "- "), ": ")
		return strings.HasPrefix(row, "- ") && what != "" && len(why) > 20
	}
	if i := slices.IndexFunc(rows, func(row string) bool { return !reasoned(row) }); i >= 0 {
		t.Errorf("%q has no reason", rows[i])
	}
}
