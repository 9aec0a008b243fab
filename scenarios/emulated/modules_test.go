package emulated

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// graph is which modules need which.
type graph map[string][]string

func (g graph) look(name string) (string, []string, error) {
	needs, is := g[name]
	if !is {
		return "", nil, fmt.Errorf("there is no %s", name)
	}
	return name + ".ko", needs, nil
}

func TestModulesComeAfterWhatTheyNeed(t *testing.T) {
	for _, c := range []struct {
		graph graph
		names string
		want  string // the files, or a part of the error after "error "
	}{
		{graph{"cdc_ether": {"usbnet", "usbcore"}, "usbnet": {"mii", "usbcore"}, "usbcore": nil, "mii": nil}, "cdc-ether", "mii.ko usbcore.ko usbnet.ko cdc_ether.ko"},
		{graph{"one": nil, "two": nil}, "two one two", "two.ko one.ko"},
		{graph{"one": {"none"}}, "one", "error there is no none"},
		{graph{"one": {"two"}, "two": {"one"}}, "one", "error need one another: one two one"},
	} {
		files, err := order(strings.Fields(c.names), c.graph.look)
		if want, fails := strings.CutPrefix(c.want, "error "); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", c.names, err, want)
			}
		} else if got := strings.Join(files, " "); err != nil || got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.names, got, err, c.want)
		}
	}
}

// TestAnyOrderOfModulesLoads on a dumb kernel, which refuses a module unless all that it needs is there, and which has been asked twice.
func TestAnyOrderOfModulesLoads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, n := graph{}, rapid.IntRange(1, 9).Draw(t, "modules")
		for i := range n {
			var needs []string
			for j := range i { // those with lower numbers only, so that none needs itself
				if rapid.Bool().Draw(t, "needs") {
					needs = append(needs, fmt.Sprint("m", j))
				}
			}
			g[fmt.Sprint("m", i)] = needs
		}
		name := fmt.Sprint("m", rapid.IntRange(0, n-1).Draw(t, "name"))
		files, err := order([]string{name}, g.look)
		if err != nil {
			t.Fatal(err)
		}
		var loaded []string
		for _, f := range files {
			m := strings.TrimSuffix(f, ".ko")
			if slices.Contains(loaded, m) {
				t.Fatalf("%s is loaded twice in %v", m, files)
			}
			for _, need := range g[m] {
				if !slices.Contains(loaded, need) {
					t.Fatalf("%s is loaded before %s in %v", m, need, files)
				}
			}
			loaded = append(loaded, m)
		}
		if !slices.Contains(loaded, name) {
			t.Fatalf("%s is not loaded by %v", name, files)
		}
	})
}

func TestWhatAModuleNeedsIsReadFromItself(t *testing.T) {
	for info, want := range map[string][]string{
		"license=GPL\x00depends=usbnet,usbcore\x00intree=Y\x00": {"usbnet", "usbcore"},
		"depends=\x00name=mii\x00":                              nil,
		"name=mii":                                              nil,
		"softdepends=no\x00":                                    nil,
	} {
		if got := needsIn([]byte(info)); !slices.Equal(got, want) {
			t.Errorf("%q needs %v, want %v", info, got, want)
		}
	}
}
